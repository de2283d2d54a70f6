/* document.h - the parts that JSON documents about maps share */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_DOCUMENT_H
#define ROPEMAP_TOOLS_DOCUMENT_H

#include "tools/ropemap/map_options.h"

#include <jansson.h>

/*
 * A document of that schema with what was asked and the plan. NULL where memory is short, as every function
 * here. The caller owns it.
 */
json_t *document_start(const char *schema, const map_options *options, const ropemap_plan *plan);

/* A number; null where it is NaN or infinite, which JSON cannot say. */
json_t *document_real(double value);

/* Axes of positions, each an object, [] where there is one; and the word for how pairs are dealt to them. */
json_t *document_axes(const ropemap_axes *axes);
const char *document_deal(const ropemap_axes *axes);

/* A text; bytes that are no UTF-8 become '?'. */
json_t *document_text(const char *text);

/* The base of a rule, and the file of its frequencies: one of them is null. */
json_t *document_base(const ropemap_spec *spec);
json_t *document_frequencies(const ropemap_spec *spec);

/* Prints a document to stdout in ASCII, so that no name in it can steer a terminal, and drops it; NULL counts
 * as a lack of memory. Returns the exit code. */
int document_print(json_t *document);

#endif
