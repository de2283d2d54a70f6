/* test_config_notes.c - config.json: sources of facts, and warnings */
/* SPDX-License-Identifier: MIT */
#include "tests/config_case.h"

static const ropemap_fact *fact_of(const ropemap_model *model, const char *name) {
    const ropemap_fact *fact;
    for (int32_t i = 0; (fact = ropemap_model_fact(model, i)) != NULL; i++) {
        if (strcmp(fact->name, name) == 0) {
            return fact;
        }
    }
    return NULL;
}

typedef struct fact_case {
    const char *text, *name, *value, *source;
} fact_case;

static const fact_case fact_cases[] = {
    {"{" LLAMA "'rope_theta': 500000.0}", "base", "500000", "config.json: rope_theta"},
    {"{" LLAMA "'rope_parameters': {'rope_theta': 5e5}}", "base", "500000",
     "config.json: rope_parameters.rope_theta"},
    {"{'text_config': {" LLAMA "'rope_theta': 5e5}}", "base", "500000",
     "config.json: text_config.rope_theta"},
    {"{'model_type': 'cohere', 'head_dim': 128}", "base", "500000", "default of model_type cohere"},
    {"{'model_type': 'made-up', 'head_dim': 128, 'rope_scaling': {'type': 'default'}}", "base", "10000",
     "default"},
    {"{'model_type': 'llama', 'hidden_size': 4096, 'num_attention_heads': 32}", "head_dim", "128",
     "config.json: hidden_size / num_attention_heads"},
    {"{" PHI3 "'partial_rotary_factor': 0.5}", "rotary_dim", "64",
     "config.json: head_dim * partial_rotary_factor"},
    {"{" LLAMA "'rope_scaling': {'type': 'linear', 'factor': 4}}", "factor", "4",
     "config.json: rope_scaling.factor"},
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'original_max_position_embeddings': 100}}", "factor", "4",
     "config.json: max_position_embeddings / original"},
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 4}}", "beta_fast", "32", "the rule's default"},
    {"{" TINY "'rope_scaling': {'type': 'mrope', 'mrope_section': [2, 1, 1]}}", "mrope_section", "2 1 1",
     "config.json: rope_scaling.mrope_section"},
    {"{" TINY "'rope_parameters': {'full_attention': {}, 'sliding_attention': {}}}", "layer type",
     "full_attention", "config.json: rope_parameters.full_attention"},
};

static void facts_name_their_source(void **state) {
    for (size_t i = 0; i < COUNT(fact_cases); i++) {
        const fact_case *wanted = &fact_cases[i];
        ropemap_model *model = parsed(wanted->text, NULL);
        const ropemap_fact *fact = fact_of(model, wanted->name);
        assert_non_null(fact);
        assert_string_equal(fact->value, wanted->value);
        assert_string_equal(fact->source, wanted->source);
        ropemap_model_free(model);
    }
}

