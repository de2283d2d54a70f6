/* config_case.h - what the tests of config.json share: JSON in a table, parsed */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_CONFIG_CASE_H
#define ROPEMAP_TESTS_CONFIG_CASE_H

#include "host/ropemap.h"
#include "host/ropemap_model.h"
#include "tests/unit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LLAMA        "'model_type': 'llama', 'head_dim': 128, "
#define PHI3         "'model_type': 'phi3', 'head_dim': 128, " /* whose class takes a rotary share */
#define TINY         "'model_type': 'llama', 'head_dim': 8, 'max_position_embeddings': 400, "

/* Tables hold JSON with ' for ", which no value here has. */
static inline ropemap_status parse(const char *text, const char *layer, ropemap_model **model,
                                   ropemap_error *error) {
    const size_t bytes = strlen(text);
    char *copy = malloc(bytes + 1); /* without a zero byte that would hide a step too far */
    assert_non_null(copy);
    for (size_t i = 0; i < bytes; i++) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    const ropemap_status status = ropemap_model_parse(
        copy, bytes, "a/config.json", &(ropemap_model_choice){.layer_type = layer}, model, error);
    free(copy);
    return status;
}

static inline ropemap_model *parsed(const char *text, const char *layer) {
    ropemap_model *model = NULL;
    ropemap_error error = {0};
    if (parse(text, layer, &model, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return model;
}

#endif
