/* config.c - config.json to a rule */
/* SPDX-License-Identifier: MIT */
#include "host/model/config.h"
#include "host/base/alloc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

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
    const char *whole = NULL;
    RM_TRY(rm_config_word(config, &config->top, "model_type", &config->type));
    RM_TRY(rm_config_word(config, &config->whole, "model_type", &whole));
    config->type = config->type != NULL ? config->type : whole;
    if (config->type != NULL) {
        rm_config_note(config, "model_type", config->type, "model_type");
    }
    if (rm_family_part(config->type, config->part, sizeof config->part, &config->own_part)) {
        char source[80];
        (void)snprintf(source, sizeof source, "default of model_type %.40s", config->type);
        rm_model_fact(config->model, "language model", source, "%s", config->part);
    }
    config->family = rm_family_find(config->part[0] != '\0' ? config->part : config->type);
    return ROPEMAP_OK;
}

/* Which part of the file is the language model, who wrote it, and its model type. */
static ropemap_status rm_config_part(rm_config *config) {
    descend(config);
    config->origin = find_origin(&config->top);
    if (config->origin == RM_CONFIG_PARAMS) {
        rm_model_fact(config->model, "format", "dim, n_layers", "params.json");
    } else if (config->origin == RM_CONFIG_TRTLLM) {
        rm_model_fact(config->model, "format", "architecture", "TensorRT-LLM");
    }
    return find_family(config);
}

enum { CONFIG_UNUSED_DEEPEST = 5, KEY_BYTES = 80 };

static bool holds(const char *key, const char *const *words) {
    char lower[KEY_BYTES];
    size_t length = 0;
    for (; key[length] != '\0' && length + 1 < sizeof lower; length++) {
        lower[length] = (char)tolower((unsigned char)key[length]);
    }
    lower[length] = '\0';
    for (; *words != NULL; words++) {
        const char *found = strstr(lower, *words);
        /* "property" is none */
        if (found != NULL && !(found > lower && found[-1] == 'p' && strncmp(found, "rope", 4) == 0)) {
            return true;
        }
    }
    return false;
}

/* What no rule of the language model takes: other parts, and lists of names. */
static bool is_elsewhere(const char *key) {
    static const char *const words[] = {
        "vision",     "visual",    "vit",       "image",    "video",  "audio",   "speech",        "talker",
        "encoder",    "codec",     "token2wav", "code2wav", "quant",  "lora",    "id2label",      "label2id",
        "generation", "projector", "depth",     "build",    "plugin", "mapping", "task_specific", NULL};
    return holds(key, words);
}

/* Read, or known to choose between codes of one rule (ChatGLM, Phi's first files, Megatron). */
static bool was_read(const rm_config *config, const char *key) {
    static const char *const same[] = {"original_rope", "flash_rotary", "apply_rope_fusion"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (strcmp(key, same[i]) == 0) {
            return true;
        }
    }
    for (int i = 0; i < config->used.count; i++) {
        if (config->used.keys[i] == key) {
            return true;
        }
    }
    return false;
}

static void list_unused(const rm_config *config, json_t *object, const char *path, int depth, char *names,
                        size_t size) {
    static const char *const words[] = {"rope", "rotary", "yarn", "ntk", "nope", "dual_chunk", NULL};
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        char whole[2 * KEY_BYTES];
        (void)snprintf(whole, sizeof whole, "%.70s%s%.70s", path, path[0] == '\0' ? "" : ".", key);
        if (holds(key, words)) {
            const size_t length = strlen(names);
            const bool empty = json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
            if (!empty && !was_read(config, key)) {
                (void)snprintf(names + length, size - length, "%s%s", length == 0 ? "" : ", ", whole);
            }
        } else if (rm_config_is_dict(value) && depth < CONFIG_UNUSED_DEEPEST && !is_elsewhere(key) &&
                   value != config->rope.object) {
            list_unused(config, value, whole, depth + 1, names, size);
        }
    }
}

/* Warns of keys that have to do with RoPE, by their names, and that nobody read. */
static void rm_config_warn_unused(const rm_config *config) {
    char names[400] = "", listed[200];
    list_unused(config, config->whole.object, "", 0, names, sizeof names);
    if (names[0] != '\0') {
        rm_label_make(listed, sizeof listed, names);
        rm_model_warn(config->model, "not used, so that the rule may be another: %s", listed);
    }
}

/* ---- layout */

/* Words of TensorRT-LLM's position_embedding_type that say which elements form a pair; -1: not one. */
static int layout_word(const rm_config *config) {
    const char *word = json_string_value(rm_config_value(&config->top, "position_embedding_type"));
    if (word == NULL) {
        return -1;
    }
    return strcmp(word, "rope_gptj") == 0 || strcmp(word, "chatglm") == 0 ? ROPEMAP_LAYOUT_INTERLEAVED
           : strcmp(word, "rope_gpt_neox") == 0 || strcmp(word, "long_rope") == 0 ||
                   strcmp(word, "mrope") == 0
               ? ROPEMAP_LAYOUT_HALF
               : -1;
}

