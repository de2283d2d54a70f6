/* gguf_scaling.c - the scaling of a GGUF file */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/model/gguf.h"
#include "host/rule/scaling.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Divisors are stored in float32, and made in it by some converters. */
static const double CLOSE = 2e-6;

/* Original lengths of published models that have this rule. */
static const double lengths[] = {8192.0, 4096.0, 16384.0, 32768.0, 2048.0};

static ropemap_scaling candidate(double factor, double length) {
    return (ropemap_scaling){.rule = ROPEMAP_SCALING_LLAMA3,
                             .factor = factor,
                             .low_freq_factor = 1.0,
                             .high_freq_factor = 4.0,
                             .original_length = length};
}

/* Whether the rule divides as the list does. `radians` [2, pairs] is scratch. */
static bool is_rule(const ropemap_spec *spec, const ropemap_scaling *scaling, double *radians) {
    const int32_t pairs = spec->scaling.list_count;
    ropemap_spec other = *spec;
    other.scaling = *scaling;
    if (rm_spec_pairs(spec) != pairs || ropemap_spec_radians(&other, radians, NULL) != ROPEMAP_OK) {
        return false;
    }
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    if (ropemap_spec_radians(&other, radians + pairs, NULL) != ROPEMAP_OK) {
        return false;
    }
    for (int32_t i = 0; i < pairs; i++) {
        const double wanted = radians[pairs + i] / radians[i];
        if (!(fabs(spec->scaling.long_factors[i] - wanted) <= CLOSE * wanted)) {
            return false;
        }
    }
    return true;
}

static bool find(const ropemap_spec *spec, ropemap_scaling *found, double *radians) {
    const double factor = spec->scaling.long_factors[spec->scaling.list_count - 1];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0] && factor > 1.0; i++) {
        *found = candidate(factor, lengths[i]);
        if (is_rule(spec, found, radians)) {
            return true;
        }
    }
    return false;
}

/* Replaces divisors that are those of Llama 3.1's rule by that rule. */
static ropemap_status recognise_llama3(const rm_gguf_reader *reader) {
    ropemap_spec *spec = &reader->model->spec;
    const int32_t pairs = spec->scaling.list_count;
    double *radians = rm_alloc(2 * (uint64_t)pairs, sizeof *radians);
    ropemap_status status = ROPEMAP_OK;
    ropemap_scaling found;
    if (radians == NULL) {
        status = rm_fail_memory(reader->error, "frequencies", 2 * (uint64_t)pairs * sizeof *radians);
    } else if (find(spec, &found, radians)) {
        spec->scaling = found;
        rm_model_fact(reader->model, "known rule", "the divisors of rope_freqs.weight",
                      "llama3:factor=%.9g,low=1,high=4,original=%.9g", found.factor, found.original_length);
    }
    rm_free(radians);
    return status;
}

/*
 * llama.cpp maps rope.scaling.* to freq_scale = 1 / factor, ext_factor (1 with YaRN) and attn_factor
 * (src/llama-model.cpp, llama-context.cpp); its kernel then multiplies cosines and sines by attn_factor, with
 * an ext_factor also by 1 + 0.1 ln(factor) (ggml/src/ggml-cpu/ops.cpp, rope_yarn), which the context divides
 * out beforehand. attention() is what remains: the factor of the cosines.
 */

typedef enum kind { KIND_NONE, KIND_LINEAR, KIND_YARN, KIND_LONGROPE, KINDS } kind;

static const char *const kind_names[KINDS] = {"none", "linear", "yarn", "longrope"};

/* The file's scaling. */
typedef struct parameters {
    kind kind;
    char kind_key[RM_GGUF_KEY_BYTES];
    rm_gguf_number factor; /* value 1 without one */
    rm_gguf_number original, attn, ext, beta_fast, beta_slow, log, yarn_attn, alpha;
} parameters;

/* ---- reading */

