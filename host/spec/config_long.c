/* config_long.c - the rules that know the length a model was first trained for: yarn, longrope, llama3 */
/* SPDX-License-Identifier: MIT */
#include "host/spec/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const rm_want original_want = {
    .words = "a whole number of tokens from 2 to 2^40", .low = 2.0, .high = 0x1p40, .multiple_of = 1};
static const rm_want attention_want = {.words = "a number from 1e-6 to 1e6", .low = 1e-6, .high = 1e6};
static const rm_want band_want = {.words = "a number from 1e-6 to 1e6", .low = 1e-6, .high = 1e6};
static const rm_want gain_want = {.words = "a number from 0 to 1e6", .low = 0.0, .high = 1e6};
static const rm_want turns_want = {.words = "a number from 0 to 1e9", .low = 0.0, .high = 1e9};
static const rm_want divisor_want = {.words = "a number from 0.2 to 1e9", .low = 0.2, .high = 1e9};

static const char ORIGINAL[] = "original_max_position_embeddings";

/* One beside the dict (Phi-3) wins over the dict's, and max_position_embeddings stands in for both. */
static ropemap_status read_original(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    rm_found beside, within, *found = &beside;
    scaling->max_length = (double)config->model->trained_length;
    RM_TRY(rm_config_number(config, &config->top, ORIGINAL, &original_want, &beside));
    RM_TRY(rm_config_number(config, &config->rope, ORIGINAL, &original_want, &within));
    if (!beside.given && config->family->original > 0) { /* an attribute of the class, which wins as well */
        beside.given = true;
        beside.value = config->family->original;
        (void)snprintf(beside.path, sizeof beside.path, "default of model_type %s", config->family->type);
    }
    if (!beside.given) {
        found = &within;
    } else if (within.given && within.value != beside.value) {
        rm_model_warn(config->model, "%s is %.15g, %s %.15g: the former won, as in transformers", beside.path,
                      beside.value, within.path, within.value);
    }
    if (found->given) {
        scaling->original_length = found->value;
        if (rm_config_value(&config->top, ORIGINAL) == NULL && found == &beside) {
            rm_config_note_default(config, "original length", found->value);
        } else {
            rm_config_note_number(config, "original length", found->value, found->path);
        }
        return ROPEMAP_OK;
    }
    if (scaling->max_length < original_want.low) {
        return rm_fail(config->error, ROPEMAP_DATA, "%s: no %s, expected one for %s", config->label, ORIGINAL,
                       config->kind->word);
    }
    scaling->original_length = scaling->max_length;
    rm_config_note_number(config, "original length", scaling->max_length, "max_position_embeddings");
    return ROPEMAP_OK;
}

/* The factor, or how much longer the model became. */
static ropemap_status read_growth(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    const double growth = scaling->max_length / scaling->original_length;
    scaling->factor = 0.0;
    RM_TRY(rm_config_factor(config, scaling->max_length == 0.0));
    if (scaling->factor != 0.0) {
        if (growth != scaling->factor && growth != 1.0 && growth != 0.0) {
            rm_model_warn(
                config->model,
                "%s.factor is %.15g, but max_position_embeddings / %s is %.15g / %.15g = %.15g: the "
                "factor is what counts",
                config->rope.path, scaling->factor, ORIGINAL, scaling->max_length, scaling->original_length,
                growth);
        }
        return ROPEMAP_OK;
    }
    if (growth < 1.0 && config->kind->read != rm_config_longrope) {
        return rm_fail(
            config->error, ROPEMAP_DATA,
            "%s: %s has no factor, and max_position_embeddings is %.15g, expected at least %s, %.15g",
            config->label, config->rope.path, scaling->max_length, ORIGINAL, scaling->original_length);
    }
    scaling->factor = growth < 1.0 ? 1.0 : growth; /* of LongRoPE's attention factor, which stays 1 below 1 */
    rm_config_note_number(config, "factor", scaling->factor, "max_position_embeddings / original");
    return ROPEMAP_OK;
}

/* A number where 0 is as if absent, and one that *value holds already is the default. */
static ropemap_status read_gain(rm_config *config, const char *key, const rm_want *want, double *value) {
    rm_found found;
    RM_TRY(rm_config_number(config, &config->rope, key, want, &found));
    if (found.given && found.value != 0.0) {
        *value = found.value;
        rm_config_note_number(config, key, found.value, found.path);
    } else if (*value != 0.0) {
        rm_model_fact(config->model, key, "default of the rule", "%.15g", *value);
    }
    return ROPEMAP_OK;
}

