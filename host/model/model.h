/* model.h - a model, from a file or a preset */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MODEL_MODEL_H
#define ROPEMAP_HOST_MODEL_MODEL_H

#include "host/base/status.h"
#include "host/ropemap_model.h"

enum { RM_FACTS_MOST = 48, RM_WARNINGS_MOST = 24, RM_WARNING_BYTES = 300 };

struct ropemap_model {
    ropemap_spec spec;         /* head_dim is what RoPE sees, rotary_dim what rotates of it */
    ropemap_divisors divisors; /* that spec borrows */
    int64_t trained_length;
    char name[120];
    int32_t fact_count, warning_count;
    ropemap_fact facts[RM_FACTS_MOST];
    char warnings[RM_WARNINGS_MOST][RM_WARNING_BYTES];
};

/* Notes where a number came from: name "base", source "config.json: rope_theta", the value as printf makes
 * it. Facts and warnings beyond their limits are dropped, and long texts are cut. */
__attribute__((format(printf, 4, 5))) void rm_model_fact(ropemap_model *model, const char *name,
                                                         const char *source, const char *format, ...);

__attribute__((format(printf, 2, 3))) void rm_model_warn(ropemap_model *model, const char *format, ...);

/* ROPEMAP_DATA, "FILE: this model does not rotate: WHY"; a warning instead where the caller gives a base and
 * a head_dim: the map is then what a rotation would do. */
ropemap_status rm_model_refuse(ropemap_model *model, const ropemap_model_choice *choice, const char *file,
                               const char *why, ropemap_error *error);

bool rm_model_is_given(const ropemap_model_choice *choice);

/* Warns of keys about RoPE that were not read; "" warns of nothing. */
void rm_model_warn_unused(ropemap_model *model, const char *names);

/* The number of a layer; -1 if `words` is not a number. */
int32_t rm_model_layer(const char *words);

/* "0-2, 4-6, ... (24 of 32)": the layers i of `count` with in[i]; size >= 120 holds it. */
void rm_model_layer_list(const bool *in, int32_t count, char *text, size_t size);

/*
 * Fill a model that starts as ropemap_spec_default with head_dim 0. `name` is the file for messages, `choice`
 * is not NULL. Errors as in ropemap_model_open; the caller checks the resulting spec.
 */
ropemap_status rm_config_read(const char *text, size_t bytes, const char *name,
                              const ropemap_model_choice *choice, ropemap_model *model, ropemap_error *error);

ropemap_status rm_gguf_read(const char *path, const ropemap_model_choice *choice, ropemap_model *model,
                            ropemap_error *error);

#endif
