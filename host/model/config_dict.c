/* config_dict.c - which dict of a config holds the rule (rope_parameters, rope_scaling, or one made of flat
 * keys), and for which layers */
/* SPDX-License-Identifier: MIT */
#include "host/model/config.h"

#include <stdio.h>
#include <string.h>

static const char FULL[] = "full_attention", SLIDING[] = "sliding_attention";

/* ---- rope_scaling against rope_parameters */

static const json_t *type_of(const json_t *dict) {
    const json_t *type = json_object_get(dict, "rope_type");
    return type != NULL ? type : json_object_get(dict, "type");
}

/* Whether the newer dict includes all of the older one. */
static bool contains(json_t *newer, json_t *older) {
    const json_t *types[] = {type_of(newer), type_of(older)};
    if (types[1] != NULL && !json_equal(types[0], types[1])) {
        return false;
    }
    for (void *at = json_object_iter(older); at != NULL; at = json_object_iter_next(older, at)) {
        const char *key = json_object_iter_key(at);
        const bool is_type = strcmp(key, "type") == 0 || strcmp(key, "rope_type") == 0;
        if (!is_type && !json_equal(json_object_get(newer, key), json_object_iter_value(at))) {
            return false;
        }
    }
    return true;
}

/* ---- rules without such a dict */

/* Makes a dict of JSON with ' for ", as if it were under `path`. */
static ropemap_status adopt(rm_config *config, const char *rule, const char *path) {
    char text[400];
    size_t length = 0;
    json_error_t reason;
    for (; rule[length] != '\0' && length + 1 < sizeof text; length++) {
        text[length] = rule[length] == '\'' ? '"' : rule[length];
    }
    json_decref(config->made);
    config->made = json_loadb(text, length, JSON_DECODE_INT_AS_REAL, &reason);
    if (config->made == NULL) {
        return rm_fail_memory(config->error, "config", length);
    }
    config->rope = (rm_config_dict){.object = config->made, .used = &config->used, .made = true};
    (void)snprintf(config->rope.path, sizeof config->rope.path, "%s", path);
    return ROPEMAP_OK;
}

/* A number above 0 of the language model's dict, else `usual`. */
static double number_or(const rm_config *config, const char *key, double usual) {
    const json_t *value = rm_config_value(&config->top, key);
    return json_is_number(value) && json_number_value(value) > 0.0 ? json_number_value(value) : usual;
}

/* Meta's code has the numbers of Llama 3.1's rule (llama-models, models/llama3/model.py, apply_scaling). */
static ropemap_status choose_meta(rm_config *config) {
    char rule[240];
    (void)snprintf(
        rule, sizeof rule,
        "{'rope_type': 'llama3', 'factor': %.17g, 'low_freq_factor': 1, 'high_freq_factor': %.17g, "
        "'original_max_position_embeddings': 8192}",
        number_or(config, "rope_scaling_factor", number_or(config, "rope_scale_factor", 8.0)),
        number_or(config, "rope_high_freq_factor", 4.0));
    if (json_object_get(config->top.object, "rope_scaling_factor") == NULL) {
        rm_model_warn(config->model, "use_scaled_rope: numbers that the file lacks are those of Meta's code, "
                                     "factor 8, from 1 to 4, original length 8192; Llama 3.2 has factor 32");
    }
    return adopt(config, rule, "use_scaled_rope");
}

/*
 * DeepSeek's own config_671B.json, whose model.py (github.com/deepseek-ai/DeepSeek-V3, inference) has YaRN
 * for lengths beyond original_seq_len, with its factor in the scale of the softmax alone.
 */
static ropemap_status choose_deepseek(rm_config *config) {
    char rule[240];
    const double original = number_or(config, "original_seq_len", 4096.0);
    if (number_or(config, "max_seq_len", 16384.0) <= original) {
        return ROPEMAP_OK;
    }
    (void)snprintf(rule, sizeof rule,
                   "{'rope_type': 'yarn', 'factor': %.17g, 'original_max_position_embeddings': %.17g, "
                   "'beta_fast': %.17g, 'beta_slow': %.17g, 'attention_factor': 1}",
                   number_or(config, "rope_factor", 40.0), original, number_or(config, "beta_fast", 32.0),
                   number_or(config, "beta_slow", 1.0));
    return adopt(config, rule, "ModelArgs of DeepSeek's model.py");
}

/* Phi-3-small divides positions. */
static ropemap_status choose_phi3small(rm_config *config) {
    char rule[80];
    const double scale = number_or(config, "rope_position_scale", 1.0);
    (void)snprintf(rule, sizeof rule, "{'rope_type': 'linear', 'factor': %.17g}", scale);
    return scale == 1.0 ? ROPEMAP_OK : adopt(config, rule, "rope_position_scale");
}

