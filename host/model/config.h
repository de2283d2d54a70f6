/* config.h - config.json to a rule */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MODEL_CONFIG_H
#define ROPEMAP_HOST_MODEL_CONFIG_H

#include "host/base/input.h"
#include "host/base/text.h"
#include "host/model/model.h"
#include "host/ropemap_model.h"

#include <jansson.h>

/* ---- text */

/*
 * The tree of a JSON text as Python's json writes it: UTF-8 with or without a byte order mark, no duplicate
 * keys, and bare Infinity, -Infinity, NaN and numbers beyond a double, which messages can still quote. Every
 * number is a real. ROPEMAP_DATA names file and line. The caller frees the tree by json_decref.
 */
ropemap_status rm_config_tree(const char *text, size_t bytes, const char *label, json_t **tree,
                              ropemap_error *error);

/* ---- model types */

enum {
    RM_FAMILY_INTERLEAVED = 1 << 0, /* elements 2i and 2i + 1 form a pair */
    RM_FAMILY_SHARE = 1 << 1, /* rope_type default takes a partial_rotary_factor, as it does with `partial` */
    RM_FAMILY_FULL_PLAIN = 1 << 2, /* where some layers slide, those with full attention do not rotate */
    RM_FAMILY_FULL_SCALED =
        1 << 3, /* only layers with full attention are scaled, unless the dict is nested */
    RM_FAMILY_YARN_IS_LONG = 1 << 4, /* "yarn" is an old name of longrope */
    RM_FAMILY_NULL_PLAIN = 1 << 5,   /* rope_parameters or rope_theta of null: it does not rotate */
    RM_FAMILY_SOFTMAX = 1 << 6,      /* YaRN's mscale_all_dim also multiplies the softmax scale */
    RM_FAMILY_SOME_PLAIN =
        1 << 7, /* every `period`-th layer does not rotate, unless no_rope_layers differs */
    RM_FAMILY_LOCAL_SCALED = 1 << 8, /* layers with sliding attention are scaled, and have their own base */
    RM_FAMILY_COMPRESSED = 1 << 9,   /* DeepSeek-V4: only layers that compress keys are scaled */
    RM_FAMILY_CHUNKED = 1 << 10,     /* layers that do not rotate have full attention, the others chunks */
    RM_FAMILY_BASE_NAMED =
        1 << 11, /* outside of a dict the class reads its own names of base and share, not the usual ones */
    RM_FAMILY_BASE_WINS = 1 << 12, /* the file's rope_theta replaces the one in `rule` */
    RM_FAMILY_DIVIDED = 1 << 13    /* head_dim is hidden_size / num_attention_heads, whatever the file says */
};

/* What transformers' class of a model type assumes where the file is silent. 0: no value of its own. */
typedef struct rm_family {
    const char *types; /* words */
    unsigned flags;
    double base, local_base;         /* local: of layers with sliding attention */
    double partial;                  /* partial_rotary_factor */
    int32_t head_dim, full_head_dim; /* full: of layers with full attention */
    int32_t rotary_dim;
    int32_t mla;      /* qk_rope_head_dim */
    int32_t original; /* original_max_position_embeddings */
    int32_t period;   /* every such layer differs from the others; negative: counted from the last */
    const char *asks; /* it rotates only if this key says so */
    const char *rule; /* its rope_parameters where the file has none: JSON with ' for " */
    struct {
        int32_t hidden, heads, length; /* hidden_size, num_attention_heads, max_position_embeddings */
    } size;
} rm_family;

/* NULL for an unknown type, or NULL. */
const rm_family *rm_family_find(const char *type);

/* Why models of this type do not rotate, a clause ("adds ALiBi's bias to scores"); NULL where they may. */
const char *rm_family_plain(const char *type);

/* The model type of the language model in a model of several parts ("llava": "llama"); false where there is
 * none. *own: that part's numbers are its own where the file has none. */
