/* test_config.c - config.json: the rule of each kind of file in both forms, and real files */
/* SPDX-License-Identifier: MIT */
#include "tests/config_case.h"

/* ---- rules */

typedef struct rule_case {
    const char *text, *layer;
    ropemap_scaling_rule rule;
    double base;
    int32_t head_dim, rotary_dim;
    ropemap_layout layout;
    double number, original; /* the rule's first parameter, and its original length */
} rule_case;

#define HALF       ROPEMAP_LAYOUT_HALF
#define INTER      ROPEMAP_LAYOUT_INTERLEAVED
#define RULE(name) ROPEMAP_SCALING_##name

static const rule_case rule_cases[] = {
    /* no scaling: base and dimensions under all their names */
    {"{" LLAMA "'rope_theta': 500000}", NULL, RULE(NONE), 5e5, 128, 128, HALF, 0, 0},
    {"{" LLAMA "'rope_parameters': {'rope_theta': 5e5}}", NULL, RULE(NONE), 5e5, 128, 128, HALF, 0, 0},
    {"{" LLAMA "'rope_scaling': null, 'rope_parameters': null}", NULL, RULE(NONE), 1e4, 128, 128, HALF, 0, 0},
    {"{'model_type': 'llama', 'hidden_size': 4096, 'num_attention_heads': 32, 'head_dim': null}", NULL,
     RULE(NONE), 1e4, 128, 128, HALF, 0, 0},
    {"{'model_type': 'gptj', 'n_embd': 4096, 'n_head': 16}", NULL, RULE(NONE), 1e4, 256, 64, INTER, 0, 0},
    {"{'model_type': 'gptj', 'n_embd': 4096, 'n_head': 16, 'rotary_dim': 32}", NULL, RULE(NONE), 1e4, 256, 32,
     INTER, 0, 0},
    {"{'model_type': 'gpt_neox', 'hidden_size': 6144, 'num_attention_heads': 64, 'rotary_emb_base': 20000}",
     NULL, RULE(NONE), 2e4, 96, 24, HALF, 0, 0},
    {"{" PHI3 "'rope_theta': 1e4, 'partial_rotary_factor': 0.5}", NULL, RULE(NONE), 1e4, 128, 64, HALF, 0, 0},
    {"{" PHI3 "'rope_parameters': {'rope_theta': 1e4, 'partial_rotary_factor': 0.5}}", NULL, RULE(NONE), 1e4,
     128, 64, HALF, 0, 0},
    {"{" LLAMA "'rope_theta': 1e4, 'partial_rotary_factor': 0.5}", NULL, RULE(NONE), 1e4, 128, 128, HALF, 0,
     0},
    {"{" LLAMA "'partial_rotary_factor': 0.5, 'rope_scaling': {'type': 'linear', 'factor': 4}}", NULL,
     RULE(LINEAR), 1e4, 128, 64, HALF, 4, 0},
    {"{'model_type': 'gemma3_text', 'rope_theta': 5e5, 'rope_parameters': {'full_attention': {}, "
     "'sliding_attention': {}}}",
     "sliding_attention", RULE(NONE), 1e4, 256, 256, HALF, 0, 0},
    {"{'model_type': 'gemma3_text', 'rope_theta': 5e5, 'rope_parameters': {'full_attention': {}, "
     "'sliding_attention': {}}}",
     "full_attention", RULE(NONE), 5e5, 256, 256, HALF, 0, 0},
    {"{'model_type': 'glm4', 'rope_parameters': {'rope_type': 'proportional'}}", NULL, RULE(PROPORTIONAL),
     1e4, 128, 128, INTER, 0.5, 0},
    {"{'model_type': 'gpt_neox', 'head_dim': 64, 'rope_theta': 5e5}", NULL, RULE(NONE), 1e4, 64, 16, HALF, 0,
     0},
    {"{'model_type': 'gpt_neox', 'head_dim': 64, 'rotary_emb_base': 5e5}", NULL, RULE(NONE), 5e5, 64, 16,
     HALF, 0, 0},
    {"{'model_type': 'modernbert', 'head_dim': 64, 'rope_theta': 5e5}", "full_attention", RULE(NONE), 160000,
     64, 64, HALF, 0, 0},
    {"{'model_type': 'mimo_v2_flash', 'head_dim': 192, 'rope_theta': 5e6, 'partial_rotary_factor': 0.334}",
     NULL, RULE(NONE), 5e6, 192, 64, HALF, 0, 0},
    {"{'model_type': 'chatglm', 'kv_channels': 128, 'rope_ratio': 500}", NULL, RULE(NONE), 5e6, 128, 64,
     INTER, 0, 0},
    {"{'model_type': 'dbrx', 'd_model': 6144, 'n_heads': 48, 'attn_config': {'rope_theta': 5e5}}", NULL,
     RULE(NONE), 5e5, 128, 128, HALF, 0, 0},
    {"{'model_type': 'qwen3', 'hidden_size': 1024, 'num_attention_heads': 16, 'rope_theta': 1e6}", NULL,
     RULE(NONE), 1e6, 128, 128, HALF, 0, 0},
    {"{'model_type': 'nomic_bert', 'n_embd': 768, 'n_head': 12, 'rotary_emb_fraction': 1.0, "
     "'rotary_emb_interleaved': true}",
     NULL, RULE(NONE), 1e3, 64, 64, INTER, 0, 0},
    /* multi-head latent attention */
    {"{'model_type': 'deepseek_v3', 'qk_rope_head_dim': 64, 'head_dim': 192, 'rope_theta': 1e4}", NULL,
     RULE(NONE), 1e4, 64, 64, INTER, 0, 0},
    {"{'model_type': 'deepseek_v3', 'rope_interleave': false, 'rope_theta': 1e4}", NULL, RULE(NONE), 1e4, 64,
     64, HALF, 0, 0},
    {"{'model_type': 'minicpm3', 'hidden_size': 2560, 'num_attention_heads': 40}", NULL, RULE(NONE), 1e4, 32,
     32, HALF, 0, 0},
    {"{'model_type': 'deepseek_v2', 'use_mla': false, 'qk_rope_head_dim': 0, 'hidden_size': 1280, "
     "'num_attention_heads': 10}",
     NULL, RULE(NONE), 1e4, 128, 128, HALF, 0, 0},
    /* the language model of several parts */
    {"{'model_type': 'llava', 'text_config': {" LLAMA "'rope_theta': 1e6}}", NULL, RULE(NONE), 1e6, 128, 128,
     HALF, 0, 0},
    {"{'llm_config': {" LLAMA "'rope_theta': 1e6}, 'vision_config': {'head_dim': 72}}", NULL, RULE(NONE), 1e6,
     128, 128, HALF, 0, 0},
    {"{'language_config': {'model_type': 'deepseek_v2', 'qk_rope_head_dim': 64}}", NULL, RULE(NONE), 1e4, 64,
     64, INTER, 0, 0},
    {"{'thinker_config': {'text_config': {" LLAMA "'rope_theta': 1e6}}}", NULL, RULE(NONE), 1e6, 128, 128,
     HALF, 0, 0},
    {"{" LLAMA "'rope_theta': 1e6, 'text_config': {'model_type': 'bert'}}", NULL, RULE(NONE), 1e6, 128, 128,
     HALF, 0, 0},
    /* linear; type is the older name, and rope_type wins */
    {"{" LLAMA "'rope_theta': 1e4, 'rope_scaling': {'type': 'linear', 'factor': 4}}", NULL, RULE(LINEAR), 1e4,
     128, 128, HALF, 4, 0},
    {"{" LLAMA
     "'rope_parameters': {'rope_type': 'linear', 'type': 'yarn', 'factor': 4.0, 'rope_theta': 1e5}}",
     NULL, RULE(LINEAR), 1e5, 128, 128, HALF, 4, 0},
    /* dynamic, and Hunyuan's */
    {"{" TINY "'rope_scaling': {'type': 'dynamic', 'factor': 4}}", NULL, RULE(DYNAMIC), 1e4, 8, 8, HALF, 4,
     0},
    {"{" TINY "'rope_parameters': {'rope_type': 'dynamic', 'factor': 4}}", NULL, RULE(DYNAMIC), 1e4, 8, 8,
     HALF, 4, 0},
    {"{" TINY "'rope_scaling': {'type': 'dynamic', 'alpha': 1000.0, 'factor': 1.0}}", NULL, RULE(ALPHA), 1e4,
     8, 8, HALF, 1000, 0},
    {"{" TINY "'rope_parameters': {'rope_type': 'xdrope', 'alpha': 1000.0, 'rope_theta': 1e4}}", NULL,
     RULE(ALPHA), 1e4, 8, 8, HALF, 1000, 0},
    {"{" TINY "'rope_scaling': {'type': 'dynamic', 'alpha': 0, 'factor': 2.0}}", NULL, RULE(DYNAMIC), 1e4, 8,
     8, HALF, 2, 0},
    /* yarn: a factor, or the growth; the original length next to the dict, in it, or absent */
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 4, 'original_max_position_embeddings': 100}}", NULL,
     RULE(YARN), 1e4, 8, 8, HALF, 4, 100},
    {"{" TINY "'rope_parameters': {'rope_type': 'yarn', 'factor': null, "
     "'original_max_position_embeddings': 100}}",
     NULL, RULE(YARN), 1e4, 8, 8, HALF, 4, 100},
    {"{" TINY "'original_max_position_embeddings': 200, 'rope_scaling': {'type': 'yarn', "
     "'original_max_position_embeddings': 100}}",
     NULL, RULE(YARN), 1e4, 8, 8, HALF, 2, 200},
    {"{" TINY "'rope_scaling': {'type': 'deepseek_yarn', 'factor': 4}}", NULL, RULE(YARN), 1e4, 8, 8, HALF, 4,
     400},
    /* longrope under its three names */
    {"{" TINY "'rope_scaling': {'type': 'su', 'short_factor': [1, 1, 1, 1], 'long_factor': [1, 2, 3, 4]}, "
     "'original_max_position_embeddings': 100}",
     NULL, RULE(LONGROPE), 1e4, 8, 8, HALF, 4, 100},
    {"{" TINY "'rope_parameters': {'rope_type': 'longrope', 'short_factor': [1, 1, 1, 1], "
     "'long_factor': [1, 2, 3, 4], 'factor': 5, 'original_max_position_embeddings': 100}}",
     NULL, RULE(LONGROPE), 1e4, 8, 8, HALF, 5, 100},
    {"{'model_type': 'phi3', 'head_dim': 8, 'max_position_embeddings': 400, 'rope_scaling': {'type': 'yarn', "
     "'short_factor': [1, 1, 1, 1], 'long_factor': [1, 2, 3, 4]}, 'original_max_position_embeddings': 100}",
     NULL, RULE(LONGROPE), 1e4, 8, 8, HALF, 4, 100},
    /* llama3 */
    {"{" TINY "'rope_scaling': {'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 1, "
     "'high_freq_factor': 4, 'original_max_position_embeddings': 100}}",
     NULL, RULE(LLAMA3), 1e4, 8, 8, HALF, 8, 100},
    {"{" TINY "'rope_parameters': {'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 1, "
     "'high_freq_factor': 4, 'original_max_position_embeddings': 100, 'rope_theta': 5e5}}",
     NULL, RULE(LLAMA3), 5e5, 8, 8, HALF, 8, 100},
    /* the rest */
    {"{" TINY "'rope_parameters': {'rope_type': 'proportional', 'partial_rotary_factor': 0.25}}", NULL,
     RULE(PROPORTIONAL), 1e4, 8, 8, HALF, 0.25, 0},
    {"{" TINY "'rope_scaling': {'type': 'mrope', 'mrope_section': [2, 1, 1]}, 'rope_theta': 1e6}", NULL,
     RULE(NONE), 1e6, 8, 8, HALF, 0, 0},
    {"{" TINY "'rope_scaling': {'type': 'ntk', 'factor': 8}}", NULL, RULE(NTK_FIXED), 1e4, 8, 8, HALF, 8, 0},
    {"{" TINY "'rope_scaling': {'type': 'ntk', 'factor': 8, 'mixed_b': 0.6}}", NULL, RULE(NTK_MIXED), 1e4, 8,
     8, HALF, 8, 0},
    /* layer types: nested, and keys next to the dict */
    {"{" TINY "'rope_parameters': {'full_attention': {'rope_theta': 1e6}, 'other': {'rope_theta': 2e6}}}",
     NULL, RULE(NONE), 1e6, 8, 8, HALF, 0, 0},
    {"{" TINY "'rope_parameters': {'full_attention': {'rope_theta': 1e6}, 'other': {'rope_theta': 2e6}}}",
     "other", RULE(NONE), 2e6, 8, 8, HALF, 0, 0},
    {"{" TINY "'rope_parameters': {'hybrid': {'rope_theta': 1e6}, 'none': null}}", NULL, RULE(NONE), 1e6, 8,
     8, HALF, 0, 0},
    {"{'model_type': 'gemma3', 'text_config': {'model_type': 'gemma3_text', 'hidden_size': 2560, "
     "'rope_scaling': {'factor': 8.0, 'rope_type': 'linear'}}}",
     NULL, RULE(LINEAR), 1e6, 256, 256, HALF, 8, 0},
    {"{'model_type': 'gemma3', 'text_config': {'model_type': 'gemma3_text', 'hidden_size': 2560, "
     "'rope_scaling': {'factor': 8.0, 'rope_type': 'linear'}}}",
     "sliding_attention", RULE(NONE), 1e4, 256, 256, HALF, 0, 0},
    {"{'model_type': 'deepseek_v4', 'rope_theta': 1e4, 'compress_rope_theta': 160000, 'rope_scaling': "
     "{'type': "
     "'yarn', 'factor': 16, 'original_max_position_embeddings': 65536}, 'max_position_embeddings': 1048576}",
     "compress", RULE(YARN), 160000, 64, 64, INTER, 16, 65536},
    {"{'model_type': 'deepseek_v4', 'rope_theta': 1e4, 'compress_rope_theta': 160000, 'rope_scaling': "
     "{'type': "
     "'yarn', 'factor': 16, 'original_max_position_embeddings': 65536}, 'max_position_embeddings': 1048576}",
     "main", RULE(NONE), 1e4, 64, 64, INTER, 0, 0},
    {"{'model_type': 'olmo3', 'head_dim': 8, 'rope_theta': 5e5, 'rope_scaling': {'type': 'linear', "
     "'factor': 2}}",
     "sliding_attention", RULE(NONE), 5e5, 8, 8, HALF, 0, 0},
    {"{'model_type': 'cohere2', 'hidden_size': 4096, 'num_attention_heads': 32, 'sliding_window': 4096, "
     "'rope_theta': 50000}",
     NULL, RULE(NONE), 5e4, 128, 128, INTER, 0, 0},
};