/* Without a type it is linear, with a factor of 1 unless given, as in llama.cpp. */
static ropemap_status read_kind(const rm_gguf_reader *reader, parameters *given) {
    char text[40];
    (void)snprintf(given->kind_key, sizeof given->kind_key, "%s.rope.scaling.type", reader->name);
    RM_TRY(rm_gguf_text(reader->file, given->kind_key, text, sizeof text, reader->error));
    given->kind = text[0] == '\0' ? KIND_LINEAR : KIND_NONE;
    while (text[0] != '\0' && given->kind < KINDS && strcmp(text, kind_names[given->kind]) != 0) {
        given->kind++;
    }
    return given->kind < KINDS
               ? ROPEMAP_OK
               : rm_gguf_fail(reader, ROPEMAP_DATA, "%s is '%s', expected none, linear, yarn or longrope",
                              given->kind_key, text);
}

static ropemap_status read_factor(const rm_gguf_reader *reader, parameters *given) {
    RM_TRY(rm_gguf_get(reader, "rope.scaling.factor", &given->factor));
    if (!given->factor.found) { /* the old name */
        RM_TRY(rm_gguf_get(reader, "rope.scale_linear", &given->factor));
    }
    if (given->factor.value == 0.0 || given->kind == KIND_NONE) {
        given->factor.value = 1.0;
    }
    return given->factor.value >= 1.0
               ? ROPEMAP_OK
               : rm_gguf_fail(reader, ROPEMAP_DATA, "%s is %.17g, expected a number of at least 1",
                              given->factor.key, given->factor.value);
}

/* A multiplier or a number of turns: 0 would read as "not given" further on. */
static ropemap_status get_positive(const rm_gguf_reader *reader, const char *suffix, rm_gguf_number *number) {
    RM_TRY(rm_gguf_get(reader, suffix, number));
    return !number->found || number->value > 0.0
               ? ROPEMAP_OK
               : rm_gguf_fail(reader, ROPEMAP_DATA, "%s is %.17g, expected a number above 0", number->key,
                              number->value);
}

static ropemap_status read_parameters(const rm_gguf_reader *reader, parameters *given) {
    RM_TRY(read_kind(reader, given));
    RM_TRY(read_factor(reader, given));
    RM_TRY(rm_gguf_get_count(reader, "rope.scaling.original_context_length", (double)ROPEMAP_POSITION_END,
                             &given->original));
    RM_TRY(get_positive(reader, "rope.scaling.attn_factor", &given->attn));
    RM_TRY(rm_gguf_get(reader, "rope.scaling.yarn_ext_factor", &given->ext));
    RM_TRY(get_positive(reader, "rope.scaling.yarn_beta_fast", &given->beta_fast));
    RM_TRY(get_positive(reader, "rope.scaling.yarn_beta_slow", &given->beta_slow));
    RM_TRY(rm_gguf_get(reader, "rope.scaling.yarn_log_multiplier", &given->log));
    RM_TRY(get_positive(reader, "rope.scaling.yarn_attn_factor", &given->yarn_attn));
    RM_TRY(rm_gguf_get(reader, "rope.scaling.alpha", &given->alpha));
    if (!given->attn.found) {
        given->attn.value = 1.0;
    }
    if (!given->ext.found || given->ext.value < 0.0) { /* negative: not set */
        given->ext.value = given->kind == KIND_YARN ? 1.0 : 0.0;
    }
    return ROPEMAP_OK;
}

/* ---- facts */

static void fact(const rm_gguf_reader *reader, const char *name, const rm_gguf_number *number) {
    rm_model_fact(reader->model, name, number->key, "%.17g", number->value);
}

static void rule(const rm_gguf_reader *reader, ropemap_scaling_rule rule_of, const char *source) {
    reader->model->spec.scaling.rule = rule_of;
    rm_model_fact(reader->model, "scaling", source, "%s", ropemap_scaling_name(rule_of));
}

static ropemap_status take_original(const rm_gguf_reader *reader, const parameters *given) {
    ropemap_model *model = reader->model;
    const double original = given->original.found ? given->original.value : (double)model->trained_length;
    if (original == 0.0) {
        return rm_gguf_fail(reader, ROPEMAP_DATA, "%s is missing, and so is context_length",
                            given->original.key);
    }
    model->spec.scaling.original_length = original;
    rm_model_fact(model, "original_length", given->original.found ? given->original.key : "context_length",
                  "%.0f", original);
    return ROPEMAP_OK;
}

