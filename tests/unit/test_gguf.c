/* test_gguf.c - what the metadata of GGUF files means: real models' files, heads, layouts and layers */
/* SPDX-License-Identifier: MIT */
#include "tests/gguf_model.h"

/* ---- files as converters write them */

/* Its divisors are all that the file keeps of the rule, and enough to know it. */
static void llama_has_divisors(void **state) {
    const ropemap_spec *spec = golden("llama", NULL);
    const ropemap_scaling *scaling = &spec->scaling;
    assert_dims(spec, 128, 128, 5e5, ROPEMAP_LAYOUT_INTERLEAVED);
    assert_int_equal(scaling->rule, ROPEMAP_SCALING_LLAMA3);
    assert_int_equal(scaling->list_count, 0);
    assert_true(scaling->factor == 8.0 && scaling->original_length == 8192.0);
    assert_true(scaling->low_freq_factor == 1.0 && scaling->high_freq_factor == 4.0);
    assert_int_equal(ropemap_model_trained_length(model), 131072);
    assert_string_equal(ropemap_model_name(model), "Llama 3.1 8B Instruct");
    assert_fact("base", "500000", "llama.rope.freq_base");
    assert_fact("head_dim", "128", "llama.embedding_length / attention.head_count, 4096 / 32");
    assert_fact("divisors", "64 numbers from 1 to 8", "tensor rope_freqs.weight");
    assert_fact("known rule", "llama3:factor=8,low=1,high=4,original=8192",
                "the divisors of rope_freqs.weight");
    assert_warned("interleaved");
}

static void phi3_is_longrope(void **state) {
    const ropemap_spec *spec = golden("phi3", NULL);
    const ropemap_scaling *scaling = &spec->scaling;
    assert_dims(spec, 96, 96, 1e4, ROPEMAP_LAYOUT_HALF);
    assert_int_equal(scaling->rule, ROPEMAP_SCALING_LONGROPE);
    assert_int_equal(scaling->factors, ROPEMAP_FACTORS_AUTO);
    assert_int_equal(scaling->list_count, 48);
    assert_true(scaling->original_length == 4096.0 && scaling->max_length == 131072.0);
    assert_near(scaling->attention_factor, 1.1902380714);
    for (int i = 0; i < 48; i++) {
        assert_true(scaling->long_factors[i] == i + 1.5 && scaling->short_factors[i] == 1.0 + i / 64.0);
    }
}

static void qwen2_is_yarn(void **state) {
    const ropemap_spec *spec = golden("qwen2", NULL);
    assert_dims(spec, 128, 128, 1e6, ROPEMAP_LAYOUT_HALF);
    assert_int_equal(spec->scaling.rule, ROPEMAP_SCALING_YARN);
    assert_true(spec->scaling.factor == 4.0 && spec->scaling.original_length == 32768.0);
    assert_true(spec->scaling.attention_factor == 0.0); /* the rule's own, 0.1 ln 4 + 1 */
}

static void deepseek2_is_its_rotated_part(void **state) {
    const ropemap_spec *spec = golden("deepseek2", NULL);
    assert_dims(spec, 64, 64, 1e4, ROPEMAP_LAYOUT_INTERLEAVED);
    assert_int_equal(spec->scaling.rule, ROPEMAP_SCALING_YARN);
    assert_true(spec->scaling.factor == 40.0 && spec->scaling.attention_factor == 1.0);
    assert_fact("attention_factor", "1", "llama.cpp from deepseek2.rope.scaling.yarn_log_multiplier");
    assert_warned("only the rotating part of each head, 64 elements");
    assert_warned("also multiplied by 1.87385421"); /* 1.3688879454^2, DeepSeek-V3's for factor 40 */
}

static void gemma3_has_two_rules(void **state) {
    const ropemap_spec *spec = golden("gemma3", NULL);
    assert_dims(spec, 256, 256, 1e6, ROPEMAP_LAYOUT_HALF);
    assert_int_equal(spec->scaling.rule, ROPEMAP_SCALING_LINEAR);
    assert_true(spec->scaling.factor == 8.0);
    assert_warned("layers with sliding attention have base 10000");
    spec = golden("gemma3", "full_attention");
    assert_true(spec->base == 1e6);
    spec = golden("gemma3", "sliding_attention");
    assert_dims(spec, 256, 256, 1e4, ROPEMAP_LAYOUT_HALF);
    assert_int_equal(spec->scaling.rule, ROPEMAP_SCALING_NONE);
}

