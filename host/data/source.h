/* source.h - what the constructors of vectors share */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_SOURCE_H
#define ROPEMAP_HOST_DATA_SOURCE_H

#include "host/data/vectors.h"

/*
 * Allocates a source of `bytes` bytes, zeroed, that begins with a ropemap_vectors; NULL and `error` where
 * memory is short. It has rows for every position, one head, and rm_source_free to destroy it.
 */
void *rm_source_alloc(size_t bytes, int32_t head_dim, ropemap_error *error);

void rm_source_free(ropemap_vectors *vectors); /* the source's own memory alone */

/* `status` and a message that begins with `name` where head_dim is odd or not in 2 to ROPEMAP_MAX_HEAD_DIM.
 */
ropemap_status rm_source_check_head_dim(const char *name, int64_t head_dim, ropemap_status status,
                                        ropemap_error *error);

#endif