static void take_betas(const rm_gguf_reader *reader, const parameters *given) {
    if (given->beta_fast.found) {
        reader->model->spec.scaling.beta_fast = given->beta_fast.value;
        fact(reader, "beta_fast", &given->beta_fast);
    }
    if (given->beta_slow.found) {
        reader->model->spec.scaling.beta_slow = given->beta_slow.value;
        fact(reader, "beta_slow", &given->beta_slow);
    }
}

/* ---- what cosines and sines are multiplied by */

static double gain(double factor, double k) {
    return factor <= 1.0 ? 1.0 : 0.1 * k * log(factor) + 1.0;
}

/* DeepSeek's mscale_all_dim, 0 where the architecture has none. */
static double log_multiplier(const rm_gguf_reader *reader, const parameters *given) {
    const unsigned traits = reader->arch->traits;
    if ((traits & RM_GGUF_LOG_TENTH) != 0) { /* in float, as it was multiplied */
        return (double)((float)given->log.value / 0.1f);
    }
    return (traits & RM_GGUF_LOG) != 0 ? given->log.value : 0.0;
}

static double attention(const rm_gguf_reader *reader, const parameters *given) {
    const double factor = given->factor.value, all = log_multiplier(reader, given);
    if (given->ext.value == 0.0) {
        return (given->yarn_attn.found ? given->yarn_attn.value : 1.0) * given->attn.value;
    }
    const double mscale = (reader->arch->traits & RM_GGUF_MSCALE_SAME) != 0 ? all : 1.0;
    const double grown = all != 0.0 ? gain(factor, mscale) / gain(factor, all) : gain(factor, 1.0);
    return grown * given->attn.value;
}

/* What the numbers alone do not show. */
static void explain_attention(const rm_gguf_reader *reader, const parameters *given, double grown) {
    const double all = log_multiplier(reader, given);
    if (given->ext.value != 0.0 && given->yarn_attn.found) {
        rm_model_warn(reader->model, "%s is %g, which llama.cpp does not use: cosines are multiplied by %.9g",
                      given->yarn_attn.key, given->yarn_attn.value, grown);
    }
    if ((reader->arch->traits & RM_GGUF_LOG_TENTH) != 0 && all != 0.0 && given->factor.value > 1.0) {
        const double scores = grown * gain(given->factor.value, all);
        rm_model_warn(reader->model,
                      "scores of the whole head are also multiplied by %.9g, (1 + 0.1 * %.9g * ln(factor))^2",
                      scores * scores, all);
    }
}

static void source_attention(const rm_gguf_reader *reader, const parameters *given, char *source,
                             size_t size) {
    const char *log = log_multiplier(reader, given) != 0.0 ? given->log.key : "";
    (void)snprintf(source, size, "llama.cpp from %.70s%s%s", log,
                   log[0] != '\0' && given->attn.found ? ", " : "",
                   given->attn.found ? "rope.scaling.attn_factor"
                   : log[0] == '\0'  ? "its defaults"
                                     : "");
}

/* ---- rules */

static void summarise(const rm_gguf_reader *reader, const char *name, rm_gguf_list list,
                      const double *divisors) {
    const int32_t count = reader->model->spec.scaling.list_count;
    char source[80];
    double low = divisors[0], high = divisors[0];
    for (int32_t i = 1; i < count; i++) {
        low = fmin(low, divisors[i]);
        high = fmax(high, divisors[i]);
    }
    (void)snprintf(source, sizeof source, "tensor %s", rm_gguf_list_name(list));
    rm_model_fact(reader->model, name, source, "%d numbers from %.9g to %.9g", (int)count, low, high);
}

