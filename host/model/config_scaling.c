/* config_scaling.c - the keys that each rope_type reads from the rule's dict: linear, yarn, longrope, llama3,
 * ... */
/* SPDX-License-Identifier: MIT */
#include "host/model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const rm_want original_want = {
    .words = "a whole number of tokens from 2 to 2^40", .low = 2.0, .high = 0x1p40, .multiple_of = 1};

static const rm_want attention_want = {.words = "a number from 1e-6 to 1e6", .low = 1e-6, .high = 1e6};

static const rm_want factor_want = {.words = "a number from 1 to 1e9", .low = 1.0, .high = 1e9};

static const rm_want gain_want = {.words = "a number from 0 to 1e6", .low = 0.0, .high = 1e6};

static const rm_want turns_want = {.words = "a number from 0 to 1e9", .low = 0.0, .high = 1e9};

static const rm_want divisor_want = {.words = "a number from 0.2 to 1e9", .low = 0.2, .high = 1e9};

static const char ORIGINAL[] = "original_max_position_embeddings";

/* The number under a key of the rule's dict; *value is unchanged without one. */
static ropemap_status take(rm_config *config, const char *key, const rm_want *want, bool required,
                           double *value) {
    rm_found found;
    RM_TRY(rm_config_number(config, &config->rope, key, want, &found));
    if (found.given) {
        *value = found.value;
        rm_config_note_number(config, key, found.value, found.path);
    }
    return found.given || !required ? ROPEMAP_OK
                                    : rm_config_fail(config, ROPEMAP_DATA, "%s has no %s, expected %s for %s",
                                                     config->rope.path, key, want->words, config->kind->word);
}

static ropemap_status take_factor(rm_config *config, bool required) {
    return take(config, "factor", &factor_want, required, &config->model->spec.scaling.factor);
}

/* One next to the dict (Phi-3) wins over the dict's; max_position_embeddings replaces both. */
static ropemap_status read_original(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    rm_found outer, within, *found = &outer;
    scaling->max_length = (double)config->model->trained_length;
    RM_TRY(rm_config_number(config, &config->top, ORIGINAL, &original_want, &outer));
    RM_TRY(rm_config_number(config, &config->rope, ORIGINAL, &original_want, &within));
    if (!outer.given && config->family->original > 0) { /* an attribute of the class also wins */
        outer.given = true;
        outer.value = config->family->original;
        (void)snprintf(outer.path, sizeof outer.path, "default of model_type %s", config->known);
    }
    if (!outer.given) {
        found = &within;
    } else if (within.given && within.value != outer.value) {
        rm_model_warn(config->model, "%s is %.15g, %s %.15g: the former won, as in transformers", outer.path,
                      outer.value, within.path, within.value);
    }
    if (found->given) {
        scaling->original_length = found->value;
        if (rm_config_value(&config->top, ORIGINAL) == NULL && found == &outer) {
            rm_config_note_default(config, "original length", found->value);
        } else {
            rm_config_note_number(config, "original length", found->value, found->path);
        }
        return ROPEMAP_OK;
    }
    if (scaling->max_length < original_want.low) {
        return rm_config_fail(config, ROPEMAP_DATA, "no %s, which %s needs", ORIGINAL, config->kind->word);
    }
    scaling->original_length = scaling->max_length;
    rm_config_note_number(config, "original length", scaling->max_length, "max_position_embeddings");
    return ROPEMAP_OK;
}

/* The factor, or how much longer the model became; only LongRoPE's, of its attention factor, may be below 1.
 */
static ropemap_status read_growth(rm_config *config, bool may_shrink) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    const double growth = scaling->max_length / scaling->original_length;
    scaling->factor = 0.0;
    RM_TRY(take_factor(config, scaling->max_length == 0.0));
    if (scaling->factor != 0.0) {
        if (growth != scaling->factor && growth != 1.0 && growth != 0.0) {
            rm_model_warn(config->model,
                          "%s.factor is %.15g, but max_position_embeddings / %s is %.15g / %.15g = %.15g: "
                          "the factor won",
                          config->rope.path, scaling->factor, ORIGINAL, scaling->max_length,
                          scaling->original_length, growth);
        }
        return ROPEMAP_OK;
    }
    if (growth < 1.0 && !may_shrink) {
        return rm_config_fail(
            config, ROPEMAP_DATA,
            "%s has no factor, and max_position_embeddings is %.15g, expected at least %s, %.15g",
            config->rope.path, scaling->max_length, ORIGINAL, scaling->original_length);
    }
    scaling->factor = growth < 1.0 ? 1.0 : growth;
    rm_config_note_number(config, "factor", scaling->factor, "max_position_embeddings / original");
    return ROPEMAP_OK;
}