static void qwen2vl_has_sections(void **state) {
    const ropemap_spec *spec = golden("qwen2vl", NULL);
    assert_dims(spec, 128, 128, 1e6, ROPEMAP_LAYOUT_HALF);
    assert_int_equal(spec->scaling.rule, ROPEMAP_SCALING_NONE);
    assert_fact("sections", "16, 24, 24, 0", "qwen2vl.rope.dimension_sections");
    assert_warned("images only");
}

/* ---- dims */

static void heads_may_differ_by_layer(void **state) {
    start("openelm");
    gguf_u32(&file, "openelm.embedding_length", 1536);
    gguf_key(&file, "openelm.attention.head_count", GGUF_ARRAY);
    gguf_put(&file, GGUF_I32, 4);
    gguf_put(&file, 3, 8);
    gguf_put(&file, 0, 4);
    gguf_put(&file, 12, 4);
    gguf_put(&file, 16, 4);
    assert_dims(composed(NULL), 128, 128, 1e4, ROPEMAP_LAYOUT_HALF);
    assert_fact("base", "10000", "the format's default");
}

static void parts_of_a_head_may_rotate(void **state) {
    start("gptneox");
    gguf_u32(&file, "gptneox.attention.key_length", 96);
    gguf_u32(&file, "gptneox.rope.dimension_count", 24);
    assert_dims(composed(NULL), 96, 24, 1e4, ROPEMAP_LAYOUT_HALF);
    start("step35");
    gguf_u32(&file, "step35.attention.key_length", 128);
    gguf_u32(&file, "step35.rope.dimension_count", 128);
    assert_dims(composed(NULL), 128, 64, 1e4, ROPEMAP_LAYOUT_HALF);
    assert_dims(composed("sliding_attention"), 128, 128, 1e4, ROPEMAP_LAYOUT_HALF);
    start("gemma4");
    gguf_u32(&file, "gemma4.attention.key_length", 512);
    gguf_u32(&file, "gemma4.attention.key_length_swa", 256);
    gguf_u32(&file, "gemma4.rope.dimension_count", 512);
    gguf_u32(&file, "gemma4.rope.dimension_count_swa", 128);
    gguf_f32(&file, "gemma4.rope.freq_base", 1e6);
    assert_dims(composed(NULL), 512, 512, 1e6, ROPEMAP_LAYOUT_HALF);
    assert_dims(composed("sliding_attention"), 256, 128, 1e4, ROPEMAP_LAYOUT_HALF);
}

static void wrong_dims_are_refused(void **state) {
    start("qwen2");
    refused(NULL, ROPEMAP_DATA, "qwen2.embedding_length is missing");
    start("qwen2");
    gguf_u32(&file, "qwen2.embedding_length", 100);
    refused(NULL, ROPEMAP_DATA, "qwen2.attention.head_count is missing");
    start("qwen2");
    gguf_u32(&file, "qwen2.embedding_length", 100);
    gguf_u32(&file, "qwen2.attention.head_count", 3);
    refused(NULL, ROPEMAP_DATA, "qwen2.embedding_length is 100, not a multiple of");
    start("qwen2");
    gguf_u32(&file, "qwen2.embedding_length", 100);
    gguf_u32(&file, "qwen2.attention.head_count", 0);
    refused(NULL, ROPEMAP_DATA, "qwen2.attention.head_count is 0, expected a whole number");
    start("qwen2");
    gguf_f32(&file, "qwen2.attention.key_length", 64.5);
    refused(NULL, ROPEMAP_DATA, "qwen2.attention.key_length is 64.5, expected a whole number from 1 to 4096");
    start("qwen2");
    gguf_u32(&file, "qwen2.attention.key_length", 63);
    refused(NULL, ROPEMAP_DATA, "63");
    start_qwen2();
    gguf_u32(&file, "qwen2.rope.dimension_count", 66);
    refused(NULL, ROPEMAP_DATA, "66");
    start("deepseek2");
    gguf_u32(&file, "deepseek2.attention.key_length", 192);
    refused(NULL, ROPEMAP_DATA, "deepseek2.rope.dimension_count is missing");
}

/* ---- architectures and layers */