/* TensorRT-LLM's LongRoPE: lists next to the other keys. */
static ropemap_status choose_lists(rm_config *config) {
    static const char *const keys[][2] = {{"short_factor", "longrope_scaling_short_factors"},
                                          {"long_factor", "longrope_scaling_long_factors"},
                                          {"short_mscale", "longrope_short_mscale"},
                                          {"long_mscale", "longrope_long_mscale"}};
    RM_TRY(adopt(config, "{'rope_type': 'longrope'}", "longrope_scaling_..._factors"));
    for (int i = 0; i < 4; i++) {
        json_t *value = rm_config_value(&config->top, keys[i][1]);
        if (value != NULL && json_object_set(config->made, keys[i][0], value) != 0) {
            return rm_fail_memory(config->error, "config", sizeof keys);
        }
    }
    return ROPEMAP_OK;
}

/* Nomic's BERT: dynamic NTK over the length it was trained for. */
static ropemap_status choose_nomic(rm_config *config) {
    char rule[120];
    (void)snprintf(rule, sizeof rule, "{'rope_type': 'dynamic', 'factor': %.17g}",
                   number_or(config, "rotary_scaling_factor", 1.0));
    return adopt(config, rule, "rotary_scaling_factor");
}

/* Flat spellings: rope_scaling_type and rope_scaling_factor. */
static ropemap_status choose_flat_words(rm_config *config) {
    const char *word = json_string_value(json_object_get(config->top.object, "rope_scaling_type"));
    char label[40], rule[160];
    if (word == NULL || strpbrk(word, "\"'\\") != NULL) {
        return ROPEMAP_OK;
    }
    (void)rm_config_value(&config->top, "rope_scaling_type");
    rm_label_make(label, sizeof label, word);
    (void)snprintf(rule, sizeof rule, "{'rope_type': '%s', 'factor': %.17g}", label,
                   number_or(config, "rope_scaling_factor", 1.0));
    return adopt(config, rule, "rope_scaling_type");
}

/* MPT: Hugging Face's own words, where its code is what rotates. */
static ropemap_status choose_mpt(rm_config *config, const rm_config_dict *attention) {
    const char *how = json_string_value(rm_config_value(attention, "rope_impl"));
    (void)rm_config_value(attention, "rope_dail_config");
    if (how != NULL && strcmp(how, "hf") == 0) {
        return rm_config_sub(config, attention, "rope_hf_config", &config->rope);
    }
    (void)rm_config_value(attention, "rope_hf_config");
    return ROPEMAP_OK;
}

/* Other dicts than rope_parameters and rope_scaling, and rules of the class. */
static ropemap_status choose_other(rm_config *config) {
    static const char keys[] = "rotary_scaling yarn rope_config";
    const rm_config_dict attention = rm_config_peek(&config->top, "attn_config");
    const rm_config_dict named = rm_config_peek_first(&config->top, keys);
    if (json_object_size(named.object) > 0) {
        config->rope = named;
        return ROPEMAP_OK;
    }
    if (json_object_size(rm_config_peek(&attention, "rope_scaling").object) > 0) {
        return rm_config_sub(config, &attention, "rope_scaling", &config->rope);
    }
    if (rm_config_value(&attention, "rope_impl") != NULL) {
        return choose_mpt(config, &attention);
    }
    if (json_is_true(rm_config_value(&config->top, "use_scaled_rope"))) {
        return choose_meta(config);
    }
    if (json_is_array(json_object_get(config->top.object, "longrope_scaling_short_factors"))) {
        return choose_lists(config);
    }
    if (config->origin == RM_CONFIG_PARAMS && rm_config_value(&config->top, "qk_rope_head_dim") != NULL) {
        return choose_deepseek(config);
    }
    if (json_is_number(rm_config_value(&config->top, "rope_position_scale"))) {
        return choose_phi3small(config);
    }
    if (json_is_number(rm_config_value(&config->top, "rotary_scaling_factor"))) {
        return choose_nomic(config);
    }
    if (config->family->rule != NULL) {
        char path[80];
        (void)snprintf(path, sizeof path, "default of model_type %.40s", config->known);
        config->own_rule = true;
        return adopt(config, config->family->rule, path);
    }
    return choose_flat_words(config);
}

static ropemap_status choose_dict(rm_config *config) {
    rm_config_dict older;
    RM_TRY(rm_config_sub(config, &config->top, "rope_parameters", &config->rope));
    RM_TRY(rm_config_sub(config, &config->top, "rope_scaling", &older));
    if (json_object_size(older.object) == 0) {
        return json_object_size(config->rope.object) == 0 ? choose_other(config) : ROPEMAP_OK;
    }
    if (json_object_size(config->rope.object) == 0) {
        config->rope = older;
    } else if (!contains(config->rope.object, older.object)) {
        config->rope = older;
        rm_model_warn(config->model,
                      "rope_scaling and rope_parameters contradict each other: rope_scaling won, as in "
                      "transformers, and rope_parameters was ignored, rope_theta included");
    }
    return ROPEMAP_OK;
}

