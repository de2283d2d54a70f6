/* config_rotates.c - whether the model of a config rotates, by its file or its class */
/* SPDX-License-Identifier: MIT */
#include "host/model/config.h"

#include <stdio.h>
#include <string.h>

/* Keys of files that rotate; some hold them as a leftover, so that what follows is looked at first. */
static const char *const rope_keys[] = {"rope_theta",
                                        "rope_parameters",
                                        "rope_scaling",
                                        "rotary_emb_base",
                                        "rotary_pct",
                                        "rotary_dim",
                                        "global_rope_theta",
                                        "qk_rope_head_dim",
                                        "partial_rotary_factor",
                                        "partial_rotary_factors",
                                        "rope_ratio",
                                        "rope_pct",
                                        "rope_local_base_freq",
                                        "rope_freq_constant",
                                        "rotary_emb_fraction",
                                        "rotary_scaling",
                                        "rotary_base",
                                        "rotary_percent",
                                        "rope_base",
                                        "layer_rope_theta",
                                        "rope_freq_base",
                                        "rotary_scaling_factor",
                                        "rope_embedding_base",
                                        "compress_rope_theta",
                                        NULL};

static bool has_rope(const rm_config *config) {
    for (const char *const *key = rope_keys; *key != NULL; key++) {
        const json_t *value = json_object_get(config->top.object, *key);
        if (value != NULL && !json_is_null(value)) {
            return true;
        }
    }
    const rm_config_dict attention = rm_config_peek(&config->top, "attn_config");
    return json_is_number(json_object_get(attention.object, "rope_theta"));
}

static bool is_one_of(const char *word, const char *const *words) {
    for (; word != NULL && *words != NULL; words++) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- refusals */

/* With a base and a head_dim of the caller's the map is what a rotation would do. */
static ropemap_status refuse(const rm_config *config, const char *why) {
    if (config->choice->base > 0.0 && config->choice->head_dim > 0) {
        rm_model_warn(config->model, "this model does not rotate: %s; the rule is that of the options", why);
        return ROPEMAP_OK;
    }
    return rm_fail(config->error, ROPEMAP_DATA, "%s: this model does not rotate: %s", config->label, why);
}

static ropemap_status refuse_key(const rm_config *config, const char *path, const json_t *value) {
    char shown[80] = "absent", why[240];
    if (value != NULL) {
        rm_config_show(value, shown, sizeof shown);
    }
    (void)snprintf(why, sizeof why, "%.120s is %s", path, shown);
    return refuse(config, why);
}

static ropemap_status refuse_type(const rm_config *config, const char *type, const char *reason) {
    char shown[60], why[240];
    rm_label_make(shown, sizeof shown, type);
    (void)snprintf(why, sizeof why, "model_type is \"%s\", which %.150s", shown, reason);
    return refuse(config, why);
}

/* ---- what says that it does not */

/* A switch of RoPE, or of what takes its place. */
typedef struct rm_switch {
    const char *key;
    bool off; /* the value that means no rotation */
} rm_switch;

static bool is_off(const json_t *value, bool off) {
    if (json_is_boolean(value)) {
        return json_is_true(value) == off;
    }
    return json_is_number(value) && (json_number_value(value) == (off ? 1.0 : 0.0));
}

static ropemap_status check_switches(const rm_config *config, bool *refused) {
    static const rm_switch switches[] = {{"alibi", true},
                                         {"use_alibi", true},
                                         {"rope", false},
                                         {"use_rope", false},
                                         {"rotary", false},
                                         {"use_rotary", false},
                                         {"use_rotary_embedding", false},
                                         {"use_rotary_embeddings", false},
                                         {"use_rotary_position_embeddings", false},
                                         {"use_rotary_emb", false},
                                         {"apply_rotary", false},
                                         {"apply_rope", false},
                                         {"enable_rope", false},
                                         {"use_mem_rope", false},
                                         {"use_nope", true},
                                         {"nope", true},
                                         {"no_rope", true},
                                         {"is_nope", true},
                                         {"mla_use_nope", true}};
    const rm_config_dict places[] = {config->top, rm_config_peek(&config->top, "attn_config")};
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
            const json_t *value = rm_config_value(&places[p], switches[i].key);
            if (is_off(value, switches[i].off)) {
                char path[120];
                rm_config_path(path, sizeof path, &places[p], switches[i].key);
                *refused = true;
                return refuse_key(config, path, value);
            }
        }
    }
    return ROPEMAP_OK;
}

