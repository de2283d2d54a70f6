/* config_scaling.c - rope_type and what goes with it to a ropemap_scaling */
/* SPDX-License-Identifier: MIT */
#include "host/spec/config.h"

#include <stdio.h>
#include <string.h>

static const rm_want factor_want = {.words = "a number from 1 to 1e9", .low = 1.0, .high = 1e9};
static const rm_want alpha_want = {.words = "a number from 1 to 1e9", .low = 1.0, .high = 1e9};

ropemap_status rm_config_factor(rm_config *config, bool required) {
    rm_found factor;
    RM_TRY(rm_config_number(config, &config->rope, "factor", &factor_want, &factor));
    if (factor.given) {
        config->model->spec.scaling.factor = factor.value;
        rm_config_note_number(config, "factor", factor.value, factor.path);
    } else if (required) {
        return rm_fail(config->error, ROPEMAP_DATA, "%s: %s has no factor, expected %s for %s", config->label,
                       config->rope.path, factor_want.words, config->kind->word);
    }
    return ROPEMAP_OK;
}

/* ---- rules */

static ropemap_status read_linear(rm_config *config) {
    config->model->spec.scaling.rule = ROPEMAP_SCALING_LINEAR;
    return rm_config_factor(config, true);
}

/* Hunyuan's: the word is dynamic, but the base is fixed where there is an alpha other than 0. */
static ropemap_status read_dynamic(rm_config *config) {
    ropemap_scaling *scaling = &config->model->spec.scaling;
    const json_t *value = rm_config_value(&config->rope, "alpha");
    if (value != NULL && !json_is_null(value) &&
        !(json_is_number(value) && json_number_value(value) == 0.0)) {
        rm_found alpha;
        RM_TRY(rm_config_number(config, &config->rope, "alpha", &alpha_want, &alpha));
        scaling->rule = ROPEMAP_SCALING_ALPHA;
        scaling->alpha = alpha.value;
        rm_config_note_number(config, "alpha", alpha.value, alpha.path);
        return ROPEMAP_OK;
    }
    scaling->rule = ROPEMAP_SCALING_DYNAMIC;
    RM_TRY(rm_config_factor(config, true));
    if (config->model->trained_length == 0) {
        return rm_fail(config->error, ROPEMAP_DATA,
                       "%s: %s needs max_position_embeddings, and the file has none", config->label,
                       config->kind->word);
    }
    scaling->max_length = (double)config->model->trained_length;
    rm_model_warn(
        config->model,
        "dynamic: the base grows with the length beyond %.15g tokens, so that the frequencies depend "
        "on the length; transformers takes the longest sequence so far",
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
        rm_model_warn(config->model, "proportional without partial_rotary_factor: all pairs turn");
    }
    return rm_config_factor(config, false);
}

static ropemap_status read_ntk(rm_config *config) {
    static const rm_want want = {
        .words = "a number above 0, at most 1000", .low = 0.0, .high = 1e3, .above = true};
    ropemap_scaling *scaling = &config->model->spec.scaling;
    rm_found mixed;
    RM_TRY(rm_config_number(config, &config->rope, "mixed_b", &want, &mixed));
    scaling->rule = mixed.given ? ROPEMAP_SCALING_NTK_MIXED : ROPEMAP_SCALING_NTK_FIXED;
    if (mixed.given) {
        scaling->mixed_b = mixed.value;
        rm_config_note_number(config, "mixed_b", mixed.value, mixed.path);
    }
    return rm_config_factor(config, true);
}

/* ---- words */

static const char *const no_keys[] = {NULL};
static const char *const factor_keys[] = {"factor", NULL};
static const char *const dynamic_keys[] = {"factor", "alpha", "xdrope_section", NULL};
static const char *const ntk_keys[] = {"factor", "mixed_b", NULL};
static const char *const yarn_keys[] = {"factor",
                                        "original_max_position_embeddings",
                                        "beta_fast",
                                        "attention_factor",
                                        "beta_slow",
                                        "mscale",
                                        "truncate",
                                        "mscale_all_dim",
                                        "llama_4_scaling_beta",
                                        NULL};
static const char *const mistral_keys[] = {
    "factor", "original_max_position_embeddings", "beta", "alpha", "apply_scale", NULL};
static const char *const longrope_keys[] = {"factor",       "original_max_position_embeddings",
                                            "short_factor", "attention_factor",
                                            "long_factor",  "short_mscale",
                                            "long_mscale",  NULL};
static const char *const llama3_keys[] = {"factor", "original_max_position_embeddings", "low_freq_factor",
                                          "high_freq_factor", NULL};

static const rm_kind kinds[] = {
    {"default", NULL, no_keys},
    {"linear", read_linear, factor_keys},
    {"dynamic", read_dynamic, dynamic_keys},
    {"yarn", rm_config_yarn, yarn_keys},
    {"longrope", rm_config_longrope, longrope_keys},
    {"llama3", rm_config_llama3, llama3_keys},
    {"proportional", read_proportional, factor_keys},
    {"mrope", NULL, no_keys},
    {"su", rm_config_longrope, longrope_keys},
    {"ntk", read_ntk, ntk_keys},
    {"deepseek_yarn", rm_config_yarn, yarn_keys},
    {"xdrope", read_dynamic, dynamic_keys},
    {"no_scaling", NULL, factor_keys}, /* MPT's */
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* The block of Mistral's params.json, which has no word for its type. */
static const rm_kind mistral_yarn = {"yarn", rm_config_yarn, mistral_keys};

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
        rm_model_warn(config->model, "%s.rope_type is %s, type beside it %.40s: rope_type won",
                      config->rope.path, newer, older);
    }
    if ((config->family->flags & RM_FAMILY_YARN_IS_LONG) != 0 && config->kind->read == rm_config_yarn) {
        config->kind = find_kind("longrope");
    }
    return ROPEMAP_OK;
}

/* ---- what else is in the dict */

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
                  "%s: parts of the head turn by time, height and width; here all turn by one position, as "
                  "they do for text",
                  path);
    if (sum != config->model->spec.rotary_dim / 2) {
        rm_model_warn(config->model, "%s adds up to %.15g, expected the number of pairs, %d", path, sum,
                      (int)config->model->spec.rotary_dim / 2);
    }
}

static bool is_known(const rm_kind *kind, const char *key) {
    static const char *const everywhere[] = {
        "rope_type",         "type",        "rope_theta",           "mrope_section",
        "mrope_interleaved", "interleaved", "partial_rotary_factor"};
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++) {
        if (strcmp(key, everywhere[i]) == 0) {
            return true;
        }
    }
    for (int i = 0; kind->keys[i] != NULL; i++) {
        if (strcmp(key, kind->keys[i]) == 0) {
            return true;
        }
    }
    return false;
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
        rm_model_warn(config->model, "%s: %s takes no %s: not looked at", config->rope.path,
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
