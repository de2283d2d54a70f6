/* plan_flags.c - a base or a factor as transformers, vLLM and llama.cpp take it */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/decay/decay.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Text that grows in a buffer of PLAN_PART_BYTES. */
typedef struct growing {
    char *text;
    int length;
} growing;

/* A sentence more of what is to be known. */
static void put_note(plan_flags *flags, const char *sentence) {
    const size_t length = strlen(flags->note);
    (void)snprintf(flags->note + length, sizeof flags->note - length, "%s%s", length > 0 ? "; " : "",
                   sentence);
}

/* "name": value, with a comma before all but the first. */
static void put_number(growing *to, const char *name, double value) {
    to->length += snprintf(to->text + to->length, (size_t)(PLAN_PART_BYTES - to->length), "%s\"%s\": %.10g",
                           to->text[to->length - 1] == '{' ? "" : ", ", name, value);
}

static void put_given(growing *to, const char *name, double value) {
    if (value != 0.0) {
        put_number(to, name, value);
    }
}

/* NTK-aware scaling is a larger base: base * factor^(D/(D-2)). */
static double theta_of(const ropemap_spec *spec) {
    const double rotary = spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim;
    return spec->scaling.rule == ROPEMAP_SCALING_NTK && rotary > 2.0
               ? spec->base * pow(spec->scaling.factor, rotary / (rotary - 2.0))
               : spec->base;
}

/* {"rope_type": "yarn", "factor": 8, ...}, with the base where `theta`, without an original length of 0. */
static void put_parameters(const ropemap_spec *spec, bool theta, char *text) {
    static const char *const types[] = {[ROPEMAP_SCALING_LINEAR] = "linear",
                                        [ROPEMAP_SCALING_YARN] = "yarn",
                                        [ROPEMAP_SCALING_LLAMA3] = "llama3"};
    const ropemap_scaling *scaling = &spec->scaling;
    const ropemap_scaling_rule rule = scaling->rule;
    const bool plain = rule == ROPEMAP_SCALING_NONE || rule == ROPEMAP_SCALING_NTK;
    growing to = {.text = text};
    to.length = snprintf(text, PLAN_PART_BYTES, "{\"rope_type\": \"%s\"", plain ? "default" : types[rule]);
    if (theta) {
        put_number(&to, "rope_theta", theta_of(spec));
    }
    if (!plain) {
        put_number(&to, "factor", scaling->factor);
    }
    if (rule == ROPEMAP_SCALING_YARN || rule == ROPEMAP_SCALING_LLAMA3) {
        put_given(&to, "original_max_position_embeddings", scaling->original_length);
        put_given(&to, "beta_fast", scaling->beta_fast);
        put_given(&to, "beta_slow", scaling->beta_slow);
        put_given(&to, "attention_factor", scaling->attention_factor);
        put_given(&to, "mscale", scaling->mscale);
        put_given(&to, "mscale_all_dim", scaling->mscale_all_dim);
        put_given(&to, "low_freq_factor", scaling->low_freq_factor);
        put_given(&to, "high_freq_factor", scaling->high_freq_factor);
    }
    (void)snprintf(text + to.length, (size_t)(PLAN_PART_BYTES - to.length), "%s}",
                   scaling->untruncated ? ", \"truncate\": false" : "");
}

/* Version 4 of transformers reads YaRN's original length in three ways: up to 4.50 as
   max_position_embeddings, from 4.51 to 4.55 to replace the factor by max_position_embeddings / original,
   from 4.56 as given. Left out, it is max_position_embeddings in all of them, and the factor is as given. */
static void put_transformers(const plan_choice *choice, int64_t length, plan_flags *flags) {
    char all[PLAN_PART_BYTES], alone[PLAN_PART_BYTES] = "null";
    const ropemap_scaling_rule rule = choice->spec.scaling.rule;
    ropemap_spec spec = choice->spec;
    put_parameters(&spec, true, all);
    (void)snprintf(flags->transformers, sizeof flags->transformers,
                   "\"rope_parameters\": %s, \"max_position_embeddings\": %" PRId64, all, length);
    if (rule == ROPEMAP_SCALING_YARN) {
        length = (int64_t)spec.scaling.original_length;
        spec.scaling.original_length = 0.0;
        put_note(flags,
                 "transformers 4: max_position_embeddings is the original length; "
                 "original_max_position_embeddings in rope_scaling would replace the factor in 4.51 to 4.55");
    }
    if (rule != ROPEMAP_SCALING_NONE && rule != ROPEMAP_SCALING_NTK) {
        put_parameters(&spec, false, alone);
    }
    (void)snprintf(flags->transformers_4, sizeof flags->transformers_4,
                   "\"rope_theta\": %.10g, \"rope_scaling\": %s, \"max_position_embeddings\": %" PRId64,
                   theta_of(&spec), alone, length);
}