static const char *const word_keys[] = {"position_embedding_type",
                                        "position_embeddings_type",
                                        "position_encoding_type",
                                        "positional_embedding_type",
                                        "pos_embedding_type",
                                        "pos_emb_type",
                                        "position_embedding",
                                        "pos_emb",
                                        "pe_type",
                                        NULL};

/* Words that mean a rotation; "yarn" and the last three are TensorRT-LLM's and Megatron's. */
static const char *const rotating[] = {"rope",      "rotary", "rope_gpt_neox", "rope_gptj", "chatglm",
                                       "long_rope", "mrope",  "yarn",          NULL};

/* Positions that bias the scores; with `weak` those that are added, of which "absolute" is also a default
 * that nobody removed. */
static ropemap_status check_words(const rm_config *config, bool weak, bool *refused) {
    static const char *const other[] = {"alibi",
                                        "alibi_with_scale",
                                        "learned_absolute",
                                        "relative",
                                        "nope",
                                        "none",
                                        "no",
                                        "kerple",
                                        "t5",
                                        "sandwich",
                                        NULL};
    static const char *const added[] = {"absolute",           "learned", "sinusoidal", "sine", "relative_key",
                                        "relative_key_query", NULL};
    for (const char *const *key = word_keys; *key != NULL; key++) {
        const json_t *value = rm_config_value(&config->top, *key);
        const char *word = json_string_value(value);
        if (is_one_of(word, other) || (weak && is_one_of(word, added))) {
            char path[120];
            rm_config_path(path, sizeof path, &config->top, *key);
            *refused = true;
            return refuse_key(config, path, value);
        }
    }
    return ROPEMAP_OK;
}

static bool word_says_so(const rm_config *config) {
    for (const char *const *key = word_keys; *key != NULL; key++) {
        if (is_one_of(json_string_value(rm_config_value(&config->top, *key)), rotating)) {
            return true;
        }
    }
    return false;
}

/* Classes that rotate only where a key says so: "position_embedding_type", "attn_config.rope". */
static ropemap_status check_asked(const rm_config *config, bool *refused) {
    const char *asks = config->family->asks;
    const char *dot = asks == NULL ? NULL : strchr(asks, '.');
    rm_config_dict dict = config->top;
    if (asks == NULL) {
        return ROPEMAP_OK;
    }
    if (dot != NULL) {
        char first[40];
        (void)snprintf(first, sizeof first, "%.*s", (int)(dot - asks), asks);
        dict = rm_config_peek(&config->top, first);
    }
    const json_t *value = rm_config_value(&dict, dot == NULL ? asks : dot + 1);
    if (json_is_true(value) || is_one_of(json_string_value(value), rotating)) {
        return ROPEMAP_OK;
    }
    char shown[80] = "absent", why[240];
    if (value != NULL) {
        rm_config_show(value, shown, sizeof shown);
    }
    (void)snprintf(why, sizeof why, "%s is %s, and models of type \"%s\" rotate only where it says so", asks,
                   shown, config->family->type);
    *refused = true;
    return refuse(config, why);
}