static const char *const warning_cases[][2] = {
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 4, 'attention_factor': 1.5, 'mscale': 1}}",
     "attention_factor won"},
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 4, 'mscale': 1}}", "mscale alone"},
    {"{" TINY "'rope_parameters': {'full_attention': {'rope_type': 'yarn', 'factor': 4, 'truncate': false}, "
     "'sliding_attention': {}}}",
     "rope_parameters.full_attention has truncate false"},
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 8, 'original_max_position_embeddings': 100}}",
     "factor is 8, but max_position_embeddings / original_max_position_embeddings is 400 / 100 = 4"},
    {"{" TINY "'rope_scaling': {'type': 'linear', 'factor': 2, 'finetuned': true, 'b': 1}}",
     "linear does not use finetuned, b"},
    {"{" TINY "'rope_scaling': {'factor': 2}}", "default does not use factor"},
    {"{" TINY "'rope_scaling': {'rope_type': 'linear', 'type': 'yarn', 'factor': 2}}", "rope_type won"},
    {"{" TINY "'rope_scaling': {'type': 'linear', 'factor': 2}, 'rope_parameters': {'rope_type': 'default', "
     "'rope_theta': 5e5}}",
     "rope_scaling won"},
    {"{" TINY "'rope_theta': 1e4, 'rope_parameters': {'rope_theta': 5e5}}",
     "rope_parameters.rope_theta is 500000, rope_theta next to it 10000"},
    {"{'model_type': 'deepseek_v3', 'partial_rotary_factor': 0.5}", "0.5 and was not applied"},
    {"{'model_type': 'deepseek_v3', 'max_position_embeddings': 163840, 'rope_scaling': {'type': 'yarn', "
     "'factor': 40, 'mscale': 1.0, 'mscale_all_dim': 1.0, 'original_max_position_embeddings': 4096}}",
     "softmax scale by (0.1 * mscale_all_dim * ln factor + 1)^2 = 1.87385"},
    {"{" TINY "'rope_scaling': {'type': 'dynamic', 'factor': 4}}", "depend on the length"},
    {"{" TINY
     "'rope_scaling': {'type': 'longrope', 'short_factor': [1, 1, 1, 1], 'long_factor': [1, 2, 3, 4], "
     "'original_max_position_embeddings': 100}}",
     "depend on the length"},
    {"{" TINY
     "'rope_scaling': {'type': 'longrope', 'short_factor': [1, 1, 1, 1], 'long_factor': [1, 2, 3, 4], "
     "'original_max_position_embeddings': 100, 'short_mscale': 1.25, 'long_mscale': 1.5}}",
     "attention factor is that of long sequences"},
    {"{" TINY "'rope_scaling': {'type': 'mrope', 'mrope_section': [2, 2, 1]}}", "adds up to 5"},
    {"{" PHI3 "'rotary_dim': 4, 'partial_rotary_factor': 0.25}", "rotary_dim is 4"},
    {"{" LLAMA "'partial_rotary_factor': 0.5}", "partial_rotary_factor is 0.5 and was not applied"},
    {"{'model_type': 'gpt_neox', 'head_dim': 64, 'rope_theta': 5e5}", "rope_theta"},
    {"{'model_type': 'modernbert', 'head_dim': 64, 'rope_theta': 5e5}", "rope_theta"},
    {"{" TINY "'no_rope_layers': [1, 1, 0]}", "1 of 3 layers do not rotate (no_rope_layers)"},
    {"{'model_type': 'made-up', 'head_dim': 8, 'rope_theta': 1e4}", "unknown model_type"},
    {"{'model_type': 'ministral3', 'rope_theta': 1e5}",
     "default of model_type ministral3 is 1000000, rope_theta next to it 100000"},
    {"{'model_type': 'smollm3'}", "some layers do not rotate"},
    {"{'model_type': 'qwen', 'kv_channels': 8, 'use_dynamic_ntk': true}", "use_dynamic_ntk"},
    {"{'model_type': 'cohere2', 'head_dim': 8, 'sliding_window': 4096}", "do not rotate (NoPE)"},
    {"{" TINY "'original_max_position_embeddings': 200, 'rope_scaling': {'type': 'yarn', "
     "'original_max_position_embeddings': 100}}",
     "original_max_position_embeddings is 200, rope_scaling.original_max_position_embeddings 100"},
};

static void traps_are_told(void **state) {
    for (size_t i = 0; i < COUNT(warning_cases); i++) {
        ropemap_model *model = parsed(warning_cases[i][0], NULL);
        const char *warning;
        bool found = false;
        for (int32_t k = 0; (warning = ropemap_model_warning(model, k)) != NULL; k++) {
            found = found || strstr(warning, warning_cases[i][1]) != NULL;
        }
        if (!found) {
            warning = ropemap_model_warning(model, 0);
            fail_msg("%s: no \"%s\" but \"%s\"", warning_cases[i][0], warning_cases[i][1],
                     warning == NULL ? "" : warning);
        }
        ropemap_model_free(model);
    }
}

/* Ordinary files need no warning. */
static void plain_files_warn_of_nothing(void **state) {
    static const char *const texts[] = {
        "{" LLAMA "'rope_theta': 5e5}",
        "{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 4, 'original_max_position_embeddings': 100}}",
        "{" TINY "'rope_scaling': {'rope_type': 'linear', 'factor': 2.0}, 'rope_parameters': {'rope_type': "
        "'linear', 'factor': 2, 'rope_theta': 5e5}}",
        "{" TINY "'rope_parameters': {'rope_type': 'default', 'type': 'mrope', 'rope_theta': 5e5}}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        ropemap_model *model = parsed(texts[i], NULL);
        assert_null(ropemap_model_warning(model, 0));
        ropemap_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_name_their_source),
        cmocka_unit_test(traps_are_told),
        cmocka_unit_test(plain_files_warn_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