/* vLLM reads rope_theta and rope_scaling next to version 4 of transformers, rope_parameters next to
   version 5. Its YaRN has a table of factor * original length positions and reads past the end in a longer
   context. The ramp depends on original length / beta alone, so that all of them may be larger by one ratio.
 */
static void put_vllm(const plan_choice *choice, int64_t length, plan_flags *flags) {
    char all[PLAN_PART_BYTES];
    ropemap_spec spec = choice->spec;
    ropemap_scaling *scaling = &spec.scaling;
    if (scaling->rule == ROPEMAP_SCALING_YARN &&
        scaling->factor * scaling->original_length < (double)length) {
        const double longer = ceil((double)length / scaling->factor),
                     ratio = longer / scaling->original_length;
        scaling->original_length = longer;
        scaling->beta_fast = (scaling->beta_fast != 0.0 ? scaling->beta_fast : 32.0) * ratio;
        scaling->beta_slow = (scaling->beta_slow != 0.0 ? scaling->beta_slow : 1.0) * ratio;
        put_note(flags,
                 "vLLM: its YaRN has factor x original length positions, so the original length and both "
                 "betas are raised alike, which leaves the frequencies as they are");
    }
    put_parameters(&spec, true, all);
    (void)snprintf(flags->vllm, sizeof flags->vllm,
                   "--hf-overrides '{\"rope_theta\": %.10g, \"rope_scaling\": %s, \"rope_parameters\": %s, "
                   "\"max_position_embeddings\": %" PRId64 "}' --max-model-len %" PRId64,
                   theta_of(&spec), all, all, length, length);
}

/* A GGUF file brings divisors of its own as a tensor, which no flag takes away. */
static void put_llama_cpp(const plan_choice *choice, ropemap_scaling_rule own, int64_t length,
                          plan_flags *flags) {
    const ropemap_scaling *scaling = &choice->spec.scaling;
    char *text = flags->llama_cpp;
    const size_t size = sizeof flags->llama_cpp;
    const bool listed = own == ROPEMAP_SCALING_LLAMA3 || own == ROPEMAP_SCALING_LONGROPE;
    if (scaling->rule == ROPEMAP_SCALING_LLAMA3) {
        put_note(flags, "llama.cpp has no flag for llama3 scaling; convert a model with that config.json");
    } else if (listed && choice->of_factor) {
        put_note(flags, "llama.cpp keeps the divisors in the model's GGUF file whatever its flags are");
    } else if (scaling->untruncated || scaling->attention_factor != 0.0 || scaling->mscale != 0.0) {
        put_note(flags, "llama.cpp has no flags for all parameters of this rule");
    } else if (scaling->rule == ROPEMAP_SCALING_LINEAR) {
        (void)snprintf(text, size,
                       "--rope-scaling linear --rope-scale %.10g --rope-freq-base %.10g -c %" PRId64,
                       scaling->factor, choice->spec.base, length);
    } else if (scaling->rule == ROPEMAP_SCALING_YARN) {
        const int at = snprintf(
            text, size, "--rope-scaling yarn --rope-scale %.10g --rope-freq-base %.10g --yarn-orig-ctx %.0f",
            scaling->factor, choice->spec.base, scaling->original_length);
        (void)snprintf(text + at, size - (size_t)at,
                       " --yarn-beta-fast %.10g --yarn-beta-slow %.10g -c %" PRId64,
                       scaling->beta_fast != 0.0 ? scaling->beta_fast : 32.0,
                       scaling->beta_slow != 0.0 ? scaling->beta_slow : 1.0, length);
    } else {
        (void)snprintf(text, size, "--rope-scaling none --rope-freq-base %.10g -c %" PRId64,
                       theta_of(&choice->spec), length);
    }
}

void plan_flags_make(const plan_choice *choice, ropemap_scaling_rule own, int64_t length, plan_flags *flags) {
    const ropemap_scaling_rule rule = choice->spec.scaling.rule;
    *flags = (plan_flags){.note = ""};
    if (rule != ROPEMAP_SCALING_NONE && rule != ROPEMAP_SCALING_LINEAR && rule != ROPEMAP_SCALING_NTK &&
        rule != ROPEMAP_SCALING_YARN && rule != ROPEMAP_SCALING_LLAMA3) {
        put_note(flags, "set rope_theta alone; the model's own scaling stays as it is");
        return;
    }
    put_transformers(choice, length, flags);
    put_vllm(choice, length, flags);
    if (choice->spec.scaling.untruncated) {
        put_note(flags, "truncate is read from transformers 4.55 and vLLM 0.12 on");
    }
    if (choice->spec.rotary_dim != 0 && choice->spec.rotary_dim < choice->spec.head_dim) {
        put_note(flags, "keep the partial_rotary_factor that the model's rope_parameters may have");
    }
    put_llama_cpp(choice, own, length, flags);
}
