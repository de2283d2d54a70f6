/* test_gguf_scaling.c - rope.scaling of GGUF files: which rule it is, and what cosines are multiplied by */
/* SPDX-License-Identifier: MIT */
#include "tests/gguf_model.h"

static void linear_has_two_names(void **state) {
    start_qwen2();
    gguf_f32(&file, "qwen2.rope.scale_linear", 4.0);
    assert_int_equal(composed(NULL)->scaling.rule, ROPEMAP_SCALING_LINEAR);
    assert_fact("factor", "4", "qwen2.rope.scale_linear");
    gguf_text(&file, "qwen2.rope.scaling.type", "none");
    assert_int_equal(composed(NULL)->scaling.rule, ROPEMAP_SCALING_NONE);
    start_qwen2();
    gguf_f32(&file, "qwen2.rope.scaling.factor", 0.0); /* none, as llama.cpp reads it */
    assert_int_equal(composed(NULL)->scaling.rule, ROPEMAP_SCALING_NONE);
}

static void start_yarn(const char *architecture, double factor) {
    char key[100];
    start(architecture);
    (void)snprintf(key, sizeof key, "%s.attention.key_length", architecture);
    gguf_u32(&file, key, 64);
    (void)snprintf(key, sizeof key, "%s.context_length", architecture);
    gguf_u32(&file, key, 4096);
    (void)snprintf(key, sizeof key, "%s.rope.scaling.type", architecture);
    gguf_text(&file, key, "yarn");
    (void)snprintf(key, sizeof key, "%s.rope.scaling.factor", architecture);
    gguf_f32(&file, key, factor);
}

static void yarn_takes_its_parameters(void **state) {
    start_yarn("mistral3", 16.0);
    gguf_f32(&file, "mistral3.rope.scaling.yarn_beta_fast", 64.0);
    gguf_f32(&file, "mistral3.rope.scaling.yarn_beta_slow", 2.0);
    gguf_f32(&file, "mistral3.rope.scaling.yarn_log_multiplier", 0.5);
    gguf_f32(&file, "mistral3.rope.scaling.attn_factor", 1.5);
    gguf_f32(&file, "mistral3.rope.scaling.yarn_attn_factor", 3.0);
    const ropemap_scaling *scaling = &composed(NULL)->scaling;
    assert_int_equal(scaling->rule, ROPEMAP_SCALING_YARN);
    assert_true(scaling->beta_fast == 64.0 && scaling->beta_slow == 2.0 &&
                scaling->original_length == 4096.0);
    /* 1.5 (1 + 0.1 ln 16) / (1 + 0.05 ln 16) */
    assert_near(scaling->attention_factor, 1.5 * 1.2772588722 / 1.1386294361);
    assert_warned("yarn_attn_factor is 3, which llama.cpp does not use");
    start_yarn("qwen2", 1.0);
    assert_int_equal(composed(NULL)->scaling.rule, ROPEMAP_SCALING_YARN);
}

/* Gemma 4's full attention: a quarter of the pairs turn, the others are divided by 1e30. */
static void pairs_may_stand_still(void **state) {
    ropemap_freqs freqs;
    ropemap_error error = {0};
    start("gemma4");
    gguf_u32(&file, "gemma4.attention.key_length", 512);
    gguf_f32(&file, "gemma4.rope.freq_base", 1e6);
    gguf_tensor(&file, "rope_freqs.weight", 256, 0);
    gguf_align(&file);
    for (int i = 0; i < 256; i++) {
        gguf_put_float(&file, i < 64 ? 1.0 : 1e30);
    }
    const ropemap_spec *spec = composed(NULL);
    assert_int_equal(spec->scaling.rule, ROPEMAP_SCALING_GGML);
    assert_int_equal(ropemap_freqs_make(spec, &freqs, &error), ROPEMAP_OK);
    assert_true(freqs.step[63] > 0 && freqs.step[64] == 0 && freqs.fine[64] == 0);
    spec = composed("sliding_attention");
    assert_int_equal(spec->scaling.rule, ROPEMAP_SCALING_NONE);
    assert_int_equal(spec->scaling.list_count, 0);
}

/* A share of extrapolation is llama.cpp's own; its kernel also multiplies by 1 + 0.1 ln(factor). */
static void an_ext_factor_is_ggml(void **state) {
    ropemap_freqs freqs;
    ropemap_error error = {0};
    start_yarn("laguna", 4.0);
    gguf_f32(&file, "laguna.rope.scaling.yarn_ext_factor", 0.5);
    const ropemap_spec *spec = composed(NULL);
    assert_int_equal(spec->scaling.rule, ROPEMAP_SCALING_GGML);
    assert_true(spec->scaling.ext_factor == 0.5 && spec->scaling.freq_scale == 0.25);
    assert_int_equal(ropemap_freqs_make(spec, &freqs, &error), ROPEMAP_OK);
    assert_near(freqs.attention_factor, 1.1386294361);
}

