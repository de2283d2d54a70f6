/* gguf.h - GGUF metadata to a rule */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MODEL_GGUF_H
#define ROPEMAP_HOST_MODEL_GGUF_H

#include "host/model/gguf_file.h"
#include "host/model/model.h"

/* Which elements of a head form a pair, as llama.cpp runs the architecture. */
typedef enum rm_gguf_pairs {
    RM_GGUF_PAIRS_NONE,          /* it does not rotate */
    RM_GGUF_PAIRS_NORM,          /* interleaved */
    RM_GGUF_PAIRS_NEOX,          /* half */
    RM_GGUF_PAIRS_NORM_OR_MROPE, /* half where the file has sections, else interleaved */
} rm_gguf_pairs;

/* The rule of layers with sliding attention, where a file has such layers. */
typedef enum rm_gguf_sliding {
    RM_GGUF_SLIDING_SAME,    /* that of full attention, but for a base of their own */
    RM_GGUF_SLIDING_PLAIN,   /* the same base, no scaling */
    RM_GGUF_SLIDING_OWN_BASE /* base 10000 unless told, no scaling */
} rm_gguf_sliding;

enum {
    RM_GGUF_ROPE_PART =
        1, /* the rotated elements are a part of their own (MLA): the head is just that part */
    RM_GGUF_HALF_ROTARY = 2,    /* full attention rotates half of rope.dimension_count */
    RM_GGUF_LOG = 4,            /* rope.scaling.yarn_log_multiplier is DeepSeek's mscale_all_dim */
    RM_GGUF_LOG_TENTH = 8,      /* the same, written as a tenth of it */
    RM_GGUF_MSCALE_SAME = 16,   /* mscale is mscale_all_dim, not 1 */
    RM_GGUF_ALPHA = 32,         /* rope.scaling.alpha raises the base */
    RM_GGUF_SWITCH = 64,        /* rope.scaling.finetuned says whether it rotates at all */
    RM_GGUF_FULL_PLAIN = 128,   /* where some layers slide, only those rotate */
    RM_GGUF_FOURTH_PLAIN = 256, /* every fourth layer does not rotate, from the fourth on */
    RM_GGUF_13B_PLAIN = 512     /* the larger of two models does not rotate */
};

typedef struct rm_gguf_arch {
    const char *name; /* of general.architecture */
    rm_gguf_pairs pairs;
    rm_gguf_sliding sliding;
    unsigned traits;
    int32_t period;   /* all layers but every such one slide, where some do; 0: not known */
    const char *note; /* a warning, or NULL */
} rm_gguf_arch;

/* A file that is being understood. */
typedef struct rm_gguf_reader {
    const rm_gguf *file;
    const rm_gguf_arch *arch;
    const ropemap_model_choice *choice;
    bool sliding; /* the rule of layers with sliding attention is wanted */
    ropemap_model *model;
    ropemap_error *error;
} rm_gguf_reader;

/* A number of the file. `key` is written out: "llama.rope.freq_base". */
typedef struct rm_gguf_number {
    bool found;
    double value;
    char key[RM_GGUF_KEY_BYTES];
} rm_gguf_number;

/* "rope.freq_base" of the file's architecture. ROPEMAP_DATA where it is no single number. */
ropemap_status rm_gguf_get(const rm_gguf_reader *reader, const char *suffix, rm_gguf_number *number);

/* The same, a whole number from 1 to `most` where it is found. */
ropemap_status rm_gguf_get_count(const rm_gguf_reader *reader, const char *suffix, double most,
                                 rm_gguf_number *number);

/* Fills model->spec.scaling; head_dim, rotary_dim and base stand already. */
ropemap_status rm_gguf_scaling_read(const rm_gguf_reader *reader);

/* Where the divisors are those of Llama 3.1's rule, that rule takes their place. */
ropemap_status rm_gguf_recognise_llama3(const rm_gguf_reader *reader);

#endif
