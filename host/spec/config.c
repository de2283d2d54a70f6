/* config.c - a Hugging Face config.json: which dict is the language model's, whether it rotates, and how */
/* SPDX-License-Identifier: MIT */
#include "host/spec/config.h"

#include <stdio.h>
#include <string.h>

/* ---- the language model of a model with several parts */

static bool has_any(const rm_config_dict *dict, const char *const *keys) {
    for (; *keys != NULL; keys++) {
        const json_t *value = rm_config_value(dict, *keys);
        if (value != NULL && !json_is_null(value)) {
            return true;
        }
    }
    return false;
}

/* A part that leaves its sizes to the whole is not the dict to read. */
static bool has_sizes(const rm_config_dict *dict) {
    static const char *const keys[] = {"hidden_size", "n_embd",           "d_model",
                                       "head_dim",    "qk_rope_head_dim", NULL};
    return has_any(dict, keys);
}

static void descend(rm_config *config) {
    static const char *const parts[] = {"text_config", "llm_config", "language_config", "thinker_config"};
    enum { PARTS = sizeof parts / sizeof parts[0], DEEPEST = 4 };
    for (int depth = 0; depth < DEEPEST; depth++) {
        rm_config_dict part = {0};
        for (int i = 0; i < PARTS && part.object == NULL; i++) {
            part = rm_config_peek(&config->top, parts[i]);
        }
        if (part.object == NULL || (has_sizes(&config->top) && !has_sizes(&part))) {
            return;
        }
        config->top = part;
    }
}

static ropemap_status find_family(rm_config *config, const rm_config_dict *whole) {
    const char *type = NULL;
    RM_TRY(rm_config_word(config, &config->top, "model_type", &type));
    if (type == NULL) {
        RM_TRY(rm_config_word(config, whole, "model_type", &type));
    }
    config->family = rm_family_find(type);
    if (type != NULL) {
        rm_config_note(config, "model_type", type, "model_type");
    }
    return ROPEMAP_OK;
}

/* ---- whether it rotates */

static const char *const rope_keys[] = {
    "rope_theta", "rope_parameters",      "rope_scaling",       "rotary_emb_base",       "rotary_pct",
    "rotary_dim", "global_rope_theta",    "qk_rope_head_dim",   "partial_rotary_factor", "rope_ratio",
    "rope_pct",   "rope_local_base_freq", "rope_freq_constant", "rotary_emb_fraction",   NULL};

static ropemap_status refuse(const rm_config *config, const char *key, const json_t *value) {
    char shown[80];
    rm_config_show(value, shown, sizeof shown);
    return rm_fail(config->error, ROPEMAP_DATA, "%s: %s is %s: this model does not seem to rotate",
                   config->label, key, shown);
}

static bool is_one_of(const char *word, const char *const *words) {
    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }
    return false;
}

/* Positions that are added, or that bias the scores. "absolute" is also a default that nobody removed. */
static ropemap_status refuse_embedding(const rm_config *config, bool has_rope) {
    static const char *const other[] = {"alibi", "nope", "none", NULL};
    static const char *const added[] = {"absolute",           "learned", "sinusoidal", "sine", "relative_key",
                                        "relative_key_query", NULL};
    const char *word = NULL;
    RM_TRY(rm_config_word(config, &config->top, "position_embedding_type", &word));
    if (word != NULL && (is_one_of(word, other) || (!has_rope && is_one_of(word, added)))) {
        return refuse(config, "position_embedding_type",
                      rm_config_value(&config->top, "position_embedding_type"));
    }
    return ROPEMAP_OK;
}

static ropemap_status check_rotates(const rm_config *config) {
    const rm_config_dict attention = rm_config_peek(&config->top, "attn_config");
    const bool has_rope =
        has_any(&config->top, rope_keys) || json_is_number(rm_config_value(&attention, "rope_theta"));
    const json_t *memory = rm_config_value(&config->top, "use_mem_rope");
    if (json_is_true(rm_config_value(&config->top, "alibi"))) {
        return refuse(config, "alibi", rm_config_value(&config->top, "alibi"));
    }
    if (json_is_true(rm_config_value(&attention, "alibi"))) {
        return refuse(config, "attn_config.alibi", rm_config_value(&attention, "alibi"));
    }
    if (json_is_false(memory)) {
        return refuse(config, "use_mem_rope", memory);
    }
    RM_TRY(refuse_embedding(config, has_rope));
    if (has_rope || config->family->type[0] != '\0') {
        return ROPEMAP_OK;
    }
    char shown[80] = "absent";
    const json_t *type = rm_config_value(&config->top, "model_type");
    if (type != NULL) {
        rm_config_show(type, shown, sizeof shown);
    }
    return rm_fail(
        config->error, ROPEMAP_DATA,
        "%s: has no rope_theta, rope_parameters or rope_scaling, and model_type is %s, not one known "
        "to rotate: this model does not seem to rotate",
        config->label, shown);
}