/* ---- a dict for each layer type */

/* Counts and lists the keys with a dict; *last is one of them. */
static int list_nested(const rm_config_dict *rope, char *names, size_t size, const char **last) {
    char listed[400] = "";
    int count = 0;
    for (void *at = json_object_iter(rope->object); at != NULL;
         at = json_object_iter_next(rope->object, at)) {
        if (!rm_config_is_dict(json_object_iter_value(at))) {
            continue;
        }
        *last = json_object_iter_key(at);
        const size_t length = strlen(listed);
        (void)snprintf(listed + length, sizeof listed - length, "%s%s", count == 0 ? "" : ", ", *last);
        count++;
    }
    rm_label_make(names, size, listed);
    return count;
}

/* The caller's words, made safe for a message. */
typedef struct shown {
    char text[60];
} shown;

static shown show(const char *words) {
    shown made;
    rm_label_make(made.text, sizeof made.text, words);
    return made;
}

static ropemap_status choose_nested(rm_config *config, int count, const char *names, const char *only,
                                    const char *wanted) {
    const char *chosen = wanted != NULL ? wanted : count == 1 ? only : FULL;
    const json_t *value = rm_config_value(&config->rope, chosen);
    if (wanted != NULL && json_is_null(value)) {
        return rm_config_fail(config, ROPEMAP_USAGE,
                              "%s.%s is null: layers of this type do not rotate; choose one of %s",
                              config->rope.path, show(chosen).text, names);
    }
    if (wanted == NULL && !rm_config_is_dict(value)) {
        return rm_config_fail(config, ROPEMAP_USAGE, "%s has a rule for each layer type; choose one of %s",
                              config->rope.path, names);
    }
    if (!rm_config_is_dict(value)) {
        return rm_config_fail(config, ROPEMAP_USAGE, "no layer type %s; choose one of %s", show(wanted).text,
                              names);
    }
    if (count > 1) {
        rm_config_note(config, "layer types", names, config->rope.path);
    }
    static const char local_keys[] = "swa_rope_theta local_rope_theta rope_local_base_freq";
    const rm_config_dict sliding = rm_config_peek(&config->rope, SLIDING);
    rm_config_mark_same(&config->top, local_keys,
                        json_number_value(json_object_get(sliding.object, "rope_theta")));
    config->rope = rm_config_peek(&config->rope, chosen);
    config->layer_type = chosen;
    rm_config_note(config, "layer type", chosen, config->rope.path);
    return ROPEMAP_OK;
}

/* ---- one dict for all layers, and keys next to it */

/* Whether layers with sliding attention have their own base. */
static bool has_local_base(const rm_config *config) {
    return rm_config_value(&config->top, "rope_local_base_freq") != NULL ||
           rm_config_value(&config->top, "local_rope_theta") != NULL ||
           rm_config_value(&config->top, "swa_rope_theta") != NULL || config->family->local_base > 0.0;
}

static ropemap_status refuse_layers(const rm_config *config, const char *wanted, bool slides, bool plain) {
    if (plain) {
        return rm_config_fail(config, ROPEMAP_USAGE,
                              "layers of type %s do not rotate in model_type %s; choose %s", wanted,
                              config->known, SLIDING);
    }
    return rm_config_fail(config, ROPEMAP_USAGE, "no layer type %s; choose %s%s%s", show(wanted).text, FULL,
                          slides ? " or " : ", or none: the file has one rule", slides ? SLIDING : "");
}

/* DeepSeek-V4's two rules in a file without a dict for each. */
static ropemap_status choose_compressed(rm_config *config, const char *wanted) {
    const bool is_main = wanted != NULL && strcmp(wanted, "main") == 0;
    const bool is_compress = wanted != NULL && strcmp(wanted, "compress") == 0;
    if (!is_main && !is_compress) {
        return rm_config_fail(config, ROPEMAP_USAGE, "%s%s; choose main or compress",
                              wanted == NULL ? "a rule for each layer type" : "no layer type ",
                              wanted == NULL ? "" : show(wanted).text);
    }
    config->layer_type = wanted;
    config->unscaled = is_main;
    config->local = config->compressed = is_compress;
    rm_model_fact(config->model, "layer type", "as requested", "%s", wanted);
    return ROPEMAP_OK;
}

