/* config_part.c - who wrote a config file, and which of its dicts is the language model's */
/* SPDX-License-Identifier: MIT */
#include "host/spec/config.h"

#include <stdio.h>

static bool has_any(const rm_config_dict *dict, const char *const *keys) {
    for (; *keys != NULL; keys++) {
        const json_t *value = json_object_get(dict->object, *keys);
        if (value != NULL && !json_is_null(value)) {
            return true;
        }
    }
    return false;
}

static bool has_all(const rm_config_dict *dict, const char *const *keys) {
    for (; *keys != NULL; keys++) {
        if (json_object_get(dict->object, *keys) == NULL) {
            return false;
        }
    }
    return true;
}

/* ---- who wrote it */

/*
 * Mistral's and Meta's params.json have the fields of ModelArgs (github.com/mistralai/mistral-inference,
 * github.com/meta-llama/llama-models), TensorRT-LLM's files those of PretrainedConfig, in an engine one level
 * down (github.com/NVIDIA/TensorRT-LLM, tensorrt_llm/models/modeling_utils.py).
 */
static rm_config_origin find_origin(const rm_config_dict *dict) {
    static const char *const params[] = {"dim", "n_layers", NULL};
    static const char *const heads[] = {"n_heads", "head_dim", NULL};
    static const char *const trtllm[] = {"position_embedding_type", "rotary_base", "rotary_scaling",
                                         "head_size", NULL};
    const bool named = json_is_string(json_object_get(dict->object, "model_type"));
    if (!named && has_all(dict, params) && has_any(dict, heads)) {
        return RM_CONFIG_PARAMS;
    }
    return !named && json_is_string(json_object_get(dict->object, "architecture")) && has_any(dict, trtllm)
               ? RM_CONFIG_TRTLLM
               : RM_CONFIG_TRANSFORMERS;
}

/* ---- the language model of a model with several parts */

/* A part that leaves its sizes to the whole is not the dict to read. */
static bool has_sizes(const rm_config_dict *dict) {
    static const char *const keys[] = {"hidden_size", "n_embd",           "d_model",
                                       "head_dim",    "qk_rope_head_dim", NULL};
    return has_any(dict, keys);
}

static void descend(rm_config *config) {
    static const char *const parts[] = {
        "text_config",       "llm_config", "language_config", "language_model", "thinker_config", "llm",
        "pretrained_config", "text_model", "decoder_config",  "lm_config",      "decoder"};
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

static ropemap_status find_family(rm_config *config) {
    const char *type = NULL, *whole = NULL;
    RM_TRY(rm_config_word(config, &config->top, "model_type", &type));
    RM_TRY(rm_config_word(config, &config->whole, "model_type", &whole));
    if (type != NULL) {
        rm_config_note(config, "model_type", type, "model_type");
    } else if (whole != NULL) {
        type = whole;
        rm_config_note(config, "model_type", whole, "model_type");
    }
    bool own = false;
    const char *part = rm_family_part(type, &own);
    if (part != NULL) {
        char source[80];
        (void)snprintf(source, sizeof source, "default of model_type %.40s", type);
        rm_model_fact(config->model, "language model", source, "%s", part);
        type = part;
    }
    config->family = rm_family_find(type);
    return ROPEMAP_OK;
}

ropemap_status rm_config_part(rm_config *config) {
    descend(config);
    config->origin = find_origin(&config->top);
    if (config->origin == RM_CONFIG_PARAMS) {
        rm_model_fact(config->model, "format", "dim, n_layers", "params.json");
    } else if (config->origin == RM_CONFIG_TRTLLM) {
        rm_model_fact(config->model, "format", "architecture", "TensorRT-LLM");
    }
    return find_family(config);
}