static void longrope_needs_both_lists(void **state) {
    start_qwen2();
    gguf_text(&file, "qwen2.rope.scaling.type", "longrope");
    refused(NULL, ROPEMAP_DATA, "the tensor 'rope_factors_long.weight' is missing");
    start_qwen2(); /* as of before there was a type */
    gguf_tensor(&file, "rope_factors_long.weight", 32, 0);
    gguf_tensor(&file, "rope_factors_short.weight", 32, 128);
    gguf_align(&file);
    for (int i = 0; i < 64; i++) {
        gguf_put_float(&file, i < 32 ? 4.0 : 1.0);
    }
    const ropemap_scaling *scaling = &composed(NULL)->scaling;
    assert_int_equal(scaling->rule, ROPEMAP_SCALING_LONGROPE);
    assert_true(scaling->attention_factor == 1.0 && scaling->long_factors[31] == 4.0 &&
                scaling->short_factors[31] == 1.0);
    assert_warned("llama.cpp multiplies cosines by 1");
}

static void hunyuan_raises_its_base(void **state) {
    start("hunyuan-dense");
    gguf_u32(&file, "hunyuan-dense.attention.key_length", 128);
    gguf_f32(&file, "hunyuan-dense.rope.scaling.alpha", 1000.0);
    const ropemap_scaling *scaling = &composed(NULL)->scaling;
    assert_int_equal(scaling->rule, ROPEMAP_SCALING_ALPHA);
    assert_true(scaling->alpha == 1000.0);
}

static void wrong_scaling_is_refused(void **state) {
    static const struct {
        const char *key;
        double value;
        const char *words;
    } numbers[] = {{"qwen2.rope.freq_base", (double)NAN, "qwen2.rope.freq_base is"},
                   {"qwen2.rope.freq_base", (double)INFINITY, "qwen2.rope.freq_base is inf"},
                   {"qwen2.rope.freq_base", -1.0, "base"},
                   {"qwen2.rope.freq_base", 0.0, "base"},
                   {"qwen2.rope.scaling.factor", 0.5, "qwen2.rope.scaling.factor is 0.5"},
                   {"qwen2.rope.scaling.attn_factor", 0.0, "expected a number above 0"},
                   {"qwen2.rope.scaling.original_context_length", 0.5, "expected a whole number"}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        start_qwen2();
        gguf_f32(&file, numbers[i].key, numbers[i].value);
        refused(NULL, ROPEMAP_DATA, numbers[i].words);
    }
    start_qwen2();
    gguf_text(&file, "qwen2.rope.scaling.type", "warped");
    refused(NULL, ROPEMAP_DATA,
            "qwen2.rope.scaling.type is 'warped', expected none, linear, yarn or longrope");
    start_qwen2();
    gguf_u32(&file, "qwen2.rope.scaling.type", 3);
    refused(NULL, ROPEMAP_DATA, "qwen2.rope.scaling.type is a number, expected a string");
    start_qwen2();
    gguf_text(&file, "qwen2.rope.freq_base", "10000");
    refused(NULL, ROPEMAP_DATA, "qwen2.rope.freq_base is a string, expected a number");
    start("qwen2");
    gguf_u32(&file, "qwen2.attention.key_length", 64);
    gguf_text(&file, "qwen2.rope.scaling.type", "yarn");
    refused(NULL, ROPEMAP_DATA, "qwen2.rope.scaling.original_context_length is missing");
    start_yarn("qwen2", 4.0);
    gguf_f32(&file, "qwen2.rope.scaling.yarn_beta_fast", 0.5);
    refused(NULL, ROPEMAP_DATA, "beta-fast");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(linear_has_two_names, forget),
        cmocka_unit_test_teardown(yarn_takes_its_parameters, forget),
        cmocka_unit_test_teardown(pairs_may_stand_still, forget),
        cmocka_unit_test_teardown(an_ext_factor_is_ggml, forget),
        cmocka_unit_test_teardown(longrope_needs_both_lists, forget),
        cmocka_unit_test_teardown(hunyuan_raises_its_base, forget),
        cmocka_unit_test_teardown(wrong_scaling_is_refused, forget),
    };
    place = scratch_open();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&place);
    return failed;
}
