/* ropemap_model.h - rules that files and presets state, and what a dumped buffer of frequencies is */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_MODEL_H
#define ROPEMAP_MODEL_H

#include "ropemap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- real models -----------------------------------------------------------------------------------------
 */

/* The rule of a real model, and where each of its numbers came from. Opaque, read only. */
typedef struct ropemap_model ropemap_model;

/* One number or word of a rule: "base" "500000" "config.json: rope_theta". */
typedef struct ropemap_fact {
    char name[40], value[80], source[120];
} ropemap_fact;

/*
 * The caller's choice for a model whose file has several rules, or too few numbers. All 0: none.
 * layer_type: which layers' rule, by their type ("full_attention", "sliding_attention") or by the number of
 * one of them, from 0 ("5"); NULL: the only one, or full_attention. base wins over the file's; head_dim and
 * rotary_dim (elements, as in ropemap_spec) are used where the file has none. With base and head_dim a file
 * is read that does not state that its model rotates, or states that it does not, with a warning.
 */
typedef struct ropemap_model_choice {
    const char *layer_type;
    double base;
    int32_t head_dim, rotary_dim;
} ropemap_model_choice;

/*
 * Reads a directory with a config.json or a params.json, a config.json (Hugging Face, TensorRT-LLM), a
 * params.json (Mistral, Meta) or a GGUF file; never weights. `choice` may be NULL. *model is the caller's, to
 * be freed with ropemap_model_free; NULL on failure. ROPEMAP_DATA names file, key, value and rule, or
 * why the model does not rotate; ROPEMAP_IO; ROPEMAP_USAGE: the model has no such layers, they do not rotate,
 * or it needs a choice.
 */
ROPEMAP_API ropemap_status ropemap_model_open(const char *path, const ropemap_model_choice *choice,
                                              ropemap_model **model, ropemap_error *error);

/* The same from the text of such a JSON file; `name` is what messages call it. */
ROPEMAP_API ropemap_status ropemap_model_parse(const char *text, size_t bytes, const char *name,
                                               const ropemap_model_choice *choice, ropemap_model **model,
                                               ropemap_error *error);

/* One of the presets. ROPEMAP_USAGE with the nearest name where there is none. */
ROPEMAP_API ropemap_status ropemap_model_preset(const char *name, ropemap_model **model,
                                                ropemap_error *error);

ROPEMAP_API void ropemap_model_free(ropemap_model *model); /* NULL is fine */

/* Complete but for `length`. The model's own, as are the lists of divisors that copies of it borrow. */
ROPEMAP_API const ropemap_spec *ropemap_model_spec(const ropemap_model *model);
ROPEMAP_API const char *ropemap_model_name(const ropemap_model *model);
ROPEMAP_API int64_t ropemap_model_trained_length(const ropemap_model *model); /* tokens; 0: unknown */
/* What was read, and what a user of the model should know; NULL past the last. */
ROPEMAP_API const ropemap_fact *ropemap_model_fact(const ropemap_model *model, int32_t index);
ROPEMAP_API const char *ropemap_model_warning(const ropemap_model *model, int32_t index);

/* A model whose numbers were checked in its makers' files. */
typedef struct ropemap_preset {
    const char *name;    /* "llama3.1-8b" */
    const char *scaling; /* as ropemap_scaling_parse takes it */
    const char *source;  /* where the numbers are published */
    const char *note;    /* "" or what to know: "layers with full attention" */
    double base;
    int32_t head_dim;       /* elements that q and k have where RoPE is applied */
    int32_t rotary_dim;     /* of them, those that rotate */
    ropemap_layout layout;  /* of the published weights */
    int64_t trained_length; /* tokens, max_position_embeddings; 0: not published */
    bool warns;             /* the note matters wherever this rule is used for the whole model */
} ropemap_preset;

ROPEMAP_API const ropemap_preset *ropemap_preset_at(int32_t index); /* NULL past the last */

/* ---- buffers of frequencies that others made ------------------------------------------------------------
 */

/* What a buffer of frequencies turned out to be. */
typedef struct ropemap_comparison {
    bool matches;         /* the rule's, to float32's rounding, in whatever unit */
    int32_t pair;         /* the first that differs; -1: none does */
    double found, wanted; /* of that pair, rad/token */
    double worst;         /* largest relative difference */
    /*
     * One word. Of what matches: "match", "reciprocal", "wavelength", "turns", "table". Of what does not:
     * "bf16", "fp16" (rounded), "layout", "reversed", "permuted", "length", "unscaled", "exponent", "base",
     * "parameter", "rule", "attention", "rotary-dim", "head-dim", "partial-twice", "partial-ignored",
     * "count", "uninitialised", "differs".
     */
    char verdict[40];
    char parameter[40];                       /* that explains a mismatch: "base", "factor"; "": none */
    double parameter_found, parameter_wanted; /* its value in the buffer and in the rule; NaN: no number */
    char text[500];                           /* all of it in a sentence */
} ropemap_comparison;

/*
 * Holds frequencies against a rule: found [rows, count], each row one a pair, or one an element as tables of
 * cosines have them; as inv_freq, 1/inv_freq, wavelengths or turns a token. A rule that depends on the length
 * matches at any length where spec->length is 0, else at that length alone. Two rows or more that are cosines
 * or sines of positions 0, 1, ... are held against the rule's, with its attention factor. What does not match
 * is explained: by the other value of one number of the rule, by another rule, by a mistake that stacks make,
 * if one of them gives every frequency to its rounding, else by the pairs that differ. ROPEMAP_USAGE as
 * ropemap_spec_check, ROPEMAP_DATA: rows < 1, or a count that no rule has; ROPEMAP_RESOURCES.
 */
ROPEMAP_API ropemap_status ropemap_inv_freq_compare(const float *found, int64_t rows, int64_t count,
                                                    const ropemap_spec *spec, ropemap_comparison *comparison,
                                                    ropemap_error *error);

#ifdef __cplusplus
}
#endif

#endif
