/* config_layers.c - which layers rotate, by the file or its class, and numbers that each has of its own */
/* SPDX-License-Identifier: MIT */
#include "host/model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char FULL[] = "full_attention", SLIDING[] = "sliding_attention";

/* ---- layers in the file */

static json_t *list_under(const rm_config *config, const char *keys, rm_config_layers *layers) {
    char key[RM_WORD_BYTES];
    while (rm_words_next(&keys, key, sizeof key)) {
        json_t *list = json_object_get(config->top.object, key);
        if (json_array_size(list) > 0) {
            (void)rm_config_value(&config->top, key);
            (void)snprintf(layers->source, sizeof layers->source, "%s", key);
            return list;
        }
    }
    return NULL;
}

static int32_t whole_number(const rm_config *config, const char *keys) {
    char key[RM_WORD_BYTES];
    while (rm_words_next(&keys, key, sizeof key)) {
        const json_t *value = rm_config_value(&config->top, key);
        const double number = json_number_value(value);
        if (json_is_number(value) && number >= 1.0 && number == floor(number)) {
            return number > RM_CONFIG_LAYERS_MOST ? RM_CONFIG_LAYERS_MOST : (int32_t)number;
        }
    }
    return 0;
}

static int32_t count_of(const json_t *list) {
    const size_t size = json_array_size(list);
    return size > RM_CONFIG_LAYERS_MOST ? RM_CONFIG_LAYERS_MOST : (int32_t)size;
}

/* Blocks without attention scores. */
static bool is_unattended(const char *type) {
    static const char words[] = "linear_attention mamba mamba2 conv recurrent lightning gated_delta_net "
                                "moe mlp rwkv kda";
    return type != NULL && rm_words_have(words, type);
}

/* Lists of words, or of numbers that mean one of two: MiMo's, MiniMax', DeepSeek-V4's. */
static bool read_types(const rm_config *config, rm_config_layers *layers) {
    static const struct {
        const char *keys, *zero, *other; /* zero NULL: words */
    } kinds[] = {{"layer_types layers_block_type block_types", NULL, NULL},
                 {"hybrid_layer_pattern", FULL, SLIDING},
                 {"attn_type_list", "linear_attention", FULL},
                 {"compress_ratios", SLIDING, "compressed_attention"}};
    const json_t *list = NULL;
    size_t k = 0;
    for (; k < sizeof kinds / sizeof kinds[0] && list == NULL; k++) {
        list = list_under(config, kinds[k].keys, layers);
    }
    if (list == NULL) {
        return false;
    }
    const int32_t held = count_of(list);
    const bool repeats = strcmp(layers->source, "block_types") == 0 && layers->count > 0;
    layers->count = repeats ? layers->count : held;
    for (int32_t i = 0; i < layers->count; i++) {
        const json_t *element = json_array_get(list, (size_t)(i % held));
        layers->type[i] = kinds[k - 1].zero == NULL           ? json_string_value(element)
                          : json_number_value(element) != 0.0 ? kinds[k - 1].other
                                                              : kinds[k - 1].zero;
    }
    return true;
}

/* Lists of the layers of one type, all others being of another. */
static bool read_indices(const rm_config *config, rm_config_layers *layers) {
    static const struct {
        const char *key, *in, *out;
    } kinds[] = {{"full_attn_idxs", FULL, "conv"}, {"attn_layer_indices", "attention", "mamba"}};
    for (int k = 0; k < 2; k++) {
        const json_t *list = layers->count == 0 ? NULL : list_under(config, kinds[k].key, layers);
        for (int32_t i = 0; list != NULL && i < layers->count; i++) {
            layers->type[i] = kinds[k].out;
        }
        for (size_t i = 0; i < json_array_size(list); i++) {
            const double layer = json_number_value(json_array_get(list, i));
            if (layer >= 0.0 && layer < (double)layers->count) {
                layers->type[(int32_t)layer] = kinds[k].in;
            }
        }
        if (list != NULL) {
            return true;
        }
    }
    return false;
}

