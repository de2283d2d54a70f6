/* header.h - the table of tensors in a safetensors header, parsed and checked */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_HEADER_H
#define ROPEMAP_HOST_DATA_HEADER_H

#include "host/data/tensor.h"

/* One tensor: its name, decoded, in the header's text, and its bytes [begin, end) after the header. */
typedef struct rm_entry {
    const char *name;
    uint64_t begin, end;
} rm_entry;

typedef struct rm_header {
    const rm_input *input;
    char *text; /* [size], decoded in place: it holds the names */
    uint64_t size;
    rm_entry *entries; /* [count] */
    uint64_t count;
    const char *wanted; /* the tensor asked for; NULL: any */
    bool found;
    rm_tensor tensor;      /* the one found, of any the last */
    const char *type_name; /* its dtype where vectors cannot be of it, otherwise NULL */
} rm_header;

/*
 * The least text an entry can take, {"":{"dtype":"U8","shape":[],"data_offsets":[0,0]}} with a comma: a
 * header of n bytes has at most n / 50 + 1 entries.
 */
enum { RM_ENTRY_TEXT_MIN = 50 };

/*
 * Parses `text` into `entries`, which has room for every entry the text may hold, and finds the wanted
 * tensor. Checks each entry by itself: names, types, sizes, shape x type against the offsets.
 */
ropemap_status rm_header_parse(rm_header *header, ropemap_error *error);

/* Checks the entries against each other: no name twice, and they tile `data_bytes` without hole or overlap.
 */
ropemap_status rm_header_check(rm_header *header, uint64_t data_bytes, ropemap_error *error);

#endif