static void unknown_architectures_are_refused(void **state) {
    start("frobnicate\n9");
    refused(NULL, ROPEMAP_DATA, "general.architecture is 'frobnicate?9'");
    start("mamba");
    refused(NULL, ROPEMAP_DATA, "this model does not rotate: general.architecture is 'mamba'");
    start("granitehybrid");
    gguf_key(&file, "granitehybrid.rope.scaling.finetuned", GGUF_FLAG);
    gguf_put(&file, 0, 1);
    refused(NULL, ROPEMAP_DATA, "this model does not rotate: granitehybrid.rope.scaling.finetuned is false");
    start_qwen2();
    file.bytes[24 + 8] = 'x'; /* xeneral.architecture */
    refused(NULL, ROPEMAP_DATA, "general.architecture is missing");
    start_qwen2();
    gguf_u32(&file, "split.no", 1);
    refused(NULL, ROPEMAP_DATA, "split.no is 1; give the first part");
}

static void glm4_is_interleaved_without_sections(void **state) {
    start("glm4");
    gguf_u32(&file, "glm4.attention.key_length", 128);
    assert_int_equal(composed(NULL)->layout, ROPEMAP_LAYOUT_INTERLEAVED);
    gguf_key(&file, "glm4.rope.dimension_sections", GGUF_ARRAY);
    gguf_put(&file, GGUF_I32, 4);
    gguf_put(&file, 4, 8);
    gguf_put(&file, 8, 4);
    gguf_put(&file, 12, 4);
    gguf_put(&file, 12, 4);
    gguf_put(&file, 0, 4);
    assert_int_equal(composed(NULL)->layout, ROPEMAP_LAYOUT_HALF);
}

static void layer_types_are_those_of_the_model(void **state) {
    start_qwen2();
    refused("sliding_attention", ROPEMAP_USAGE, "no qwen2.attention.sliding_window");
    refused("chunked_attention", ROPEMAP_USAGE,
            "layer type 'chunked_attention'; choose full_attention, sliding_attention or the number");
    gguf_f32(&file, "qwen2.rope.freq_base", 1e6);
    gguf_f32(&file, "qwen2.rope.freq_base_swa", 5e4);
    gguf_f32(&file, "qwen2.rope.scaling.factor", 2.0);
    assert_true(composed(NULL)->base == 1e6);
    assert_true(composed("sliding_attention")->base == 5e4);
    assert_true(ropemap_model_spec(model)->scaling.factor == 2.0);
    assert_fact("base", "50000", "qwen2.rope.freq_base_swa");
}

static void put_list(const char *key, uint32_t type, int bytes, const int *numbers, size_t count) {
    gguf_key(&file, key, GGUF_ARRAY);
    gguf_put(&file, type, 4);
    gguf_put(&file, count, 8);
    for (size_t i = 0; i < count; i++) {
        gguf_put(&file, (uint64_t)numbers[i], bytes);
    }
}

static void layers_have_numbers(void **state) {
    static const int slides[] = {1, 1, 0, 1}, heads[] = {0, 0, 8, 0};
    start("smollm3");
    gguf_u32(&file, "smollm3.attention.key_length", 128);
    gguf_u32(&file, "smollm3.block_count", 8);
    assert_dims(composed("2"), 128, 128, 1e4, ROPEMAP_LAYOUT_INTERLEAVED);
    assert_fact("layers that rotate", "0-2, 4-6 (6 of 8)", "as llama.cpp runs the architecture");
    assert_fact("layers that do not", "3, 7 (2 of 8)", "as llama.cpp runs the architecture");
    refused("3", ROPEMAP_USAGE, "layer 3 does not rotate: every fourth layer does not rotate");
    refused("8", ROPEMAP_USAGE, "no layer 8: the model has layers 0 to 7");
    start("gemma3");
    gguf_u32(&file, "gemma3.attention.key_length", 256);
    refused("0", ROPEMAP_USAGE, "layer 0: the file has no block_count");
    gguf_u32(&file, "gemma3.block_count", 26);
    gguf_f32(&file, "gemma3.rope.freq_base", 1e6);
    assert_true(composed("4")->base == 1e4 && composed("5")->base == 1e6);
    put_list("gemma3.attention.sliding_window_pattern", GGUF_FLAG, 1, slides, 4);
    assert_true(composed("2")->base == 1e6 && composed("3")->base == 1e4);
    start("lfm2");
    gguf_u32(&file, "lfm2.attention.key_length", 64);
    gguf_u32(&file, "lfm2.block_count", 4);
    put_list("lfm2.attention.head_count_kv", GGUF_I32, 4, heads, 4);
    refused("3", ROPEMAP_USAGE, "layer 3 does not rotate: it has no attention");
    assert_dims(composed("2"), 64, 64, 1e4, ROPEMAP_LAYOUT_HALF);
    start("cohere2");
    gguf_u32(&file, "cohere2.attention.key_length", 128);
    gguf_u32(&file, "cohere2.block_count", 8);
    gguf_u32(&file, "cohere2.attention.sliding_window", 4096);
    refused("7", ROPEMAP_USAGE, "layer 7 does not rotate: only layers with sliding attention rotate");
    refused("full_attention", ROPEMAP_USAGE, "layers of type full_attention do not rotate");
    assert_dims(composed("6"), 128, 128, 1e4, ROPEMAP_LAYOUT_INTERLEAVED);
    start("step35");
    gguf_u32(&file, "step35.attention.key_length", 128);
    gguf_u32(&file, "step35.block_count", 8);
    refused("1", ROPEMAP_USAGE, "does not say which layers slide");
}