static ropemap_status take_list(const rm_gguf_reader *reader, rm_gguf_list list, const char *name,
                                double *divisors) {
    ropemap_spec *spec = &reader->model->spec;
    const int32_t pairs = spec->rotary_dim / 2;
    if (!reader->file->lists[list].found) {
        return rm_gguf_fail(reader, ROPEMAP_DATA, "the tensor '%s' is missing; longrope needs both lists",
                            rm_gguf_list_name(list));
    }
    if (pairs < 1 || pairs > ROPEMAP_MAX_DIVISORS) {
        return rm_gguf_fail(reader, ROPEMAP_DATA, "%d elements rotate; 2 to %d may with a list of divisors",
                            (int)spec->rotary_dim, 2 * ROPEMAP_MAX_DIVISORS);
    }
    const bool more = (reader->arch->traits & RM_GGUF_HALF_ROTARY) != 0;
    RM_TRY(rm_gguf_list_read(reader->file, list, pairs, more, divisors, reader->error));
    spec->scaling.list_count = pairs;
    summarise(reader, name, list, divisors);
    return ROPEMAP_OK;
}

static ropemap_status take_both(const rm_gguf_reader *reader) {
    ropemap_scaling *scaling = &reader->model->spec.scaling;
    ropemap_divisors *divisors = &reader->model->divisors;
    scaling->long_factors = divisors->long_factors;
    scaling->short_factors = divisors->short_factors;
    RM_TRY(take_list(reader, RM_GGUF_LONG, "long_factors", divisors->long_factors));
    return take_list(reader, RM_GGUF_SHORT, "short_factors", divisors->short_factors);
}

/* The attention factor is the converter's business: llama.cpp multiplies by the given one, else by 1. A
 * factor, which LongRoPE does not have there, would divide frequencies in addition to the lists.
 */
static ropemap_status read_longrope(const rm_gguf_reader *reader, const parameters *given) {
    ropemap_scaling *scaling = &reader->model->spec.scaling;
    rule(reader, ROPEMAP_SCALING_LONGROPE, given->kind == KIND_LONGROPE ? given->kind_key : "its lists");
    RM_TRY(take_original(reader, given));
    RM_TRY(take_both(reader));
    if (given->factor.value != 1.0) {
        return rm_gguf_fail(reader, ROPEMAP_DATA, "%s is %.17g; longrope's lists leave no room for it",
                            given->factor.key, given->factor.value);
    }
    scaling->max_length = (double)reader->model->trained_length;
    scaling->attention_factor = given->attn.value;
    if (given->attn.found) {
        fact(reader, "attention_factor", &given->attn);
    } else {
        rm_model_fact(reader->model, "attention_factor", "no rope.scaling.attn_factor", "1");
        rm_model_warn(reader->model,
                      "no %s, so llama.cpp multiplies cosines by 1; LongRoPE's own rule is sqrt(1 + "
                      "ln(factor) / ln(original length))",
                      given->attn.key);
    }
    return ROPEMAP_OK;
}

static ropemap_status read_yarn(const rm_gguf_reader *reader, const parameters *given) {
    ropemap_scaling *scaling = &reader->model->spec.scaling;
    const double grown = attention(reader, given);
    rule(reader, ROPEMAP_SCALING_YARN, given->kind_key);
    scaling->factor = given->factor.value;
    rm_model_fact(reader->model, "factor", given->factor.found ? given->factor.key : "default", "%.17g",
                  given->factor.value);
    RM_TRY(take_original(reader, given));
    take_betas(reader, given);
    explain_attention(reader, given, grown);
    if (grown != gain(given->factor.value, 1.0)) {
        char source[120];
        source_attention(reader, given, source, sizeof source);
        scaling->attention_factor = grown;
        rm_model_fact(reader->model, "attention_factor", source, "%.17g", grown);
    }
    return ROPEMAP_OK;
}

