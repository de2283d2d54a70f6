/* config_rope.c - where a config.json keeps its rule: rope_scaling or rope_parameters, and for which layers
 */
/* SPDX-License-Identifier: MIT */
#include "host/spec/config.h"

#include <stdio.h>
#include <string.h>

static const char FULL[] = "full_attention", SLIDING[] = "sliding_attention";

/* ---- rope_scaling against rope_parameters */

static const json_t *type_of(const json_t *dict) {
    const json_t *type = json_object_get(dict, "rope_type");
    return type != NULL ? type : json_object_get(dict, "type");
}

/* Whether the newer dict says all that the older one does. */
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

static ropemap_status choose_dict(rm_config *config) {
    rm_config_dict older;
    RM_TRY(rm_config_sub(config, &config->top, "rope_parameters", &config->rope));
    RM_TRY(rm_config_sub(config, &config->top, "rope_scaling", &older));
    if (json_object_size(older.object) == 0) {
        return ROPEMAP_OK;
    }
    if (json_object_size(config->rope.object) == 0) {
        config->rope = older;
    } else if (!contains(config->rope.object, older.object)) {
        config->rope = older;
        rm_model_warn(config->model,
                      "rope_scaling and rope_parameters contradict each other: rope_scaling won, as in "
                      "transformers, and nothing of rope_parameters was taken, rope_theta included");
    }
    return ROPEMAP_OK;
}

/* ---- a dict for each layer type */

/* Counts the keys that hold a dict, and lists them; *last is one of them. */
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

/* Words of the caller, made fit for a message. */
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
        return rm_fail(config->error, ROPEMAP_USAGE,
                       "%s: %s.%s is null: layers of this type do not rotate, expected one of %s",
                       config->label, config->rope.path, show(chosen).text, names);
    }
    if (wanted == NULL && !rm_config_is_dict(value)) {
        return rm_fail(config->error, ROPEMAP_USAGE,
                       "%s: %s has a rule for each layer type: ask for one of %s", config->label,
                       config->rope.path, names);
    }
    if (!rm_config_is_dict(value)) {
        return rm_fail(config->error, ROPEMAP_USAGE, "%s: no layer type %s, expected one of %s",
                       config->label, show(wanted).text, names);
    }
    if (count > 1) {
        rm_config_note(config, "layer types", names, config->rope.path);
    }
    config->rope = rm_config_peek(&config->rope, chosen);
    config->layer_type = chosen;
    rm_config_note(config, "layer type", chosen, config->rope.path);
    return ROPEMAP_OK;
}

/* ---- one dict for all layers, and keys beside it */

static bool has_layers(const rm_config *config, const char *type) {
    const json_t *types = rm_config_value(&config->top, "layer_types");
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *word = json_string_value(json_array_get(types, i));
        if (word != NULL && strcmp(word, type) == 0) {
            return true;
        }
    }
    return false;
}

/* What the model's layers with sliding attention have beside what those with full attention have. */
static bool has_local_base(const rm_config *config) {
    return rm_config_value(&config->top, "rope_local_base_freq") != NULL ||
           rm_config_value(&config->top, "local_rope_theta") != NULL ||
           rm_config_value(&config->top, "swa_rope_theta") != NULL || config->family->local_base > 0.0;
}

static ropemap_status refuse_layers(const rm_config *config, const char *wanted, bool slides, bool plain) {
    if (plain) {
        return rm_fail(config->error, ROPEMAP_USAGE,
                       "%s: layers of type %s do not rotate in model_type %s, expected %s", config->label,
                       wanted, config->family->type, SLIDING);
    }
    return rm_fail(config->error, ROPEMAP_USAGE, "%s: no layer type %s, expected %s%s%s", config->label,
                   show(wanted).text, FULL, slides ? " or " : ", or none: the file has one rule",
                   slides ? SLIDING : "");
}

/* DeepSeek-V4's two rules in a file without a dict for each. */
static ropemap_status choose_compressed(rm_config *config, const char *wanted) {
    const bool is_main = wanted != NULL && strcmp(wanted, "main") == 0;
    const bool is_compress = wanted != NULL && strcmp(wanted, "compress") == 0;
    if (!is_main && !is_compress) {
        return rm_fail(config->error, ROPEMAP_USAGE, "%s: %s%s, expected one of main, compress",
                       config->label, wanted == NULL ? "a rule for each layer type" : "no layer type ",
                       wanted == NULL ? "" : show(wanted).text);
    }
    config->layer_type = wanted;
    config->unscaled = is_main;
    config->local = config->compressed = is_compress;
    rm_model_fact(config->model, "layer type", "as asked", "%s", wanted);
    return ROPEMAP_OK;
}

static ropemap_status choose_flat(rm_config *config, const char *wanted) {
    const unsigned flags = config->family->flags;
    const bool local = has_local_base(config) || (flags & RM_FAMILY_FULL_SCALED) != 0;
    const bool slides = local || has_layers(config, SLIDING) ||
                        json_is_number(rm_config_value(&config->top, "sliding_window"));
    const bool plain = slides && (flags & RM_FAMILY_FULL_PLAIN) != 0;
    const char *chosen = wanted != NULL ? wanted : plain ? SLIDING : local ? FULL : NULL;
    if (chosen == NULL) {
        return ROPEMAP_OK;
    }
    const bool is_full = strcmp(chosen, FULL) == 0, is_sliding = strcmp(chosen, SLIDING) == 0;
    if ((is_full && plain) || (is_sliding ? !slides : !is_full && !has_layers(config, chosen))) {
        return refuse_layers(config, chosen, slides, is_full);
    }
    config->layer_type = chosen;
    config->local = is_sliding && has_local_base(config);
    config->unscaled = is_sliding && ((flags & RM_FAMILY_FULL_SCALED) != 0 ||
                                      (config->local && (flags & RM_FAMILY_LOCAL_SCALED) == 0));
    rm_model_fact(config->model, "layer type", wanted != NULL ? "as asked" : "default", "%s",
                  show(chosen).text);
    if (local) {
        rm_model_fact(config->model, "layer types", "keys beside the rule", "%s, %s", FULL, SLIDING);
    }
    if (plain && wanted == NULL) {
        rm_model_warn(config->model,
                      "layers with full attention do not rotate (NoPE): this is the rule of %s", SLIDING);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_config_choose(rm_config *config, const char *layer_type) {
    char names[100];
    const char *only = NULL;
    RM_TRY(choose_dict(config));
    const int count = list_nested(&config->rope, names, sizeof names, &only);
    if (count > 0) {
        return choose_nested(config, count, names, only, layer_type);
    }
    return (config->family->flags & RM_FAMILY_COMPRESSED) != 0 ? choose_compressed(config, layer_type)
                                                               : choose_flat(config, layer_type);
}