static void note_layout(const rm_config *config, const char *key) {
    const char *name = ropemap_layout_name(config->model->spec.layout);
    if (key != NULL) {
        rm_config_note(config, "layout", name, key);
    } else if (config->origin == RM_CONFIG_PARAMS) {
        rm_model_fact(config->model, "layout", "what Mistral's and Meta's own code does", "%s", name);
        rm_model_warn(config->model,
                      "pairs are interleaved in these weights; converted to Hugging Face's they are "
                      "of the half layout");
    } else if (config->family->type[0] != '\0') {
        rm_model_fact(config->model, "layout", "what transformers does for the model_type", "%s", name);
    } else {
        rm_model_fact(config->model, "layout", "default", "%s", name);
        rm_model_warn(
            config->model,
            "the model_type is not one that ropemap knows: the layout, %s, is what most models have", name);
    }
}

/* DeepSeek's heads without MLA are Llama's. A key wins over what the class does. */
static ropemap_status read_layout(rm_config *config) {
    static const char *const keys[] = {"rope_interleave", "rotary_emb_interleaved", "rope_interleaved",
                                       "rotary_interleaved"};
    const rm_family *family = config->family;
    const char *read = NULL;
    const int word = layout_word(config);
    bool interleaved = config->origin == RM_CONFIG_PARAMS ||
                       ((family->flags & RM_FAMILY_INTERLEAVED) != 0 && (config->mla || family->mla == 0));
    if (word >= 0) {
        interleaved = word == ROPEMAP_LAYOUT_INTERLEAVED;
        read = "position_embedding_type";
    }
    for (int i = 0; i < 4; i++) {
        RM_TRY(rm_config_flag(config, &config->top, keys[i], &interleaved));
        read = json_is_boolean(rm_config_value(&config->top, keys[i])) ? keys[i] : read;
    }
    config->model->spec.layout = interleaved ? ROPEMAP_LAYOUT_INTERLEAVED : ROPEMAP_LAYOUT_HALF;
    note_layout(config, read);
    return ROPEMAP_OK;
}

/* ---- what else to know */

static void warn_layers(const rm_config *config) {
    const rm_config_layers *layers = &config->layers;
    int32_t plain = 0;
    for (int32_t i = 0; i < layers->count; i++) {
        plain += layers->plain[i];
    }
    if (plain > 0 && layers->wanted < 0) {
        rm_model_warn(config->model, "%d of %d layers do not rotate (%s): this is the rule of the others",
                      (int)plain, (int)layers->count, layers->source);
    } else if (layers->count == 0 && (config->family->flags & RM_FAMILY_SOME_PLAIN) != 0) {
        rm_model_warn(config->model,
                      "some layers do not rotate (no_rope_layers): this is the rule of the others");
    }
    if (json_is_true(rm_config_value(&config->top, "use_dynamic_ntk"))) {
        rm_model_warn(config->model,
                      "use_dynamic_ntk: the base grows beyond the trained length, which is not in "
                      "the rule here");
    }
    if (json_is_true(rm_config_value(&config->top, "use_mrope"))) {
        rm_model_warn(config->model, "use_mrope: here all pairs rotate by one position, as they do for text");
    }
    if (rm_config_value(&config->top, "llama_4_scaling") != NULL ||
        rm_config_value(&config->rope, "llama_4_scaling_beta") != NULL) {
        rm_model_warn(
            config->model,
            "llama_4_scaling: queries are also multiplied by 1 + beta * ln(1 + floor(position / original)), "
            "which is not in the map");
    }
}

/* ---- all of it */

static ropemap_status read_rule(rm_config *config) {
    static ropemap_status (*const stages[])(rm_config * config) = {
        rm_config_part, rm_config_layers_read, rm_config_rotates, rm_config_choose, rm_config_kind,
        rm_config_base, rm_config_length,      rm_config_dims,    read_layout,      rm_config_scaling};
    bool is_image = false;
    RM_TRY(rm_config_image(config, config->choice->layer_type, &is_image));
    for (size_t i = 0; i < sizeof stages / sizeof stages[0] && !is_image; i++) {
        RM_TRY(stages[i](config));
    }
    if (is_image) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_config_sections(config));
    warn_layers(config);
    rm_config_warn_unused(config);
    return ROPEMAP_OK;
}

static ropemap_status read_tree(json_t *tree, rm_config *config, const char *name) {
    const char *slash = strrchr(name, '/');
    rm_label_make(config->file, sizeof config->file, slash == NULL ? name : slash + 1);
    config->whole.object = config->top.object = tree;
    config->whole.used = config->top.used = &config->used;
    const ropemap_status status = read_rule(config);
    json_decref(config->made);
    return status;
}

ropemap_status rm_config_read(const char *text, size_t bytes, const char *name,
                              const ropemap_model_choice *choice, ropemap_model *model,
                              ropemap_error *error) {
    json_t *tree = NULL;
    rm_config *config = rm_alloc(1, sizeof *config);
    if (config == NULL) {
        return rm_fail_memory(error, "config", sizeof *config);
    }
    config->model = model;
    config->choice = choice;
    config->error = error;
    rm_label_make(config->label, sizeof config->label, name);
    ropemap_status status = rm_config_tree(text, bytes, config->label, &tree, error);
    if (status == ROPEMAP_OK) {
        status = read_tree(tree, config, name);
    }
    json_decref(tree);
    rm_free(config);
    return status;
}