/* The parameter that the table's `number` is. */
static double first_number(const ropemap_scaling *scaling) {
    switch (scaling->rule) {
    case ROPEMAP_SCALING_ALPHA:
        return scaling->alpha;
    case ROPEMAP_SCALING_PROPORTIONAL:
        return scaling->rotated;
    default:
        return scaling->factor;
    }
}

static void rules_are_read(void **state) {
    for (size_t i = 0; i < COUNT(rule_cases); i++) {
        const rule_case *wanted = &rule_cases[i];
        ropemap_model *model = parsed(wanted->text, wanted->layer);
        const ropemap_spec *spec = ropemap_model_spec(model);
        if (spec->scaling.rule != wanted->rule || spec->base != wanted->base ||
            spec->head_dim != wanted->head_dim || spec->rotary_dim != wanted->rotary_dim ||
            spec->layout != wanted->layout || first_number(&spec->scaling) != wanted->number ||
            spec->scaling.original_length != wanted->original) {
            fail_msg("%s: rule %s base %g dims %d %d layout %d number %g original %g", wanted->text,
                     ropemap_scaling_name(spec->scaling.rule), spec->base, (int)spec->head_dim,
                     (int)spec->rotary_dim, (int)spec->layout, first_number(&spec->scaling),
                     spec->scaling.original_length);
        }
        ropemap_model_free(model);
    }
}