bool rm_family_part(const char *type, char *text, size_t size, bool *own);

/* ---- the file being read */

/* Keys with a name of RoPE's that were read: what is left is named in a warning. */
typedef struct rm_config_used {
    const char *keys[256]; /* of the tree, so that equal names in two places differ */
    int count;
} rm_config_used;

typedef struct rm_config_dict {
    json_t *object; /* NULL: absent */
    char path[80];  /* "", "text_config.rope_parameters" */
    rm_config_used *used;
    bool made; /* of a rule that the file does not write out: keys have the dict's path */
} rm_config_dict;

/* Who wrote the file. */
typedef enum rm_config_origin {
    RM_CONFIG_TRANSFORMERS,
    RM_CONFIG_PARAMS, /* params.json of Mistral or Meta */
    RM_CONFIG_TRTLLM  /* TensorRT-LLM's, of an engine or a checkpoint */
} rm_config_origin;

enum { RM_CONFIG_LAYERS_MOST = 512 };

/* The model's layers, where the file or the class distinguishes them. */
typedef struct rm_config_layers {
    int32_t count;                           /* 0: all alike */
    int32_t wanted;                          /* the requested layer; -1: none */
    char source[80];                         /* the key that lists them */
    bool plain[RM_CONFIG_LAYERS_MOST];       /* it does not rotate */
    const char *type[RM_CONFIG_LAYERS_MOST]; /* of the tree, or static; NULL: no name */
} rm_config_layers;

typedef struct rm_config rm_config;

/* A word of rope_type, and the keys that go with it. */
typedef struct rm_kind {
    const char *word;
    ropemap_status (*read)(rm_config *config); /* NULL: frequencies are not scaled */
    const char *keys;                          /* words */
} rm_kind;

struct rm_config {
    char label[RM_LABEL_BYTES]; /* the file in messages */
    char file[40];              /* and in facts: its last part */
    rm_config_dict whole, top;  /* the file, and the language model's dict in it */
    rm_config_dict rope;        /* the rule's */
    rm_config_origin origin;
    const char *type;  /* model_type, NULL where the file has none */
    char part[48];     /* the language model's type in a model of several parts, else "" */
    bool own_part;     /* see rm_family_part */
    const char *known; /* the type that transformers has a class for, "" for an unknown one */
    const rm_family *family;
    const rm_kind *kind;
    const ropemap_model_choice *choice;
    const char *layer_type; /* NULL: the model has one rule */
    rm_config_layers layers;
    bool local;      /* the layers have a base of their own next to the dict */
    bool compressed; /* of layers that compress keys: cosines are not multiplied */
    bool unscaled;   /* the dict's rope_type is not theirs */
    bool mla;        /* RoPE sees a part of the head alone, qk_rope_head_dim */
    bool own_rule;   /* the rule is the class's, not the file's */
    json_t *made;    /* the dict of a rule that the file does not write out; owned */
    rm_config_used used;
    ropemap_model *model;
    ropemap_error *error;
};

/* ---- fields */

/* The range of a number, and `words` for it in messages. */
typedef struct rm_want {
    const char *words;
    double low, high;
    bool above;      /* low itself is refused */
    int multiple_of; /* 0: of nothing */
    bool required;   /* null is refused; otherwise it counts as absent */
    bool layered;    /* a list has one for each layer */
} rm_want;

typedef struct rm_found {
    bool given;
    double value;
    char path[120];
} rm_found;

/* The dict's value; NULL without one, or without a dict. */
json_t *rm_config_value(const rm_config_dict *dict, const char *key);

/* "text_config.rope_theta"; size >= 8. */
void rm_config_path(char *path, size_t size, const rm_config_dict *dict, const char *key);

/* An object that is not a number in disguise. */
bool rm_config_is_dict(const json_t *value);

/* The dict under a key, absent if the key is absent or null. ROPEMAP_DATA for another value. */
ropemap_status rm_config_sub(const rm_config *config, const rm_config_dict *dict, const char *key,
                             rm_config_dict *sub);