/* Exaone's "LLLG": local and global. */
static bool read_letters(const rm_config *config, rm_config_layers *layers) {
    const char *letters = json_string_value(rm_config_value(&config->top, "sliding_window_pattern"));
    const size_t length = letters == NULL ? 0 : strlen(letters);
    for (int32_t i = 0; length > 0 && i < layers->count; i++) {
        layers->type[i] = letters[(size_t)i % length] == 'L' ? SLIDING : FULL;
    }
    if (length == 0 || layers->count == 0) {
        return false;
    }
    (void)snprintf(layers->source, sizeof layers->source, "sliding_window_pattern");
    return true;
}

/* Every n-th layer differs: the last of each n, but ModernBERT's first. */
static bool read_period(const rm_config *config, rm_config_layers *layers) {
    static const struct {
        const char *key, *in, *out;
        bool first;
    } kinds[] = {{"sliding_window_pattern", FULL, SLIDING, false},
                 {"_sliding_window_pattern", FULL, SLIDING, false},
                 {"full_attention_interval", FULL, "linear_attention", false},
                 {"global_attn_every_n_layers", FULL, SLIDING, true}};
    for (int k = 0; k < 4; k++) {
        const int32_t period = whole_number(config, kinds[k].key);
        for (int32_t i = 0; period > 0 && i < layers->count; i++) {
            const bool in = kinds[k].first ? i % period == 0 : (i + 1) % period == 0;
            layers->type[i] = in ? kinds[k].in : kinds[k].out;
        }
        if (period > 0 && layers->count > 0) {
            (void)snprintf(layers->source, sizeof layers->source, "%s", kinds[k].key);
            return true;
        }
    }
    return false;
}

static void take_class_period(const rm_config *config, rm_config_layers *layers) {
    const rm_family *family = config->family;
    const int32_t period = family->period < 0 ? -family->period : family->period;
    const bool slides = (family->flags & (RM_FAMILY_FULL_PLAIN | RM_FAMILY_FULL_SCALED)) != 0 &&
                        !json_is_null(json_object_get(config->top.object, "sliding_window"));
    if (period == 0 || (family->flags & RM_FAMILY_SOME_PLAIN) != 0) {
        return;
    }
    for (int32_t i = 0; i < layers->count; i++) {
        const int32_t from = family->period < 0 ? layers->count - 1 - i : i + 1;
        layers->type[i] = from % period == 0 || ((family->flags & RM_FAMILY_FULL_PLAIN) != 0 && !slides)
                              ? FULL
                          : slides || family->local_base > 0.0 ? SLIDING
                                                               : "linear_attention";
    }
    (void)snprintf(layers->source, sizeof layers->source, "default of model_type %s", config->known);
}

/* ---- which do not rotate */

static void mark_types(const rm_config *config, rm_config_layers *layers) {
    const rm_config_dict rules = rm_config_peek(&config->top, "rope_parameters");
    bool slides = false;
    for (int32_t i = 0; i < layers->count; i++) {
        slides = slides || (layers->type[i] != NULL && strcmp(layers->type[i], SLIDING) == 0);
    }
    const bool full_plain = slides && (config->family->flags & RM_FAMILY_FULL_PLAIN) != 0;
    for (int32_t i = 0; i < layers->count && layers->type[i] != NULL; i++) {
        layers->plain[i] = is_unattended(layers->type[i]) ||
                           (full_plain && strcmp(layers->type[i], FULL) == 0) ||
                           json_is_null(json_object_get(rules.object, layers->type[i]));
    }
}

/* 1 where a layer rotates, despite the key's name; or bases, 0 where it does not. */
static bool mark_lists(const rm_config *config, rm_config_layers *layers) {
    static const char keys[] = "no_rope_layers use_rope_layers rope_layers layer_rope_theta rope_theta";
    rm_config_layers found = {.count = 0};
    const json_t *list = list_under(config, keys, &found);
    bool some = layers->source[0] == '\0';
    if (list == NULL) {
        return false;
    }
    layers->count = layers->count == 0 || count_of(list) < layers->count ? count_of(list) : layers->count;
    for (int32_t i = 0; i < layers->count; i++) {
        const json_t *element = json_array_get(list, (size_t)i);
        const bool plain = json_is_null(element) || json_is_false(element) ||
                           (json_is_number(element) && json_number_value(element) == 0.0);
        layers->plain[i] = layers->plain[i] || plain;
        some = some || plain;
    }
    if (some) {
        memcpy(layers->source, found.source, sizeof layers->source);
    }
    return true;
}

