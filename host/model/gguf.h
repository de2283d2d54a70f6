/* gguf.h - GGUF metadata: its keys, and the rule they make */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MODEL_GGUF_H
#define ROPEMAP_HOST_MODEL_GGUF_H

#include "host/base/input.h"
#include "host/model/model.h"
#include "host/ropemap_model.h"

/* ---- the file */

/*
 * The format: github.com/ggml-org/ggml, docs/gguf.md. Versions 2 and 3, little-endian. Opening a file reads
 * and checks its metadata once, through a window of fixed size, and keeps the offset of each value; values
 * are read on request.
 */

enum { RM_GGUF_KEY_BYTES = 128, RM_GGUF_TEXT_BYTES = 256 };

/* The offsets of a key and its value. An array's value begins with the type of its elements and their count.
 */
typedef struct rm_gguf_entry {
    uint64_t hash, key_at, value_at;
    uint32_t key_bytes, type;
    bool used; /* its value was read */
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
 * The numbers of a key: 1, or the first `most` of an array, where booleans are 0 and 1. *count is 0 without
 * the key. ROPEMAP_DATA: another type, or a number that is not finite.
 */
ropemap_status rm_gguf_numbers(const rm_gguf *file, const char *key, uint32_t most, double *numbers,
                               uint32_t *count, ropemap_error *error);

/* Text made safe for a message (rm_label_make), empty without the key; `size` is at most
 * RM_GGUF_TEXT_BYTES. ROPEMAP_DATA: no string. */
ropemap_status rm_gguf_text(const rm_gguf *file, const char *key, char *text, size_t size,
                            ropemap_error *error);

/* 0 or 1, -1 without the key. ROPEMAP_DATA: not a boolean. */
ropemap_status rm_gguf_flag(const rm_gguf *file, const char *key, int *flag, ropemap_error *error);

/* The names of keys about RoPE that were not read, "llama.rope.x, llama.rope.y", or "".
 */
ropemap_status rm_gguf_unused(const rm_gguf *file, char *names, size_t size, ropemap_error *error);

/* The first `pairs` divisors, at most ROPEMAP_MAX_DIVISORS, of a tensor that was found. ROPEMAP_DATA: not F32
 * [pairs] (or longer, where `more` allows it), not within the file, or a divisor that is not above 0 and
 * finite. */
ropemap_status rm_gguf_list_read(const rm_gguf *file, rm_gguf_list list, int32_t pairs, bool more,
                                 double *divisors, ropemap_error *error);

/* ---- the model */

/* Which elements of a head form a pair, as llama.cpp runs the architecture. */
typedef enum rm_gguf_pairs {
    RM_GGUF_PAIRS_NONE,          /* it does not rotate */
    RM_GGUF_PAIRS_NORM,          /* interleaved */
    RM_GGUF_PAIRS_NEOX,          /* half */
    RM_GGUF_PAIRS_NORM_OR_MROPE, /* half where the file has sections, else interleaved */
} rm_gguf_pairs;

/* The rule of layers with sliding attention, where a file has such layers. */
typedef enum rm_gguf_sliding {
    RM_GGUF_SLIDING_SAME,    /* as full attention, apart from their own base */
    RM_GGUF_SLIDING_PLAIN,   /* the same base, no scaling */
    RM_GGUF_SLIDING_OWN_BASE /* base 10000 unless given, no scaling */
} rm_gguf_sliding;

enum {
    RM_GGUF_ROPE_PART = 1,      /* the rotated elements are a separate part (MLA), which is the head here */
    RM_GGUF_HALF_ROTARY = 2,    /* full attention rotates half of rope.dimension_count */
    RM_GGUF_LOG = 4,            /* rope.scaling.yarn_log_multiplier is DeepSeek's mscale_all_dim */
    RM_GGUF_LOG_TENTH = 8,      /* the same, written as a tenth of it */
    RM_GGUF_MSCALE_SAME = 16,   /* mscale is mscale_all_dim, not 1 */
    RM_GGUF_ALPHA = 32,         /* rope.scaling.alpha raises the base */
    RM_GGUF_SWITCH = 64,        /* rope.scaling.finetuned: whether it rotates at all */
    RM_GGUF_FULL_PLAIN = 128,   /* where some layers slide, only those rotate */
    RM_GGUF_FOURTH_PLAIN = 256, /* every fourth layer does not rotate, from the fourth on */
    RM_GGUF_13B_PLAIN = 512     /* the larger of two models does not rotate */
};

typedef struct rm_gguf_arch {
    const char *names; /* words of general.architecture */
    rm_gguf_pairs pairs;
    rm_gguf_sliding sliding;
    unsigned traits;
    int32_t period;   /* all layers but every such one slide, where some do; 0: not known */
    const char *note; /* a warning, or NULL */
} rm_gguf_arch;

/* A file being read. */
typedef struct rm_gguf_reader {
    const rm_gguf *file;
    char name[64]; /* general.architecture, before every key */
    const rm_gguf_arch *arch;
    const ropemap_model_choice *choice;
    bool sliding; /* the rule of layers with sliding attention is wanted */
    ropemap_model *model;
    ropemap_error *error;
} rm_gguf_reader;

/* A number of the file. `key` in full: "llama.rope.freq_base". */
typedef struct rm_gguf_number {
    bool found;
    double value;
    char key[RM_GGUF_KEY_BYTES];
} rm_gguf_number;

/* rm_fail with "FILE: " before it. */
RM_PRINTF(3, 4)
ropemap_status rm_gguf_fail(const rm_gguf_reader *reader, ropemap_status status, const char *format, ...);

/* "rope.freq_base" of the file's architecture. ROPEMAP_DATA if it is not a single number. */
ropemap_status rm_gguf_get(const rm_gguf_reader *reader, const char *suffix, rm_gguf_number *number);

/* The same for a whole number from 1 to `most`. */
ropemap_status rm_gguf_get_count(const rm_gguf_reader *reader, const char *suffix, double most,
                                 rm_gguf_number *number);

/* Fills model->spec.scaling; head_dim, rotary_dim and base are set. */
ropemap_status rm_gguf_scaling_read(const rm_gguf_reader *reader);

#endif