static void lengths_and_lists_are_filled(void **state) {
    ropemap_model *model =
        parsed("{" TINY "'rope_scaling': {'type': 'longrope', 'short_factor': [1, 1, 1, 1], "
               "'long_factor': [1, 2, 3, 4.5], 'original_max_position_embeddings': 100, "
               "'short_mscale': 1.25, 'long_mscale': 1.5}}",
               NULL);
    const ropemap_scaling *scaling = &ropemap_model_spec(model)->scaling;
    assert_int_equal(scaling->list_count, 4);
    assert_true(scaling->short_factors[3] == 1.0 && scaling->long_factors[3] == 4.5);
    assert_true(scaling->max_length == 400.0 && scaling->attention_factor == 1.5);
    assert_int_equal(ropemap_model_trained_length(model), 400);
    ropemap_model_free(model);
    model = parsed("{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 4, 'beta_fast': 16, 'beta_slow': 2, "
                   "'mscale': 0.5, 'mscale_all_dim': 0.25, 'truncate': false, 'attention_factor': 1.5, "
                   "'original_max_position_embeddings': 100}}",
                   NULL);
    scaling = &ropemap_model_spec(model)->scaling;
    assert_true(scaling->beta_fast == 16.0 && scaling->beta_slow == 2.0 && scaling->untruncated);
    assert_true(scaling->mscale == 0.5 && scaling->mscale_all_dim == 0.25);
    assert_true(scaling->attention_factor == 1.5 && scaling->max_length == 400.0);
    ropemap_model_free(model);
    model = parsed("{" TINY "'rope_scaling': {'type': 'dynamic', 'factor': 4}}", NULL);
    assert_true(ropemap_model_spec(model)->scaling.max_length == 400.0);
    ropemap_model_free(model);
}