/* ---- yarn */

/* Turns over the original length between which the ramp stands. */
static ropemap_status read_ramp(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    bool truncate = true;
    scaling->beta_fast = 32.0;
    scaling->beta_slow = 1.0;
    const bool mistral = strcmp(config->kind->keys[2], "beta") == 0;
    RM_TRY(read_gain(config, mistral ? "beta" : "beta_fast", &turns_want, &scaling->beta_fast));
    RM_TRY(read_gain(config, mistral ? "alpha" : "beta_slow", &turns_want, &scaling->beta_slow));
    if (scaling->beta_fast < scaling->beta_slow) {
        return rm_fail(config->error, ROPEMAP_DATA,
                       "%s: %s.beta_fast is %.15g, expected at least beta_slow, %.15g", config->label,
                       config->rope.path, scaling->beta_fast, scaling->beta_slow);
    }
    RM_TRY(rm_config_flag(config, &config->rope, "truncate", &truncate));
    scaling->untruncated = !truncate;
    if (!truncate) {
        rm_config_note(config, "truncate", "false", config->rope.path);
    }
    return ROPEMAP_OK;
}

/* Mistral's params.json: whether cosines are multiplied at all. */
static ropemap_status read_apply_scale(rm_config *config) {
    bool apply = true;
    RM_TRY(rm_config_flag(config, &config->rope, "apply_scale", &apply));
    if (!apply) {
        config->model->spec.scaling.attention_factor = 1.0;
        rm_config_note(config, "apply_scale", "false", config->rope.path);
    }
    return ROPEMAP_OK;
}

static void warn_gains(const rm_config *config) {
    const ropemap_scaling *scaling = &config->model->spec.scaling;
    const double all = scaling->mscale_all_dim, one = scaling->mscale;
    if (scaling->attention_factor != 0.0 && (one != 0.0 || all != 0.0)) {
        rm_model_warn(config->model,
                      "%s has attention_factor, %.15g, and mscale or mscale_all_dim: attention_factor won",
                      config->rope.path, scaling->attention_factor);
    } else if ((one != 0.0) != (all != 0.0)) {
        rm_model_warn(config->model, "%s has %s alone: transformers takes mscale and mscale_all_dim together",
                      config->rope.path, one != 0.0 ? "mscale" : "mscale_all_dim");
    }
    if (all != 0.0 && scaling->factor > 1.0 &&
        (config->mla || (config->family->flags & RM_FAMILY_SOFTMAX) != 0)) {
        const double gain = 0.1 * all * log(scaling->factor) + 1.0;
        rm_model_warn(
            config->model,
            "the model also multiplies the softmax scale by (0.1 * mscale_all_dim * ln factor + 1)^2 = "
            "%.6g, which is not in the map",
            gain * gain);
    }
}

ropemap_status rm_config_yarn(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    scaling->rule = ROPEMAP_SCALING_YARN;
    RM_TRY(read_original(config));
    RM_TRY(read_growth(config));
    RM_TRY(read_ramp(config));
    scaling->attention_factor = config->compressed ? 1.0 : 0.0;
    RM_TRY(read_apply_scale(config));
    RM_TRY(read_gain(config, "attention_factor", &attention_want, &scaling->attention_factor));
    RM_TRY(read_gain(config, "mscale", &gain_want, &scaling->mscale));
    RM_TRY(read_gain(config, "mscale_all_dim", &gain_want, &scaling->mscale_all_dim));
    warn_gains(config);
    if (scaling->mscale == 0.0 || scaling->mscale_all_dim == 0.0) {
        scaling->mscale = scaling->mscale_all_dim = 0.0;
    }
    return ROPEMAP_OK;
}

/* ---- longrope */

