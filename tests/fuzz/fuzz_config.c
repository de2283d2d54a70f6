/* fuzz_config.c - any bytes as a config.json, asked for each kind of layers */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "host/ropemap_model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A model that was read can be computed with, and its texts end. */
static void use(const ropemap_model *model) {
    if (ropemap_spec_check(ropemap_model_spec(model), NULL) != ROPEMAP_OK) {
        abort();
    }
    const ropemap_fact *fact;
    for (int32_t i = 0; (fact = ropemap_model_fact(model, i)) != NULL; i++) {
        if (fact->name[0] == '\0' || fact->source[0] == '\0' || strchr(fact->value, '\n') != NULL) {
            abort();
        }
    }
    const char *warning;
    for (int32_t i = 0; (warning = ropemap_model_warning(model, i)) != NULL; i++) {
        if (warning[0] == '\0' || strchr(warning, '\n') != NULL) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const ropemap_model_choice choices[] = {{.layer_type = NULL},
                                                   {.layer_type = "full_attention"},
                                                   {.layer_type = "sliding_attention"},
                                                   {.layer_type = "2"},
                                                   {.base = 1e4, .head_dim = 128, .rotary_dim = 64}};
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        ropemap_model *model = NULL;
        ropemap_error error = {0};
        const ropemap_status status =
            ropemap_model_parse((const char *)bytes, size, "config.json", &choices[i], &model, &error);
        if (status == ROPEMAP_OK) {
            use(model);
        } else if (model != NULL || error.status != status || error.text[0] == '\0' ||
                   strchr(error.text, '\n') != NULL) {
            abort();
        }
        ropemap_model_free(model);
    }
    return 0;
}
