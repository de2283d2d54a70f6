/* gguf_model.h - a model read from a GGUF file, and assertions about it */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_GGUF_MODEL_H
#define ROPEMAP_TESTS_GGUF_MODEL_H

#include "tests/gguf_file.h"

#include <math.h>

static gguf_file file;
static scratch place;
static ropemap_model *model; /* of the test that runs */

static inline int forget(void **state) {
    ropemap_model_free(model);
    model = NULL;
    return 0;
}

static inline const ropemap_spec *golden(const char *name, const char *layer_type) {
    char path[500];
    ropemap_error error = {0};
    (void)forget(NULL);
    (void)snprintf(path, sizeof path, "%s/gguf/%s.gguf", RM_TEST_DATA, name);
    if (ropemap_model_open(path, &(ropemap_model_choice){.layer_type = layer_type}, &model, &error) !=
        ROPEMAP_OK) {
        fail_msg("%s: %s", name, error.text);
    }
    return ropemap_model_spec(model);
}

static inline const ropemap_spec *composed(const char *layer_type) {
    ropemap_error error = {0};
    (void)forget(NULL);
    gguf_finish(&file);
    if (gguf_open(&place, &file, layer_type, &model, &error) != ROPEMAP_OK) {
        fail_msg("refused: %s", error.text);
    }
    return ropemap_model_spec(model);
}

static inline void refused(const char *layer_type, ropemap_status status, const char *words) {
    gguf_finish(&file);
    gguf_refused(&place, &file, layer_type, status, words);
}

static inline void assert_fact(const char *name, const char *value, const char *source) {
    const ropemap_fact *fact;
    for (int32_t i = 0; (fact = ropemap_model_fact(model, i)) != NULL; i++) {
        if (strcmp(fact->name, name) == 0) {
            assert_string_equal(fact->value, value);
            assert_string_equal(fact->source, source);
            return;
        }
    }
    fail_msg("no fact '%s'", name);
}

static inline void assert_warned(const char *words) {
    const char *warning;
    for (int32_t i = 0; (warning = ropemap_model_warning(model, i)) != NULL; i++) {
        if (strstr(warning, words) != NULL) {
            return;
        }
    }
    fail_msg("no warning says '%s'", words);
}

static inline void assert_near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-6 * fabs(expected))) {
        fail_msg("%.17g should be %.17g", value, expected);
    }
}

static inline void assert_dims(const ropemap_spec *spec, int32_t head_dim, int32_t rotary_dim, double base,
                               ropemap_layout layout) {
    assert_int_equal(spec->head_dim, head_dim);
    assert_int_equal(spec->rotary_dim, rotary_dim);
    assert_true(spec->base == base);
    assert_int_equal(spec->layout, layout);
}

static inline void start(const char *architecture) {
    gguf_start(&file, architecture);
}

/* qwen2 with heads of 64, trained with 4096 tokens. */
static inline void start_qwen2(void) {
    start("qwen2");
    gguf_u32(&file, "qwen2.attention.key_length", 64);
    gguf_u32(&file, "qwen2.context_length", 4096);
}

#endif