/* A number where 0 counts as absent; *value holds the default. */
static ropemap_status read_gain(rm_config *config, const char *key, const rm_want *want, double *value) {
    rm_found found;
    RM_TRY(rm_config_number(config, &config->rope, key, want, &found));
    if (found.given && found.value != 0.0) {
        *value = found.value;
        rm_config_note_number(config, key, found.value, found.path);
    } else if (*value != 0.0) {
        rm_model_fact(config->model, key, "the rule's default", "%.15g", *value);
    }
    return ROPEMAP_OK;
}

/* ---- yarn */

/* The ramp, between two numbers of turns over the original length. */
static ropemap_status read_ramp(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    bool truncate = true;
    scaling->beta_fast = 32.0;
    scaling->beta_slow = 1.0;
    const bool mistral = rm_words_have(config->kind->keys, "beta");
    RM_TRY(read_gain(config, mistral ? "beta" : "beta_fast", &turns_want, &scaling->beta_fast));
    RM_TRY(read_gain(config, mistral ? "alpha" : "beta_slow", &turns_want, &scaling->beta_slow));
    if (scaling->beta_fast < scaling->beta_slow) {
        return rm_config_fail(config, ROPEMAP_DATA,
                              "%s.beta_fast is %.15g, expected at least beta_slow, %.15g", config->rope.path,
                              scaling->beta_fast, scaling->beta_slow);
    }
    RM_TRY(rm_config_flag(config, &config->rope, "truncate", &truncate));
    scaling->untruncated = !truncate;
    if (!truncate) {
        rm_config_note(config, "truncate", "false", config->rope.path);
        const char *last = strrchr(config->rope.path, '.');
        if (config->layer_type != NULL && last != NULL && strcmp(last + 1, config->layer_type) == 0) {
            rm_model_warn(
                config->model,
                "%s has truncate false: transformers 5.24 looks for it beside the layer types' dicts "
                "alone, and would take whole pairs here",
                config->rope.path);
        }
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
        rm_model_warn(config->model,
                      "%s has %s alone: transformers uses mscale and mscale_all_dim only together",
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

static ropemap_status read_yarn(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    scaling->rule = ROPEMAP_SCALING_YARN;
    RM_TRY(read_original(config));
    RM_TRY(read_growth(config, false));
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
        return rm_config_fail(config, ROPEMAP_DATA, "no %s, expected %s for %s", path, words,
                              config->kind->word);
    }
    if (pairs > ROPEMAP_MAX_DIVISORS) {
        return rm_config_fail(config, ROPEMAP_DATA, "%zu pairs rotate; at most %d may with %s.%s", pairs,
                              ROPEMAP_MAX_DIVISORS, config->rope.path, key);
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

static ropemap_status read_longrope(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    scaling->rule = ROPEMAP_SCALING_LONGROPE;
    RM_TRY(read_original(config));
    RM_TRY(read_growth(config, true));
    RM_TRY(read_list(config, "short_factor", config->model->divisors.short_factors));
    RM_TRY(read_list(config, "long_factor", config->model->divisors.long_factors));
    scaling->short_factors = config->model->divisors.short_factors;
    scaling->long_factors = config->model->divisors.long_factors;
    scaling->list_count = config->model->spec.rotary_dim / 2;
    RM_TRY(read_phimoe(config));
    RM_TRY(read_gain(config, "attention_factor", &attention_want, &scaling->attention_factor));
    rm_model_warn(config->model,
                  "longrope: short_factor divides up to %.15g tokens, long_factor beyond, so the frequencies "
                  "depend on the length",
                  scaling->original_length);
    return ROPEMAP_OK;
}

/* ---- llama3 */

static ropemap_status read_llama3(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    scaling->rule = ROPEMAP_SCALING_LLAMA3;
    RM_TRY(take_factor(config, true));
    RM_TRY(take(config, "low_freq_factor", &attention_want, true, &scaling->low_freq_factor));
    RM_TRY(take(config, "high_freq_factor", &attention_want, true, &scaling->high_freq_factor));
    if (scaling->high_freq_factor < scaling->low_freq_factor) {
        return rm_config_fail(config, ROPEMAP_DATA,
                              "%s.high_freq_factor is %.15g, expected at least low_freq_factor, %.15g",
                              config->rope.path, scaling->high_freq_factor, scaling->low_freq_factor);
    }
    RM_TRY(read_original(config));
    if (scaling->max_length != 0.0 && scaling->original_length >= scaling->max_length) {
        rm_model_warn(config->model, "%s is %.15g, expected less than max_position_embeddings, %.15g",
                      ORIGINAL, scaling->original_length, scaling->max_length);
    }
    scaling->max_length = 0.0; /* the rule has none */
    return ROPEMAP_OK;
}

/* ---- rules */

static ropemap_status read_linear(rm_config *config) {
    config->model->spec.scaling.rule = ROPEMAP_SCALING_LINEAR;
    return take_factor(config, true);
}

/* Hunyuan's: the word is dynamic, but with an alpha other than 0 the base is fixed. */
static ropemap_status read_dynamic(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    const json_t *value = rm_config_value(&config->rope, "alpha");
    if (value != NULL && !json_is_null(value) &&
        !(json_is_number(value) && json_number_value(value) == 0.0)) {
        scaling->rule = ROPEMAP_SCALING_ALPHA;
        return take(config, "alpha", &factor_want, true, &scaling->alpha);
    }
    scaling->rule = ROPEMAP_SCALING_DYNAMIC;
    RM_TRY(take_factor(config, true));
    if (config->model->trained_length == 0) {
        return rm_config_fail(config, ROPEMAP_DATA, "%s needs max_position_embeddings, and the file has none",
                              config->kind->word);
    }
    scaling->max_length = (double)config->model->trained_length;
    rm_model_warn(config->model,
                  "dynamic: the base grows with the length beyond %.15g tokens, so the frequencies depend on "
                  "the length; transformers uses the longest sequence so far",
                  scaling->max_length);
    return ROPEMAP_OK;
}

static ropemap_status read_proportional(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    rm_found share;
    scaling->rule = ROPEMAP_SCALING_PROPORTIONAL;
    RM_TRY(rm_config_partial(config, &share));
    const double own = config->family->partial;
    scaling->rotated = share.given ? share.value : own > 0.0 ? own : 1.0;
    if (share.given) {
        rm_config_note_number(config, "rotated", share.value, share.path);
    } else if (own > 0.0) {
        rm_config_note_default(config, "rotated", own);
    } else {
        rm_model_warn(config->model, "proportional without partial_rotary_factor: all pairs rotate");
    }
    return take_factor(config, false);
}

static ropemap_status read_ntk(rm_config *config) {
    static const rm_want want = {
        .words = "a number above 0, at most 1000", .low = 0.0, .high = 1e3, .above = true};
    ropemap_scaling *scaling = &config->model->spec.scaling;
    RM_TRY(take(config, "mixed_b", &want, false, &scaling->mixed_b));
    scaling->rule = scaling->mixed_b != 0.0 ? ROPEMAP_SCALING_NTK_MIXED : ROPEMAP_SCALING_NTK_FIXED;
    return take_factor(config, true);
}

/* ---- words */

static const char dynamic_keys[] = "factor alpha xdrope_section";

static const char yarn_keys[] =
    "factor original_max_position_embeddings beta_fast attention_factor beta_slow "
    "mscale truncate mscale_all_dim llama_4_scaling_beta";

static const char longrope_keys[] = "factor original_max_position_embeddings short_factor attention_factor "
                                    "long_factor short_mscale long_mscale";

static const rm_kind kinds[] = {
    {"default", NULL, ""},
    {"linear", read_linear, "factor"},
    {"dynamic", read_dynamic, dynamic_keys},
    {"yarn", read_yarn, yarn_keys},
    {"longrope", read_longrope, longrope_keys},
    {"llama3", read_llama3, "factor original_max_position_embeddings low_freq_factor high_freq_factor"},
    {"proportional", read_proportional, "factor"},
    {"mrope", NULL, ""},
    {"su", read_longrope, longrope_keys},
    {"ntk", read_ntk, "factor mixed_b"},
    {"deepseek_yarn", read_yarn, yarn_keys},
    {"xdrope", read_dynamic, dynamic_keys},
    {"no_scaling", NULL, "factor"}, /* MPT's */
};

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* The block of Mistral's params.json, which has no type. */
static const rm_kind mistral_yarn = {"yarn", read_yarn,
                                     "factor original_max_position_embeddings beta alpha apply_scale"};

static const rm_kind *find_kind(const char *word) {
    for (int i = 0; word != NULL && i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].word, word) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static ropemap_status refuse_kind(const rm_config *config, const char *key) {
    char path[120], words[200] = "one of";
    rm_config_path(path, sizeof path, &config->rope, key);
    for (int i = 0; i < KIND_COUNT; i++) {
        const size_t length = strlen(words);
        (void)snprintf(words + length, sizeof words - length, "%s %s", i == 0 ? "" : ",", kinds[i].word);
    }
    return rm_config_wrong(config, path, rm_config_value(&config->rope, key), words);
}

/* rope_type wins over type, its older name. */
ropemap_status rm_config_kind(rm_config *config) {
    const char *newer = NULL, *older = NULL, *key = "rope_type";
    config->kind = &kinds[0];
    if (config->unscaled || config->rope.object == NULL) {
        return ROPEMAP_OK;
    }
    if (config->origin == RM_CONFIG_PARAMS && strcmp(config->rope.path, "yarn") == 0) {
        config->kind = &mistral_yarn;
        return ROPEMAP_OK;
    }
    RM_TRY(rm_config_word(config, &config->rope, "rope_type", &newer));
    if (newer == NULL) {
        key = "type";
    }
    RM_TRY(rm_config_word(config, &config->rope, "type", &older));
    const char *word = newer != NULL ? newer : older;
    if (word != NULL) {
        config->kind = find_kind(word);
    }
    if (config->kind == NULL) {
        return refuse_kind(config, key);
    }
    const rm_kind *other = find_kind(older);
    if (newer != NULL && older != NULL && (other == NULL || other->read != config->kind->read)) {
        rm_model_warn(config->model, "%s.rope_type is %s, type next to it %.40s: rope_type won",
                      config->rope.path, newer, older);
    }
    if ((config->family->flags & RM_FAMILY_YARN_IS_LONG) != 0 && config->kind->read == read_yarn) {
        config->kind = find_kind("longrope");
    }
    return ROPEMAP_OK;
}

/* ---- other keys of the dict */

static void note_sections(const rm_config *config) {
    const json_t *list = rm_config_value(&config->rope, "mrope_section");
    char text[80] = "", path[120];
    double sum = 0.0;
    if (!json_is_array(list) || json_array_size(list) > 8) {
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const size_t length = strlen(text);
        const double size = json_number_value(json_array_get(list, i));
        (void)snprintf(text + length, sizeof text - length, "%s%.6g", i == 0 ? "" : " ", size);
        sum += size;
    }
    rm_config_path(path, sizeof path, &config->rope, "mrope_section");
    rm_config_note(config, "mrope_section", text, path);
    rm_model_warn(config->model,
                  "%s: parts of the head rotate by time, height and width; here all rotate by one position, "
                  "as for text",
                  path);
    if (sum != config->model->spec.rotary_dim / 2) {
        rm_model_warn(config->model, "%s adds up to %.15g, not to the number of pairs, %d", path, sum,
                      (int)config->model->spec.rotary_dim / 2);
    }
}

static bool is_known(const rm_kind *kind, const char *key) {
    static const char everywhere[] = "rope_type type rope_theta mrope_section mrope_interleaved "
                                     "interleaved partial_rotary_factor";
    return rm_words_have(everywhere, key) || rm_words_have(kind->keys, key);
}

static void warn_unknown(const rm_config *config) {
    char names[400] = "", listed[120];
    for (void *at = json_object_iter(config->rope.object); at != NULL;
         at = json_object_iter_next(config->rope.object, at)) {
        const char *key = json_object_iter_key(at);
        const size_t length = strlen(names);
        if (!is_known(config->kind, key) && !json_is_null(json_object_iter_value(at))) {
            (void)snprintf(names + length, sizeof names - length, "%s%s", length == 0 ? "" : ", ", key);
        }
    }
    if (names[0] != '\0') {
        rm_label_make(listed, sizeof listed, names);
        rm_model_warn(config->model, "%s: %s does not use %s, which was ignored", config->rope.path,
                      config->kind->word, listed);
    }
}

ropemap_status rm_config_scaling(rm_config *config) {
    if (config->rope.object != NULL && !config->unscaled) {
        rm_config_note(config, "rope_type", config->kind->word, config->rope.path);
        note_sections(config);
        warn_unknown(config);
    } else {
        rm_model_fact(config->model, "rope_type", "no rope_scaling for these layers", "default");
    }
    return config->kind->read == NULL ? ROPEMAP_OK : config->kind->read(config);
}
