/* npy.h - arrays of numpy: the header's Python literal, dtype, shape and order; small files of numbers */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_NPY_H
#define ROPEMAP_HOST_DATA_NPY_H

#include "host/data/tensor.h"

#define RM_NPY_MAGIC "\x93NUMPY"

enum { RM_NPY_MAGIC_BYTES = 6 };

/*
 * Reads the header of format versions 1.0, 2.0 and 3.0 (NumPy Enhancement Proposal 1 and numpy.lib.format)
 * and checks that the file holds what it promises; bytes after the tensor are left alone, as NumPy does.
 * ROPEMAP_DATA for anything else, with the value and the rule.
 */
ropemap_status rm_npy_parse(const rm_input *input, rm_tensor *tensor, ropemap_error *error);

/* The same of whole numbers: elements are one of I8 to U64, floats are refused. */
ropemap_status rm_npy_parse_whole(const rm_input *input, rm_tensor *tensor, ropemap_error *error);

/* What to do with a file of a known format that is not read, from its name and its first bytes [held]; NULL:
 * it is none of those. Static text. */
const char *rm_foreign_advice(const char *name, const uint8_t *start, uint64_t held);

#endif