static void mark_interval(const rm_config *config, rm_config_layers *layers) {
    const bool by_class = (config->family->flags & RM_FAMILY_SOME_PLAIN) != 0;
    int32_t period = whole_number(config, "no_rope_layer_interval nope_layer_interval");
    if (period == 0 && by_class) {
        period = config->family->period;
        (void)snprintf(layers->source, sizeof layers->source, "default of model_type %s", config->known);
    } else if (period > 0) {
        const bool newer = json_object_get(config->top.object, "no_rope_layer_interval") != NULL;
        (void)snprintf(layers->source, sizeof layers->source, "%s",
                       newer ? "no_rope_layer_interval" : "nope_layer_interval");
    }
    for (int32_t i = 0; period > 0 && i < layers->count; i++) {
        layers->plain[i] = layers->plain[i] || (i + 1) % period == 0;
    }
}

/* ---- facts */

static bool is_like(const rm_config_layers *layers, int32_t a, int32_t b) {
    const char *left = layers->type[a], *right = layers->type[b];
    return layers->plain[a] == layers->plain[b] &&
           ((left == NULL && right == NULL) || (left != NULL && right != NULL && strcmp(left, right) == 0));
}

/* One line for each kind of layer, where there is more than one. */
static void note_layers(const rm_config *config) {
    const rm_config_layers *layers = &config->layers;
    enum { KINDS_MOST = 8 };
    bool like[RM_CONFIG_LAYERS_MOST], several = false;
    int kinds = 0;
    for (int32_t i = 1; i < layers->count; i++) {
        several = several || !is_like(layers, 0, i);
    }
    for (int32_t i = 0; several && i < layers->count && kinds < KINDS_MOST; i++) {
        char name[40], label[30], text[120], source[140];
        bool seen = false;
        for (int32_t before = 0; before < i; before++) {
            seen = seen || is_like(layers, before, i);
        }
        if (seen) {
            continue;
        }
        kinds++;
        rm_label_make(label, sizeof label, layers->type[i] == NULL ? "" : layers->type[i]);
        (void)snprintf(name, sizeof name, "layers%s%s", label[0] == '\0' ? "" : " ", label);
        (void)snprintf(source, sizeof source, "%s: %s", layers->source,
                       !layers->plain[i]                ? "rotate"
                       : is_unattended(layers->type[i]) ? "no scores to rotate"
                                                        : "do not rotate");
        for (int32_t k = 0; k < layers->count; k++) {
            like[k] = is_like(layers, k, i);
        }
        rm_model_layer_list(like, layers->count, text, sizeof text);
        rm_model_fact(config->model, name, source, "%s", text);
    }
}

/* ---- the requested layer */

static ropemap_status take_layer(rm_config *config) {
    rm_config_layers *layers = &config->layers;
    const int32_t wanted = rm_model_layer(config->choice->layer_type);
    if (wanted < 0) {
        return ROPEMAP_OK;
    }
    if (layers->count == 0) {
        return rm_config_fail(config, ROPEMAP_USAGE, "layer %d: the file does not give the number of layers",
                              (int)wanted);
    }
    if (wanted >= layers->count) {
        return rm_config_fail(config, ROPEMAP_USAGE, "no layer %d: the model has layers 0 to %d", (int)wanted,
                              (int)layers->count - 1);
    }
    if (layers->plain[wanted]) {
        char label[60];
        rm_label_make(label, sizeof label, layers->type[wanted] == NULL ? "" : layers->type[wanted]);
        return rm_config_fail(config, ROPEMAP_USAGE, "layer %d%s%s%s does not rotate: %s", (int)wanted,
                              label[0] == '\0' ? "" : " (", label, label[0] == '\0' ? "" : ")",
                              layers->source);
    }
    layers->wanted = wanted;
    return ROPEMAP_OK;
}

bool rm_config_layers_have(const rm_config *config, const char *type) {
    for (int32_t i = 0; i < config->layers.count; i++) {
        if (config->layers.type[i] != NULL && strcmp(config->layers.type[i], type) == 0) {
            return true;
        }
    }
    return false;
}

