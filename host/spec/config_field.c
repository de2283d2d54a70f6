/* config_field.c - single fields of a config.json: their types, their ranges, and what to say of wrong ones
 */
/* SPDX-License-Identifier: MIT */
#include "host/spec/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void mark_used(rm_config_used *used, const char *key) {
    for (int i = 0; i < used->count; i++) {
        if (used->keys[i] == key) {
            return;
        }
    }
    if (used->count < (int)(sizeof used->keys / sizeof used->keys[0])) {
        used->keys[used->count++] = key;
    }
}

json_t *rm_config_value(const rm_config_dict *dict, const char *key) {
    void *at = json_object_iter_at(dict->object, key);
    if (at != NULL && dict->used != NULL) {
        mark_used(dict->used, json_object_iter_key(at));
    }
    return at == NULL ? NULL : json_object_iter_value(at);
}

bool rm_config_is_dict(const json_t *value) {
    return json_is_object(value) && rm_config_nonfinite(value) == NULL;
}

void rm_config_path(char *path, size_t size, const rm_config_dict *dict, const char *key) {
    char whole[RM_LABEL_BYTES];
    const bool both = dict->path[0] != '\0' && !dict->made;
    (void)snprintf(whole, sizeof whole, "%s%s%.100s", dict->path, both ? "." : "",
                   both || dict->path[0] == '\0' ? key : "");
    rm_label_make(path, size, whole);
}

void rm_config_show(const json_t *value, char *to, size_t size) {
    char text[48];
    const char *nonfinite = rm_config_nonfinite(value);
    if (nonfinite != NULL || json_is_string(value)) {
        rm_label_make(text, sizeof text, nonfinite != NULL ? nonfinite : json_string_value(value));
        (void)snprintf(to, size, nonfinite != NULL ? "%s" : "the string \"%s\"", text);
    } else if (json_is_number(value)) {
        (void)snprintf(to, size, "%.15g", json_number_value(value));
    } else if (json_is_array(value)) {
        (void)snprintf(to, size, "a list of %zu", json_array_size(value));
    } else {
        (void)snprintf(to, size, "%s",
                       json_is_object(value) ? "an object"
                       : json_is_true(value) ? "true"
                       : json_is_null(value) ? "null"
                                             : "false");
    }
}

ropemap_status rm_config_wrong(const rm_config *config, const char *path, const json_t *value,
                               const char *words) {
    char shown[80];
    rm_config_show(value, shown, sizeof shown);
    return rm_fail(config->error, ROPEMAP_DATA, "%s: %s is %s, expected %s", config->label, path, shown,
                   words);
}

void rm_config_forget(const rm_config *config) {
    if (config->error != NULL) {
        *config->error = (ropemap_error){0};
    }
}

ropemap_status rm_config_check(const rm_config *config, const char *path, const json_t *value,
                               const rm_want *want, double *number) {
    *number = json_number_value(value);
    const bool fits = *number >= want->low && *number <= want->high &&
                      !(want->above && *number == want->low) &&
                      (want->multiple_of == 0 || fmod(*number, want->multiple_of) == 0.0);
    return json_is_number(value) && fits ? ROPEMAP_OK : rm_config_wrong(config, path, value, want->words);
}

/* ---- by key */

rm_config_dict rm_config_peek(const rm_config_dict *dict, const char *key) {
    rm_config_dict sub = {.object = rm_config_value(dict, key), .used = dict->used, .made = dict->made};
    rm_config_path(sub.path, sizeof sub.path, dict, key);
    if (!rm_config_is_dict(sub.object)) {
        sub.object = NULL;
    }
    return sub;
}

ropemap_status rm_config_sub(const rm_config *config, const rm_config_dict *dict, const char *key,
                             rm_config_dict *sub) {
    const json_t *value = rm_config_value(dict, key);
    *sub = rm_config_peek(dict, key);
    if (sub->object == NULL && value != NULL && !json_is_null(value)) {
        char path[120];
        rm_config_path(path, sizeof path, dict, key);
        return rm_config_wrong(config, path, value, "an object");
    }
    return ROPEMAP_OK;
}

ropemap_status rm_config_number(const rm_config *config, const rm_config_dict *dict, const char *key,
                                const rm_want *want, rm_found *found) {
    const json_t *value = rm_config_value(dict, key);
    *found = (rm_found){0};
    if (value == NULL || (json_is_null(value) && !want->required)) {
        return ROPEMAP_OK;
    }
    rm_config_path(found->path, sizeof found->path, dict, key);
    if (want->layered && json_is_array(value)) {
        return rm_config_layered(config, value, want, found);
    }
    found->given = true;
    return rm_config_check(config, found->path, value, want, &found->value);
}

ropemap_status rm_config_first(const rm_config *config, const rm_config_dict *dict, const char *const *keys,
                               const rm_want *want, rm_found *found) {
    *found = (rm_found){0};
    for (; *keys != NULL && !found->given; keys++) {
        RM_TRY(rm_config_number(config, dict, *keys, want, found));
    }
    if (found->given) {
        rm_config_mark_same(dict, keys, found->value);
    }
    return ROPEMAP_OK;
}

void rm_config_mark_same(const rm_config_dict *dict, const char *const *keys, double number) {
    for (; *keys != NULL; keys++) {
        const json_t *same = json_object_get(dict->object, *keys);
        if (json_is_number(same) && json_number_value(same) == number) {
            (void)rm_config_value(dict, *keys);
        }
    }
}

ropemap_status rm_config_flag(const rm_config *config, const rm_config_dict *dict, const char *key,
                              bool *value) {
    const json_t *found = rm_config_value(dict, key);
    if (json_is_boolean(found)) {
        *value = json_is_true(found);
    } else if (found != NULL && !json_is_null(found)) {
        char path[120];
        rm_config_path(path, sizeof path, dict, key);
        return rm_config_wrong(config, path, found, "true or false");
    }
    return ROPEMAP_OK;
}

ropemap_status rm_config_word(const rm_config *config, const rm_config_dict *dict, const char *key,
                              const char **word) {
    const json_t *found = rm_config_value(dict, key);
    const bool is_word = json_is_string(found) && rm_config_nonfinite(found) == NULL;
    *word = is_word ? json_string_value(found) : NULL;
    if (!is_word && found != NULL && !json_is_null(found)) {
        char path[120];
        rm_config_path(path, sizeof path, dict, key);
        return rm_config_wrong(config, path, found, "a string");
    }
    return ROPEMAP_OK;
}

/* ---- facts */

void rm_config_note(const rm_config *config, const char *name, const char *value, const char *path) {
    char source[120], shown[80];
    const bool of_class =
        config->own_rule && strncmp(path, config->rope.path, strlen(config->rope.path)) == 0;
    (void)snprintf(source, sizeof source, "%s%s%.75s", of_class ? "" : config->file, of_class ? "" : ": ",
                   path);
    rm_label_make(shown, sizeof shown, value);
    rm_model_fact(config->model, name, source, "%s", shown);
}

void rm_config_note_number(const rm_config *config, const char *name, double value, const char *path) {
    char shown[40];
    (void)snprintf(shown, sizeof shown, "%.15g", value);
    rm_config_note(config, name, shown, path);
}

void rm_config_note_default(const rm_config *config, const char *name, double value) {
    const char *type = config->family->type;
    char source[80];
    (void)snprintf(source, sizeof source, "default%s%s", type[0] == '\0' ? "" : " of model_type ", type);
    rm_model_fact(config->model, name, source, "%.15g", value);
}