/* Everything else: llama.cpp's own parameters express it. */
static ropemap_status read_ggml(const rm_gguf_reader *reader, const parameters *given) {
    ropemap_scaling *scaling = &reader->model->spec.scaling;
    ropemap_model *model = reader->model;
    const double factor = given->factor.value, grown = attention(reader, given);
    const rm_gguf_tensor *tensors = reader->file->lists;
    const bool freqs = tensors[RM_GGUF_FREQS].found;
    const bool lists = !freqs && (tensors[RM_GGUF_LONG].found || tensors[RM_GGUF_SHORT].found);
    rule(reader, ROPEMAP_SCALING_GGML, freqs ? "tensor rope_freqs.weight" : "no other rule fits");
    scaling->freq_scale = 1.0 / factor;
    scaling->ext_factor = given->ext.value;
    scaling->attn_factor = given->ext.value == 0.0 ? grown : grown / (1.0 + 0.1 * log(factor));
    if (factor != 1.0) {
        char source[120];
        (void)snprintf(source, sizeof source, "1 / %.100s", given->factor.key);
        rm_model_fact(model, "freq_scale", source, "%.17g", scaling->freq_scale);
    }
    if (given->ext.value != 0.0) {
        rm_model_fact(model, "ext_factor", given->ext.found ? given->ext.key : given->kind_key, "%.17g",
                      given->ext.value);
        take_betas(reader, given);
        explain_attention(reader, given, grown);
    }
    if (grown != 1.0) {
        char source[120];
        source_attention(reader, given, source, sizeof source);
        rm_model_fact(model, "attention_factor", source, "%.17g", grown);
    }
    if (given->ext.value != 0.0 || lists) {
        RM_TRY(take_original(reader, given));
    }
    if (lists) {
        return take_both(reader);
    }
    if (freqs) {
        scaling->factors = ROPEMAP_FACTORS_LONG;
        RM_TRY(take_list(reader, RM_GGUF_FREQS, "divisors", model->divisors.long_factors));
        scaling->long_factors = scaling->short_factors = model->divisors.long_factors;
        const bool alone = factor == 1.0 && given->ext.value == 0.0 && grown == 1.0;
        return alone ? recognise_llama3(reader) : ROPEMAP_OK;
    }
    return ROPEMAP_OK;
}

static void read_simple(const rm_gguf_reader *reader, const parameters *given) {
    ropemap_scaling *scaling = &reader->model->spec.scaling;
    if (given->factor.value != 1.0) {
        rule(reader, ROPEMAP_SCALING_LINEAR, given->factor.key);
        scaling->factor = given->factor.value;
        fact(reader, "factor", &given->factor);
    } else if ((reader->arch->traits & RM_GGUF_ALPHA) != 0 && given->alpha.value > 0.0) {
        rule(reader, ROPEMAP_SCALING_ALPHA, given->alpha.key);
        scaling->alpha = given->alpha.value;
        fact(reader, "alpha", &given->alpha);
    } else {
        rule(reader, ROPEMAP_SCALING_NONE, given->kind == KIND_NONE ? given->kind_key : "no scaling");
    }
}

ropemap_status rm_gguf_scaling_read(const rm_gguf_reader *reader) {
    const rm_gguf_tensor *lists = reader->file->lists;
    parameters given = {0};
    if (reader->sliding && reader->arch->sliding != RM_GGUF_SLIDING_SAME) {
        rule(reader, ROPEMAP_SCALING_NONE, "none for sliding attention in this architecture");
        return ROPEMAP_OK;
    }
    RM_TRY(read_parameters(reader, &given));
    const bool freqs = lists[RM_GGUF_FREQS].found,
               both = lists[RM_GGUF_LONG].found || lists[RM_GGUF_SHORT].found;
    /* Files of Phi-3 from before there was a type have just the lists. */
    if (given.kind == KIND_LONGROPE ||
        (both && !freqs && given.kind != KIND_YARN && given.factor.value == 1.0)) {
        return read_longrope(reader, &given);
    }
    const bool usual = given.ext.value == (given.kind == KIND_YARN ? 1.0 : 0.0);
    if (freqs || both || !usual || (given.kind != KIND_YARN && attention(reader, &given) != 1.0)) {
        return read_ggml(reader, &given);
    }
    if (given.kind == KIND_YARN) {
        return read_yarn(reader, &given);
    }
    read_simple(reader, &given);
    return ROPEMAP_OK;
}
