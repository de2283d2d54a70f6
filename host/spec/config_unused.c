/* config_unused.c - keys that have to do with RoPE by their names, and that nobody read */
/* SPDX-License-Identifier: MIT */
#include "host/spec/config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 5, KEY_BYTES = 80 };

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
        } else if (rm_config_is_dict(value) && depth < DEEPEST && !is_elsewhere(key) &&
                   value != config->rope.object) {
            list_unused(config, value, whole, depth + 1, names, size);
        }
    }
}

void rm_config_warn_unused(const rm_config *config) {
    char names[400] = "", listed[200];
    list_unused(config, config->whole.object, "", 0, names, sizeof names);
    if (names[0] != '\0') {
        rm_label_make(listed, sizeof listed, names);
        rm_model_warn(config->model, "not used, so that the rule may be another: %s", listed);
    }
}