/* ---- layout */

/* DeepSeek's heads without MLA are Llama's. A key wins over what the class does. */
static ropemap_status read_layout(rm_config *config) {
    static const char *const keys[] = {"rope_interleave", "rotary_emb_interleaved"};
    const rm_family *family = config->family;
    const char *told = NULL;
    bool interleaved = family->interleaved && (config->mla || family->mla == 0);
    for (int i = 0; i < 2; i++) {
        RM_TRY(rm_config_flag(config, &config->top, keys[i], &interleaved));
        told = json_is_boolean(rm_config_value(&config->top, keys[i])) ? keys[i] : told;
    }
    config->model->spec.layout = interleaved ? ROPEMAP_LAYOUT_INTERLEAVED : ROPEMAP_LAYOUT_HALF;
    const char *name = ropemap_layout_name(config->model->spec.layout);
    if (told != NULL) {
        rm_config_note(config, "layout", name, told);
    } else if (family->type[0] != '\0') {
        rm_model_fact(config->model, "layout", "what transformers does for the model_type", "%s", name);
    } else {
        rm_model_fact(config->model, "layout", "default", "%s", name);
        rm_model_warn(
            config->model,
            "the model_type is not one that ropemap knows: the layout, %s, is what most models have", name);
    }
    return ROPEMAP_OK;
}

/* ---- what else to know */

static void warn_layers(const rm_config *config) {
    const json_t *layers = rm_config_value(&config->top, "no_rope_layers");
    bool some = json_array_size(layers) == 0 &&
                ((config->family->flags & RM_FAMILY_SOME_PLAIN) != 0 ||
                 json_is_number(rm_config_value(&config->top, "no_rope_layer_interval")));
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        some = some || (json_is_number(layer) && json_number_value(layer) == 0.0);
    }
    if (some) {
        rm_model_warn(config->model,
                      "some layers do not rotate (no_rope_layers): this is the rule of the others");
    }
    if (json_is_true(rm_config_value(&config->top, "use_dynamic_ntk"))) {
        rm_model_warn(config->model,
                      "use_dynamic_ntk: the base grows beyond the trained length, which is not in "
                      "the rule here");
    }
    if ((config->family->flags & RM_FAMILY_OWN_RULE) != 0 && !has_any(&config->top, rope_keys)) {
        rm_model_warn(
            config->model,
            "the file has no rope_parameters: transformers' class of model_type %s takes a rule of its "
            "own then, which is not known here",
            config->family->type);
    }
}

/* ---- all of it */

static ropemap_status read_rule(rm_config *config, const char *layer_type) {
    RM_TRY(check_rotates(config));
    RM_TRY(rm_config_choose(config, layer_type));
    RM_TRY(rm_config_kind(config));
    RM_TRY(rm_config_base(config));
    RM_TRY(rm_config_length(config));
    RM_TRY(rm_config_dims(config));
    RM_TRY(read_layout(config));
    RM_TRY(rm_config_scaling(config));
    warn_layers(config);
    return ROPEMAP_OK;
}

ropemap_status rm_config_read(const char *text, size_t bytes, const char *name, const char *layer_type,
                              ropemap_model *model, ropemap_error *error) {
    rm_config config = {.model = model, .error = error};
    json_t *tree = NULL;
    const char *slash = strrchr(name, '/');
    rm_label_make(config.label, sizeof config.label, name);
    rm_label_make(config.file, sizeof config.file, slash == NULL ? name : slash + 1);
    RM_TRY(rm_config_tree(text, bytes, config.label, &tree, error));
    config.top.object = tree;
    const rm_config_dict whole = config.top;
    descend(&config);
    ropemap_status status = find_family(&config, &whole);
    if (status == ROPEMAP_OK) {
        status = read_rule(&config, layer_type);
    }
    json_decref(tree);
    return status;
}