/* ---- real files */

typedef struct file_case {
    const char *name, *layer;
    ropemap_scaling_rule rule;
    double base;
    int32_t head_dim, rotary_dim;
    ropemap_layout layout;
    int64_t trained;
} file_case;

static const file_case file_cases[] = {
    {"aya-23", NULL, RULE(NONE), 1e4, 128, 128, INTER, 8192},
    {"chatglm3-6b", NULL, RULE(NONE), 1e4, 128, 64, INTER, 8192},
    {"deepseek-v2-lite", NULL, RULE(YARN), 1e4, 64, 64, INTER, 163840},
    {"gemma-3-1b", NULL, RULE(NONE), 1e6, 256, 256, HALF, 32768},
    {"gemma-3-1b", "sliding_attention", RULE(NONE), 1e4, 256, 256, HALF, 32768},
    {"gemma-4-text", NULL, RULE(PROPORTIONAL), 1e6, 512, 512, HALF, 131072},
    {"gemma-4-text", "sliding_attention", RULE(NONE), 1e4, 256, 256, HALF, 131072},
    {"gpt-j-6b", NULL, RULE(NONE), 1e4, 256, 64, INTER, 2048},
    {"gpt-oss", "sliding_attention", RULE(YARN), 150000, 64, 64, HALF, 131072},
    {"llama-3.1-8b", NULL, RULE(LLAMA3), 5e5, 128, 128, HALF, 131072},
    {"ministral-3-3b", NULL, RULE(YARN), 1e6, 128, 128, HALF, 262144},
    {"modernbert-base", NULL, RULE(NONE), 160000, 64, 64, HALF, 8192},
    {"modernbert-base", "sliding_attention", RULE(NONE), 1e4, 64, 64, HALF, 8192},
    {"phi-2", NULL, RULE(NONE), 1e4, 80, 32, HALF, 2048},
    {"phi-3.5-mini", NULL, RULE(LONGROPE), 1e4, 96, 96, HALF, 131072},
    {"phi-3.5-vision", NULL, RULE(LONGROPE), 1e4, 96, 96, HALF, 131072},
    {"phi-4-mini", NULL, RULE(LONGROPE), 1e4, 128, 96, HALF, 131072},
    {"qwen-1.8b", NULL, RULE(NONE), 1e4, 128, 128, HALF, 8192},
    {"qwen3-0.6b", NULL, RULE(NONE), 1e6, 128, 128, HALF, 40960},
    {"redpajama-3b", NULL, RULE(NONE), 1e4, 80, 80, HALF, 2048},
    {"stablelm-2-1.6b", NULL, RULE(NONE), 1e4, 64, 16, HALF, 4096},
};

