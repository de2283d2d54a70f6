/* documents.h - parts of JSON documents that several commands have, and printing them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_DOCUMENTS_H
#define ROPEMAP_TOOLS_ROPEMAP_DOCUMENTS_H

#include "host/ropemap.h"

#include <jansson.h>

typedef struct cli_bytes {
    char text[24];
} cli_bytes;

/* In the unit that leaves one to four digits. */
cli_bytes bytes_shown(uint64_t bytes);

/* A number; null where it is NaN or infinite, which JSON does not have. */
json_t *document_real(double value);

/* A count; null where it is 0, which stands for none. */
json_t *document_count(int64_t count);

/* Axes of positions, each an object, [] where there is one; and the word for how pairs are dealt to them. */
json_t *document_axes(const ropemap_axes *axes);

const char *document_deal(const ropemap_axes *axes);

/* A text; bytes that are no UTF-8 become '?'. */
json_t *document_text(const char *text);

/* The base of a rule, and the file of its frequencies: one of them is null. */
json_t *document_base(const ropemap_spec *spec);

json_t *document_frequencies(const ropemap_spec *spec);

/* A document as text without spaces, which the caller frees, and drops it; NULL counts as a lack of memory.
 */
ropemap_status document_bytes(json_t *document, ropemap_bytes *text, ropemap_error *error);

/* Prints a document to stdout in ASCII, so that no name in it can steer a terminal, and drops it; NULL counts
 * as a lack of memory. Returns the exit code. */
int document_print(json_t *document);

#endif