static void larger_baichuan_does_not_rotate(void **state) {
    start("baichuan");
    gguf_u32(&file, "baichuan.attention.head_count", 40);
    gguf_u32(&file, "baichuan.embedding_length", 5120);
    refused(NULL, ROPEMAP_DATA,
            "this model does not rotate: baichuan.embedding_length is 5120: the 13B models");
    start("baichuan");
    gguf_u32(&file, "baichuan.attention.head_count", 32);
    gguf_u32(&file, "baichuan.embedding_length", 4096);
    assert_dims(composed(NULL), 128, 128, 1e4, ROPEMAP_LAYOUT_INTERLEAVED);
}

static void options_are_enough(void **state) {
    static const char *const names[] = {"mamba", "frobnicate", "qwen2"};
    const ropemap_model_choice choice = {.base = 5e5, .head_dim = 128, .rotary_dim = 64};
    for (int i = 0; i < 3; i++) {
        ropemap_model *made = NULL;
        ropemap_error error = {0};
        start(names[i]);
        refused(NULL, ROPEMAP_DATA, "model.gguf");
        assert_int_equal(ropemap_model_open(place.path, &choice, &made, &error), ROPEMAP_OK);
        assert_dims(ropemap_model_spec(made), 128, 64, 5e5, ROPEMAP_LAYOUT_HALF);
        assert_true(i == 2 || strstr(ropemap_model_warning(made, 0), "the options define the rule") != NULL);
        ropemap_model_free(made);
    }
}

static void unused_keys_are_named(void **state) {
    start_qwen2();
    gguf_f32(&file, "qwen2.rope.frobnication", 2.0);
    (void)composed(NULL);
    assert_warned("not used, so the rule may differ: qwen2.rope.frobnication");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(llama_has_divisors, forget),
        cmocka_unit_test_teardown(phi3_is_longrope, forget),
        cmocka_unit_test_teardown(qwen2_is_yarn, forget),
        cmocka_unit_test_teardown(deepseek2_is_its_rotated_part, forget),
        cmocka_unit_test_teardown(gemma3_has_two_rules, forget),
        cmocka_unit_test_teardown(qwen2vl_has_sections, forget),
        cmocka_unit_test_teardown(heads_may_differ_by_layer, forget),
        cmocka_unit_test_teardown(parts_of_a_head_may_rotate, forget),
        cmocka_unit_test_teardown(wrong_dims_are_refused, forget),
        cmocka_unit_test_teardown(unknown_architectures_are_refused, forget),
        cmocka_unit_test_teardown(glm4_is_interleaved_without_sections, forget),
        cmocka_unit_test_teardown(layer_types_are_those_of_the_model, forget),
        cmocka_unit_test_teardown(layers_have_numbers, forget),
        cmocka_unit_test_teardown(larger_baichuan_does_not_rotate, forget),
        cmocka_unit_test_teardown(options_are_enough, forget),
        cmocka_unit_test_teardown(unused_keys_are_named, forget),
    };
    place = scratch_open();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&place);
    return failed;
}
