/* config.c - a config.json or params.json: the stages of reading it, its layout, and what else to know */
/* SPDX-License-Identifier: MIT */
#include "host/spec/config.h"
#include "host/base/alloc.h"

#include <string.h>

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
    bool interleaved =
        config->origin == RM_CONFIG_PARAMS || (family->interleaved && (config->mla || family->mla == 0));
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