/* Olmo-Hybrid: null for the dict or for its base. */
static ropemap_status check_null(const rm_config *config, bool *refused) {
    static const char *const keys[] = {"rope_parameters", "rope_theta"};
    const rm_config_dict rope = rm_config_peek(&config->top, keys[0]);
    const rm_config_dict places[] = {config->top, config->top, rope};
    for (int i = 0; (config->family->flags & RM_FAMILY_NULL_PLAIN) != 0 && i < 3; i++) {
        const char *key = keys[i == 0 ? 0 : 1];
        const json_t *value = rm_config_value(&places[i], key);
        if (json_is_null(value)) {
            char path[120];
            rm_config_path(path, sizeof path, &places[i], key);
            *refused = true;
            return refuse_key(config, path, value);
        }
    }
    return ROPEMAP_OK;
}

/* Baichuan-13B and Baichuan2-13B, under the model_type of the 7B models, which rotate. */
static ropemap_status check_baichuan(const rm_config *config, bool *refused) {
    const json_t *hidden = rm_config_value(&config->top, "hidden_size");
    if (strcmp(config->family->type, "baichuan") != 0 || json_number_value(hidden) != 5120.0) {
        return ROPEMAP_OK;
    }
    *refused = true;
    return refuse(config,
                  "model_type is \"baichuan\" and hidden_size is 5120: the 13B models add ALiBi's bias "
                  "to scores");
}

static ropemap_status check_layers(const rm_config *config, bool *refused) {
    const rm_config_layers *layers = &config->layers;
    char why[160];
    for (int32_t i = 0; i < layers->count; i++) {
        if (!layers->plain[i]) {
            return ROPEMAP_OK;
        }
    }
    if (layers->count == 0) {
        return ROPEMAP_OK;
    }
    *refused = true;
    (void)snprintf(why, sizeof why, "none of its %d layers does, by %.80s", (int)layers->count,
                   layers->source);
    return refuse(config, why);
}

/* ---- where nothing says either */

static ropemap_status cannot_tell(const rm_config *config) {
    char shown[80] = "absent";
    const json_t *type = json_object_get(config->top.object, "model_type");
    if (config->choice->base > 0.0 && config->choice->head_dim > 0) {
        rm_model_warn(config->model,
                      "the file does not say whether this model rotates: the rule is that of the "
                      "options");
        return ROPEMAP_OK;
    }
    if (type != NULL) {
        rm_config_show(type, shown, sizeof shown);
    }
    return rm_fail(config->error, ROPEMAP_DATA,
                   "%s: cannot tell whether this model rotates: it has no rope_theta, rope_parameters or "
                   "rope_scaling, and model_type is %s, %s; if it does, --base, "
                   "--head-dim and --rotary-dim are enough",
                   config->label, shown,
                   config->family->type[0] == '\0' ? "not one that ropemap knows"
                                                   : "whose language model the file does not describe");
}

/* A model of several parts whose language model the file does not describe. */
static bool is_empty(const rm_config *config) {
    return config->top.object == config->whole.object &&
           json_object_get(config->top.object, "hidden_size") == NULL &&
           json_object_get(config->top.object, "head_dim") == NULL;
}

ropemap_status rm_config_rotates(rm_config *config) {
    static ropemap_status (*const checks[])(const rm_config *config, bool *refused) = {
        check_switches, check_asked, check_null, check_baichuan, check_layers};
    const bool rope = has_rope(config), said = word_says_so(config);
    bool refused = false;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && !refused; i++) {
        RM_TRY(checks[i](config, &refused));
    }
    if (!refused) {
        RM_TRY(check_words(config, false, &refused));
    }
    const char *reason = rm_family_plain(config->part[0] != '\0' ? config->part : config->type);
    if (!refused && reason != NULL && !said) {
        return refuse_type(config, config->type, reason);
    }
    if (!refused && !rope) {
        RM_TRY(check_words(config, true, &refused));
    }
    const bool known = config->family->type[0] != '\0' && !(config->own_part && is_empty(config));
    return refused || rope || said || known || config->origin == RM_CONFIG_PARAMS ? ROPEMAP_OK
                                                                                  : cannot_tell(config);
}