static void real_files_are_read(void **state) {
    for (size_t i = 0; i < COUNT(file_cases); i++) {
        const file_case *wanted = &file_cases[i];
        char path[400];
        ropemap_model *model = NULL;
        ropemap_error error = {0};
        (void)snprintf(path, sizeof path, "%s/config/%s.json", RM_TEST_DATA, wanted->name);
        if (ropemap_model_open(path, &(ropemap_model_choice){.layer_type = wanted->layer}, &model, &error) !=
            ROPEMAP_OK) {
            fail_msg("%s", error.text);
        }
        const ropemap_spec *spec = ropemap_model_spec(model);
        if (spec->scaling.rule != wanted->rule || spec->base != wanted->base ||
            spec->head_dim != wanted->head_dim || spec->rotary_dim != wanted->rotary_dim ||
            spec->layout != wanted->layout || ropemap_model_trained_length(model) != wanted->trained) {
            fail_msg("%s: rule %s base %g dims %d %d layout %d", path,
                     ropemap_scaling_name(spec->scaling.rule), spec->base, (int)spec->head_dim,
                     (int)spec->rotary_dim, (int)spec->layout);
        }
        ropemap_model_free(model);
    }
}

static void models_without_rotation_are_refused(void **state) {
    static const char *const names[] = {"gpt2", "arctic-embed-m"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[400];
        ropemap_model *model = NULL;
        ropemap_error error = {0};
        (void)snprintf(path, sizeof path, "%s/config/%s.json", RM_TEST_DATA, names[i]);
        assert_int_equal(ropemap_model_open(path, NULL, &model, &error), ROPEMAP_DATA);
        assert_null(model);
        assert_says(error.text, "this model does not rotate: model_type is");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_read),
        cmocka_unit_test(lengths_and_lists_are_filled),
        cmocka_unit_test(real_files_are_read),
        cmocka_unit_test(models_without_rotation_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