static ropemap_status read_list(const rm_config *config, const char *key, double *list) {
    const json_t *value = rm_config_value(&config->rope, key);
    const size_t pairs = (size_t)config->model->spec.rotary_dim / 2;
    char path[120], words[80], element[140];
    rm_config_path(path, sizeof path, &config->rope, key);
    (void)snprintf(words, sizeof words, "a list of %zu numbers, one a pair (rotary_dim / 2)", pairs);
    if (value == NULL) {
        return rm_fail(config->error, ROPEMAP_DATA, "%s: no %s, expected %s for %s", config->label, path,
                       words, config->kind->word);
    }
    if (pairs > ROPEMAP_MAX_DIVISORS) {
        return rm_fail(config->error, ROPEMAP_DATA, "%s: %zu pairs rotate, expected at most %d with %s.%s",
                       config->label, pairs, ROPEMAP_MAX_DIVISORS, config->rope.path, key);
    }
    if (!json_is_array(value) || json_array_size(value) != pairs) {
        return rm_config_wrong(config, path, value, words);
    }
    for (size_t i = 0; i < pairs; i++) {
        (void)snprintf(element, sizeof element, "%.100s[%zu]", path, i);
        RM_TRY(rm_config_check(config, element, json_array_get(value, i), &divisor_want, &list[i]));
    }
    (void)snprintf(words, sizeof words, "%zu numbers, %.6g to %.6g", pairs, list[0], list[pairs - 1]);
    rm_config_note(config, key, words, path);
    return ROPEMAP_OK;
}

/* PhiMoE multiplies by one number up to the original length and by another beyond. */
static ropemap_status read_phimoe(rm_config *config) {
    double gain[2] = {0.0, 0.0};
    RM_TRY(read_gain(config, "short_mscale", &gain_want, &gain[0]));
    RM_TRY(read_gain(config, "long_mscale", &gain_want, &gain[1]));
    if (gain[0] == 0.0 && gain[1] == 0.0) {
        return ROPEMAP_OK;
    }
    config->model->spec.scaling.attention_factor = gain[1] != 0.0 ? gain[1] : gain[0];
    if (gain[0] != gain[1]) {
        rm_model_warn(config->model,
                      "short_mscale is %.15g, long_mscale %.15g (0: absent): the attention factor is that of "
                      "%s sequences",
                      gain[0], gain[1], gain[1] != 0.0 ? "long" : "short");
    }
    return ROPEMAP_OK;
}

ropemap_status rm_config_longrope(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    scaling->rule = ROPEMAP_SCALING_LONGROPE;
    RM_TRY(read_original(config));
    RM_TRY(read_growth(config));
    RM_TRY(read_list(config, "short_factor", scaling->short_factors));
    RM_TRY(read_list(config, "long_factor", scaling->long_factors));
    scaling->list_count = config->model->spec.rotary_dim / 2;
    RM_TRY(read_phimoe(config));
    RM_TRY(read_gain(config, "attention_factor", &attention_want, &scaling->attention_factor));
    rm_model_warn(
        config->model,
        "longrope: short_factor divides up to %.15g tokens, long_factor beyond, so that the frequencies "
        "depend on the length",
        scaling->original_length);
    return ROPEMAP_OK;
}

/* ---- llama3 */

static ropemap_status read_band(rm_config *config, const char *key, double *value) {
    rm_found found;
    RM_TRY(rm_config_number(config, &config->rope, key, &band_want, &found));
    if (!found.given) {
        return rm_fail(config->error, ROPEMAP_DATA, "%s: %s has no %s, expected %s for llama3", config->label,
                       config->rope.path, key, band_want.words);
    }
    *value = found.value;
    rm_config_note_number(config, key, found.value, found.path);
    return ROPEMAP_OK;
}

ropemap_status rm_config_llama3(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    scaling->rule = ROPEMAP_SCALING_LLAMA3;
    RM_TRY(rm_config_factor(config, true));
    RM_TRY(read_band(config, "low_freq_factor", &scaling->low_freq_factor));
    RM_TRY(read_band(config, "high_freq_factor", &scaling->high_freq_factor));
    if (scaling->high_freq_factor < scaling->low_freq_factor) {
        return rm_fail(config->error, ROPEMAP_DATA,
                       "%s: %s.high_freq_factor is %.15g, expected at least low_freq_factor, %.15g",
                       config->label, config->rope.path, scaling->high_freq_factor, scaling->low_freq_factor);
    }
    RM_TRY(read_original(config));
    if (scaling->max_length != 0.0 && scaling->original_length >= scaling->max_length) {
        rm_model_warn(config->model, "%s is %.15g, expected less than max_position_embeddings, %.15g",
                      ORIGINAL, scaling->original_length, scaling->max_length);
    }
    scaling->max_length = 0.0; /* the rule takes none */
    return ROPEMAP_OK;
}