static ropemap_status choose_flat(rm_config *config, const char *wanted) {
    const unsigned flags = config->family->flags;
    const bool listed = json_is_array(rm_config_value(&config->top, "rope_theta")) &&
                        rm_config_layers_have(config, SLIDING) && rm_config_layers_have(config, FULL);
    const bool local = listed || has_local_base(config) || (flags & RM_FAMILY_FULL_SCALED) != 0;
    const json_t *window = rm_config_value(&config->top, "sliding_window");
    const bool usual = (flags & RM_FAMILY_FULL_PLAIN) != 0 && window == NULL &&
                       rm_config_value(&config->top, "layer_types") == NULL; /* the class has a window */
    const bool slides = local || usual || rm_config_layers_have(config, SLIDING) || json_is_number(window);
    const bool plain = slides && (flags & RM_FAMILY_FULL_PLAIN) != 0;
    const char *chosen = wanted != NULL ? wanted : plain ? SLIDING : local ? FULL : NULL;
    if (chosen == NULL) {
        return ROPEMAP_OK;
    }
    const bool is_full = strcmp(chosen, FULL) == 0, is_sliding = strcmp(chosen, SLIDING) == 0;
    if ((is_full && plain) || (is_sliding ? !slides : !is_full && !rm_config_layers_have(config, chosen))) {
        return refuse_layers(config, chosen, slides, is_full);
    }
    config->layer_type = chosen;
    config->local = is_sliding && has_local_base(config);
    config->unscaled = is_sliding && ((flags & RM_FAMILY_FULL_SCALED) != 0 ||
                                      (config->local && (flags & RM_FAMILY_LOCAL_SCALED) == 0));
    rm_model_fact(config->model, "layer type", wanted != NULL ? "as requested" : "default", "%s",
                  show(chosen).text);
    if (local) {
        rm_model_fact(config->model, "layer types", "keys next to the rule", "%s, %s", FULL, SLIDING);
    }
    if (plain && wanted == NULL) {
        rm_model_warn(config->model,
                      "layers with full attention do not rotate (NoPE): this is the rule of %s", SLIDING);
    }
    return ROPEMAP_OK;
}

/* The type of the requested layers, by name or by a layer's number; NULL: none. */
static const char *wanted_type(const rm_config *config) {
    const int32_t layer = config->layers.wanted;
    const char *type = layer < 0 ? config->choice->layer_type : config->layers.type[layer];
    if (layer >= 0 && (config->family->flags & RM_FAMILY_COMPRESSED) != 0) {
        return type == NULL ? NULL : strcmp(type, SLIDING) == 0 ? "main" : "compress";
    }
    return type;
}

/* Layers of some types are scaled, those of others are not (Step-3.5). */
static void leave_unscaled(rm_config *config) {
    const json_t *types = rm_config_value(&config->top, "yarn_only_types");
    bool scaled = json_array_size(types) == 0 || config->layer_type == NULL;
    for (size_t i = 0; i < json_array_size(types) && !scaled; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        scaled = type != NULL && strcmp(type, config->layer_type) == 0;
    }
    config->unscaled = config->unscaled || !scaled;
}

static ropemap_status refuse_plain(const rm_config *config, const char *wanted) {
    const rm_config_layers *layers = &config->layers;
    for (int32_t i = 0; wanted != NULL && i < layers->count; i++) {
        if (layers->type[i] == NULL || (strcmp(layers->type[i], wanted) == 0 && !layers->plain[i])) {
            return ROPEMAP_OK;
        }
    }
    const bool whole = (config->family->flags & RM_FAMILY_CHUNKED) != 0 && layers->count == 0 &&
                       wanted != NULL && strcmp(wanted, FULL) == 0;
    return wanted == NULL || (!whole && !rm_config_layers_have(config, wanted))
               ? ROPEMAP_OK
               : rm_config_fail(config, ROPEMAP_USAGE, "layers of type %s do not rotate (%s)",
                                show(wanted).text, whole ? "as in model_type llama4_text" : layers->source);
}

ropemap_status rm_config_choose(rm_config *config) {
    char names[100];
    const char *only = NULL, *wanted = wanted_type(config);
    RM_TRY(choose_dict(config));
    RM_TRY(refuse_plain(config, wanted));
    const int count = list_nested(&config->rope, names, sizeof names, &only);
    if (count > 0) {
        RM_TRY(choose_nested(config, count, names, only, wanted));
    } else if ((config->family->flags & RM_FAMILY_COMPRESSED) != 0 ||
               json_is_number(rm_config_value(&config->top, "compress_rope_theta"))) {
        RM_TRY(choose_compressed(config, wanted));
    } else {
        RM_TRY(choose_flat(config, wanted));
    }
    leave_unscaled(config);
    return ROPEMAP_OK;
}