ropemap_status rm_config_layers_read(rm_config *config) {
    static const char counts[] = "num_hidden_layers num_layers n_layers n_layer";
    rm_config_layers *layers = &config->layers;
    layers->wanted = -1;
    layers->count = whole_number(config, counts);
    if (!read_types(config, layers) && !read_indices(config, layers) && !read_letters(config, layers) &&
        !read_period(config, layers)) {
        take_class_period(config, layers);
    }
    mark_types(config, layers);
    if (!mark_lists(config, layers)) {
        mark_interval(config, layers);
    }
    for (int32_t i = 0; i < layers->count && (config->family->flags & RM_FAMILY_CHUNKED) != 0; i++) {
        layers->type[i] = layers->type[i] != NULL ? layers->type[i]
                          : layers->plain[i]      ? FULL
                                                  : "chunked_attention";
    }
    note_layers(config);
    return take_layer(config);
}

/* ---- numbers of each layer */

/* Whether a layer's number matters for the request. */
static bool counts(const rm_config *config, int32_t layer) {
    const rm_config_layers *layers = &config->layers;
    if (layers->wanted >= 0) {
        return layer == layers->wanted;
    }
    if (layer >= layers->count) {
        return layers->count == 0;
    }
    return !layers->plain[layer] && (config->layer_type == NULL || layers->type[layer] == NULL ||
                                     strcmp(layers->type[layer], config->layer_type) == 0);
}

ropemap_status rm_config_layered(const rm_config *config, const json_t *list, const rm_want *want,
                                 rm_found *found) {
    char path[sizeof found->path];
    memcpy(path, found->path, sizeof path);
    found->given = false;
    for (int32_t i = 0; i < count_of(list); i++) {
        double number = 0.0;
        char element[140];
        if (!counts(config, i)) {
            continue;
        }
        (void)snprintf(element, sizeof element, "%.100s[%d]", path, (int)i);
        RM_TRY(rm_config_check(config, element, json_array_get(list, (size_t)i), want, &number));
        if (found->given && number != found->value) {
            return rm_config_fail(
                config, ROPEMAP_USAGE,
                "%s is %.15g, %s %.15g: layers differ; choose one by number (--layer-type %d)", found->path,
                found->value, element, number, (int)i);
        }
        if (!found->given) {
            (void)snprintf(found->path, sizeof found->path, "%.119s", element);
        }
        found->given = true;
        found->value = number;
    }
    return ROPEMAP_OK;
}

/* Keys of files that rotate. Some files have them as a leftover, so the checks below come first. */
static const char rope_keys[] =
    "rope_theta rope_parameters rope_scaling rotary_emb_base rotary_pct "
    "rotary_dim global_rope_theta qk_rope_head_dim partial_rotary_factor partial_rotary_factors "
    "rope_ratio rope_pct rope_local_base_freq rope_freq_constant rotary_emb_fraction rotary_scaling "
    "rotary_base rotary_percent rope_base layer_rope_theta rope_freq_base rotary_scaling_factor "
    "rope_embedding_base compress_rope_theta";

static bool has_rope(const rm_config *config) {
    if (rm_config_has(&config->top, rope_keys)) {
        return true;
    }
    const rm_config_dict attention = rm_config_peek(&config->top, "attn_config");
    return json_is_number(json_object_get(attention.object, "rope_theta"));
}

static bool is_one_of(const json_t *word, const char *words) {
    return json_is_string(word) && rm_words_have(words, json_string_value(word));
}

/* ---- refusals */

