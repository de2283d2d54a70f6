/* table.h - a table's numbers as elements, and the files that they go into */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_VERIFY_TABLE_H
#define ROPEMAP_HOST_VERIFY_TABLE_H

#include "host/base/status.h"
#include "host/ropemap_verify.h"

/* What a file says of the numbers in it. */
typedef struct rm_table_shape {
    const char *name; /* of the tensor */
    char rule[320];   /* "base 500000, ..." in printable ASCII without quotes */
    bool rows;        /* two axes, else one */
    int64_t height, width;
    ropemap_element element;
    uint32_t bytes; /* of an element */
} rm_table_shape;

/*
 * A file with room for the numbers, zeroed: *data is where they go, little-endian, one row after another;
 * NULL of ROPEMAP_TABLE_C, whose text rm_table_text writes. ROPEMAP_RESOURCES.
 */
ropemap_status rm_table_file(const rm_table_shape *shape, ropemap_table_format format, ropemap_bytes *file,
                             uint8_t **data, ropemap_error *error);

/* The C header of those numbers. ROPEMAP_RESOURCES. */
ropemap_status rm_table_text(const rm_table_shape *shape, const uint8_t *data, ropemap_bytes *file,
                             ropemap_error *error);

/* An element's number as an integer of its bytes. */
uint64_t rm_element_bits(ropemap_element element, double value);

#endif