/* The dict under a key if it is one, else an absent one. */
rm_config_dict rm_config_peek(const rm_config_dict *dict, const char *key);

/* The first dict under one of `keys`. */
rm_config_dict rm_config_peek_first(const rm_config_dict *dict, const char *keys);

/* Whether one of `keys` is present and not null. Does not mark them as read. */
bool rm_config_has(const rm_config_dict *dict, const char *keys);

/* ROPEMAP_DATA, naming key, value and what was expected, for a value that is not what is wanted. */
ropemap_status rm_config_number(const rm_config *config, const rm_config_dict *dict, const char *key,
                                const rm_want *want, rm_found *found);

/* The first of `keys` (words, as in rm_words_next) that is given; later ones with the same number count as
 * read. */
ropemap_status rm_config_first(const rm_config *config, const rm_config_dict *dict, const char *keys,
                               const rm_want *want, rm_found *found);

/* Keys that repeat a number count as read. */
void rm_config_mark_same(const rm_config_dict *dict, const char *keys, double number);

/* true or false; *value is unchanged if the key is absent or null. */
ropemap_status rm_config_flag(const rm_config *config, const rm_config_dict *dict, const char *key,
                              bool *value);

/* The word under a key, NULL where it is absent or null. */
ropemap_status rm_config_word(const rm_config *config, const rm_config_dict *dict, const char *key,
                              const char **word);

/* rm_fail with "FILE: " before it. */
RM_PRINTF(3, 4)
ropemap_status rm_config_fail(const rm_config *config, ropemap_status status, const char *format, ...);

/* "FILE: KEY is VALUE, expected WORDS". */
ropemap_status rm_config_wrong(const rm_config *config, const char *path, const json_t *value,
                               const char *words);

/* Clears the message of a failure that is handled. */
void rm_config_forget(const rm_config *config);

/* As rm_config_number, for a value without a key. */
ropemap_status rm_config_check(const rm_config *config, const char *path, const json_t *value,
                               const rm_want *want, double *number);

/* A value as messages show it: `null`, `the string "10000"`, `a list of 3`. */
void rm_config_show(const json_t *value, char *to, size_t size);

/* Facts whose source is a key of the file, or the class's default. */
void rm_config_note(const rm_config *config, const char *name, const char *value, const char *path);

void rm_config_note_number(const rm_config *config, const char *name, double value, const char *path);

void rm_config_note_default(const rm_config *config, const char *name, double value);

/* ---- stages, in their order */

/* Which layers there are, and which of them do not rotate. layer_type as ropemap_model_choice has it. */
ropemap_status rm_config_layers_read(rm_config *config);

bool rm_config_layers_have(const rm_config *config, const char *type);

/* One number of a list that has one for each layer. */
ropemap_status rm_config_layered(const rm_config *config, const json_t *list, const rm_want *want,
                                 rm_found *found);

/* ROPEMAP_DATA where the model does not rotate, or it cannot be told; a warning instead where options define
 * the rule. */
ropemap_status rm_config_rotates(rm_config *config);

/* Reads a model of images or video; *is_image: whether it is one that is known. ROPEMAP_DATA for an unknown
 * one with several axes. */
ropemap_status rm_config_image(rm_config *config, const char *layer_type, bool *is_image);

/* A language model's axes for images (M-RoPE), after all else. */
ropemap_status rm_config_sections(rm_config *config);

/* config_dict.c: which dict holds the rule, and for which layers. config_scaling.c: its rope_type. */
ropemap_status rm_config_choose(rm_config *config);

ropemap_status rm_config_kind(rm_config *config);

/* partial_rotary_factor under all its names, from the dict or next to it. */
ropemap_status rm_config_partial(const rm_config *config, rm_found *partial);

/* config_scaling.c: what that rope_type takes from the dict. */
ropemap_status rm_config_scaling(rm_config *config);

#endif