static ropemap_status refuse(const rm_config *config, const char *why) {
    return rm_model_refuse(config->model, config->choice, config->label, why, config->error);
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

/* ---- signs that it does not */

static bool is_off(const json_t *value, bool off) {
    if (json_is_boolean(value)) {
        return json_is_true(value) == off;
    }
    return json_is_number(value) && json_number_value(value) == (off ? 1.0 : 0.0);
}

/* Switches of RoPE, which must be on, and of its replacements, which must be off. */
static ropemap_status check_switches(const rm_config *config, bool *refused) {
    static const char *const switches[] = {
        "rope use_rope rotary use_rotary use_rotary_embedding use_rotary_embeddings "
        "use_rotary_position_embeddings use_rotary_emb apply_rotary apply_rope enable_rope use_mem_rope",
        "alibi use_alibi use_nope nope no_rope is_nope mla_use_nope"};
    const rm_config_dict places[] = {config->top, rm_config_peek(&config->top, "attn_config")};
    for (int i = 0; i < 4; i++) {
        const char *keys = switches[i % 2];
        const rm_config_dict *place = &places[i / 2];
        char key[RM_WORD_BYTES], path[120];
        while (rm_words_next(&keys, key, sizeof key)) {
            const json_t *value = rm_config_value(place, key);
            if (is_off(value, i % 2 == 1)) {
                rm_config_path(path, sizeof path, place, key);
                *refused = true;
                return refuse_key(config, path, value);
            }
        }
    }
    return ROPEMAP_OK;
}

static const char word_keys[] =
    "position_embedding_type position_embeddings_type position_encoding_type "
    "positional_embedding_type pos_embedding_type pos_emb_type position_embedding pos_emb pe_type";

/* Words for a rotation; "yarn" and the last three are TensorRT-LLM's and Megatron's. */
static const char rotating[] = "rope rotary rope_gpt_neox rope_gptj chatglm long_rope mrope yarn";

/* Positions that bias the scores; with `weak` those that are added, of which "absolute" may be a leftover
 * default. */
static ropemap_status check_words(const rm_config *config, bool weak, bool *refused) {
    static const char other[] = "alibi alibi_with_scale learned_absolute relative nope none no kerple t5 "
                                "sandwich";
    static const char added[] = "absolute learned sinusoidal sine relative_key relative_key_query";
    const char *keys = word_keys;
    char key[RM_WORD_BYTES];
    while (rm_words_next(&keys, key, sizeof key)) {
        const json_t *value = rm_config_value(&config->top, key);
        if (is_one_of(value, other) || (weak && is_one_of(value, added))) {
            char path[120];
            rm_config_path(path, sizeof path, &config->top, key);
            *refused = true;
            return refuse_key(config, path, value);
        }
    }
    return ROPEMAP_OK;
}

static bool word_says_so(const rm_config *config) {
    const char *keys = word_keys;
    char key[RM_WORD_BYTES];
    bool says = false;
    while (!says && rm_words_next(&keys, key, sizeof key)) {
        says = is_one_of(rm_config_value(&config->top, key), rotating);
    }
    return says;
}

/* Classes that rotate only if a key says so: "position_embedding_type", "attn_config.rope". */
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
    if (json_is_true(value) || is_one_of(value, rotating)) {
        return ROPEMAP_OK;
    }
    char shown[80] = "absent", why[240];
    if (value != NULL) {
        rm_config_show(value, shown, sizeof shown);
    }
    (void)snprintf(why, sizeof why, "%s is %s, and models of type \"%s\" rotate only where it says so", asks,
                   shown, config->known);
    *refused = true;
    return refuse(config, why);
}

/* Olmo-Hybrid: null for the dict or for its base. */
static ropemap_status check_null(const rm_config *config, bool *refused) {
    const rm_config_dict rope = rm_config_peek(&config->top, "rope_parameters");
    const rm_config_dict places[] = {config->top, config->top, rope};
    for (int i = 0; (config->family->flags & RM_FAMILY_NULL_PLAIN) != 0 && i < 3; i++) {
        const char *key = i == 0 ? "rope_parameters" : "rope_theta";
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
    if (strcmp(config->known, "baichuan") != 0 || json_number_value(hidden) != 5120.0) {
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

/* ---- files without a sign of either */

static ropemap_status cannot_tell(const rm_config *config) {
    char shown[80] = "absent";
    const json_t *type = json_object_get(config->top.object, "model_type");
    if (rm_model_is_given(config->choice)) {
        rm_model_warn(config->model,
                      "the file does not say whether this model rotates: the options define the rule");
        return ROPEMAP_OK;
    }
    if (type != NULL) {
        rm_config_show(type, shown, sizeof shown);
    }
    return rm_config_fail(
        config, ROPEMAP_DATA,
        "cannot tell whether this model rotates: no rope_theta, rope_parameters or rope_scaling, and "
        "model_type is %s, %s; if it does, give --base, --head-dim and --rotary-dim",
        shown,
        config->known[0] == '\0' ? "which ropemap does not know"
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
    const bool known = config->known[0] != '\0' && !(config->own_part && is_empty(config));
    return refused || rope || said || known || config->origin == RM_CONFIG_PARAMS ? ROPEMAP_OK
                                                                                  : cannot_tell(config);
}
