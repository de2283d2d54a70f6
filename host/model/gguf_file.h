/* gguf_file.h - GGUF metadata: header, keys, values */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MODEL_GGUF_FILE_H
#define ROPEMAP_HOST_MODEL_GGUF_FILE_H

#include "host/base/input.h"

/*
 * The format: github.com/ggml-org/ggml, docs/gguf.md. Versions 2 and 3, little-endian. Opening a file reads
 * its metadata once through a window of fixed size, checks all of it, and keeps where each value stands;
 * values are read when they are asked for.
 */

enum { RM_GGUF_KEY_BYTES = 128, RM_GGUF_TEXT_BYTES = 256 };

/* Where a key and its value stand. An array's value begins with the type of its elements and their count. */
typedef struct rm_gguf_entry {
    uint64_t hash, key_at, value_at;
    uint32_t key_bytes, type;
    bool used; /* its value was asked for */
} rm_gguf_entry;

/* The tensors with a divisor for each pair: of all lengths, and of long and short ones. */
typedef enum rm_gguf_list { RM_GGUF_FREQS, RM_GGUF_LONG, RM_GGUF_SHORT, RM_GGUF_LISTS } rm_gguf_list;

typedef struct rm_gguf_tensor {
    bool found;
    uint32_t type, rank;
    uint64_t count;  /* elements along the first axis */
    uint64_t offset; /* from the start of the data, as the file says */
} rm_gguf_tensor;

typedef struct rm_gguf {
    rm_input input;
    uint64_t entry_count;
    rm_gguf_entry *entries; /* [entry_count] by hash */
    uint64_t alignment;
    uint64_t data_at; /* where the tensors' data begins */
    rm_gguf_tensor lists[RM_GGUF_LISTS];
} rm_gguf;

/* ROPEMAP_DATA where the file is no GGUF or a broken one, ROPEMAP_IO, ROPEMAP_RESOURCES. On failure nothing
 * is left open. */
ropemap_status rm_gguf_open(const char *path, rm_gguf *file, ropemap_error *error);

void rm_gguf_close(rm_gguf *file);

/* "rope_freqs.weight"; `list` is below RM_GGUF_LISTS. */
const char *rm_gguf_list_name(rm_gguf_list list);

/*
 * The numbers of a key: 1, or the first `most` of an array, where booleans are 0 and 1. *count is 0 where the
 * key is not there. ROPEMAP_DATA: it holds something else, or a number that is not finite.
 */
ropemap_status rm_gguf_numbers(const rm_gguf *file, const char *key, uint32_t most, double *numbers,
                               uint32_t *count, ropemap_error *error);

/* Text made fit for a message (rm_label_make), empty where the key is not there; `size` is at most
 * RM_GGUF_TEXT_BYTES. ROPEMAP_DATA: no string. */
ropemap_status rm_gguf_text(const rm_gguf *file, const char *key, char *text, size_t size,
                            ropemap_error *error);

/* 0 or 1, -1 where the key is not there. ROPEMAP_DATA: no boolean. */
ropemap_status rm_gguf_flag(const rm_gguf *file, const char *key, int *flag, ropemap_error *error);

/* The names of keys about RoPE that nobody asked for, "llama.rope.x, llama.rope.y"; "" where there is none.
 */
ropemap_status rm_gguf_unused(const rm_gguf *file, char *names, size_t size, ropemap_error *error);

/* The first `pairs` divisors, at most ROPEMAP_MAX_DIVISORS, of a tensor that was found. ROPEMAP_DATA: not F32
 * [pairs] (or longer, where `more` allows it), not within the file, or a divisor that is not above 0 and
 * finite. */
ropemap_status rm_gguf_list_read(const rm_gguf *file, rm_gguf_list list, int32_t pairs, bool more,
                                 double *divisors, ropemap_error *error);

#endif
