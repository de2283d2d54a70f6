/* test_config_wrong.c - config.json: messages about wrong fields name key, value and rule */
/* SPDX-License-Identifier: MIT */
#include "tests/config_case.h"

typedef struct wrong_case {
    const char *text, *layer;
    ropemap_status status;
    const char *words; /* in the message */
} wrong_case;

#define DATA  ROPEMAP_DATA
#define USAGE ROPEMAP_USAGE
#define SHORT "'short_factor': [1, 1, 1, 1]"

static const wrong_case wrong_cases[] = {
    {"{" LLAMA "'rope_theta': '10000'}", NULL, DATA, "rope_theta is the string \"10000\", expected a number"},
    {"{" LLAMA "'rope_theta': null}", NULL, DATA, "rope_theta is null"},
    {"{" LLAMA "'rope_theta': true}", NULL, DATA, "rope_theta is true"},
    {"{" LLAMA "'rope_theta': [1e4, 'x']}", NULL, DATA, "rope_theta[1] is the string \"x\""},
    {"{" LLAMA "'rope_theta': [1e4, 1e5]}", NULL, USAGE,
     "rope_theta[0] is 10000, rope_theta[1] 100000: layers differ; choose one by number (--layer-type 1)"},
    {"{" LLAMA "'rope_theta': {}}", NULL, DATA, "rope_theta is an object"},
    {"{" LLAMA "'rope_theta': 0}", NULL, DATA, "rope_theta is 0, expected a number above 1"},
    {"{" LLAMA "'rope_theta': -1}", NULL, DATA, "rope_theta is -1"},
    {"{" LLAMA "'rope_theta': 1}", NULL, DATA, "rope_theta is 1"},
    {"{" LLAMA "'rope_theta': 1e400}", NULL, DATA, "rope_theta is 1e400, expected a number"},
    {"{" LLAMA "'rope_theta': 1e-400}", NULL, DATA, "rope_theta is 0"},
    {"{" LLAMA "'rope_theta': Infinity}", NULL, DATA, "rope_theta is Infinity, expected a number"},
    {"{" LLAMA "'rope_theta': -Infinity}", NULL, DATA, "rope_theta is -Infinity"},
    {"{" LLAMA "'rope_theta': NaN}", NULL, DATA, "rope_theta is NaN"},
    {"{" LLAMA "'rope_parameters': {'rope_theta': {'__float__': 'Infinity'}}}", NULL, DATA,
     "rope_parameters.rope_theta is Infinity"},
    {"{'model_type': 'llama', 'head_dim': 127}", NULL, DATA, "head_dim is 127, expected an even number"},
    {"{'model_type': 'llama', 'head_dim': 8192}", NULL, DATA, "head_dim is 8192"},
    {"{'model_type': 'llama', 'head_dim': 127.5}", NULL, DATA, "head_dim is 127.5"},
    {"{'model_type': 'llama', 'hidden_size': 4095, 'num_attention_heads': 32}", NULL, DATA,
     "hidden_size is 4095 and num_attention_heads is 32"},
    {"{'model_type': 'llama', 'hidden_size': 4128, 'num_attention_heads': 32}", NULL, DATA,
     "hidden_size is 4128"},
    {"{'model_type': 'llama', 'hidden_size': 4096, 'num_attention_heads': 0}", NULL, DATA,
     "num_attention_heads is 0"},
    {"{'model_type': 'x', 'rope_theta': 1e4, 'hidden_size': 4096}", NULL, DATA, "no num_attention_heads"},
    {"{'model_type': 'x', 'rope_theta': 1e4}", NULL, DATA,
     "no hidden_size to derive it from; give --head-dim"},
    {"{'model_type': 'cohere2', 'head_dim': 64}", "full_attention", USAGE, "not rotate"},
    {"{" LLAMA "'partial_rotary_factor': 0}", NULL, DATA, "partial_rotary_factor is 0"},
    {"{" LLAMA "'partial_rotary_factor': 1.5}", NULL, DATA, "partial_rotary_factor is 1.5"},
    {"{" PHI3 "'partial_rotary_factor': 0.26}", NULL, DATA, "int(128 * 0.26) = 33"},
    {"{" LLAMA "'rotary_dim': 130}", NULL, DATA, "rotary_dim is 130, expected at most the head_dim, 128"},
    {"{" LLAMA "'max_position_embeddings': -1}", NULL, DATA, "max_position_embeddings is -1"},
    {"{" LLAMA "'rope_scaling': 'linear'}", NULL, DATA, "rope_scaling is the string \"linear\""},
    {"{" LLAMA "'rope_scaling': {'type': 'frob'}}", NULL, DATA,
     "rope_scaling.type is the string \"frob\", expected one of default, linear, dynamic, yarn"},
    {"{" LLAMA "'rope_scaling': {'rope_type': 7}}", NULL, DATA, "rope_scaling.rope_type is 7"},
    {"{" LLAMA "'rope_scaling': {'type': 'linear'}}", NULL, DATA, "rope_scaling has no factor"},
    {"{" LLAMA "'rope_scaling': {'type': 'linear', 'factor': 0}}", NULL, DATA, "rope_scaling.factor is 0"},
    {"{" LLAMA "'rope_scaling': {'type': 'linear', 'factor': '2'}}", NULL, DATA,
     "rope_scaling.factor is the string \"2\""},
    {"{'head_dim': 8, 'rope_scaling': {'type': 'dynamic', 'factor': 2}}", NULL, DATA,
     "dynamic needs max_position_embeddings, and the file has none"},
    {"{" TINY "'rope_scaling': {'type': 'dynamic', 'alpha': -2}}", NULL, DATA, "rope_scaling.alpha is -2"},
    {"{'head_dim': 8, 'rope_scaling': {'type': 'yarn', 'factor': 2}}", NULL, DATA,
     "no original_max_position_embeddings"},
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 2, 'beta_fast': 1, 'beta_slow': 32}}", NULL, DATA,
     "rope_scaling.beta_fast is 1, expected at least beta_slow, 32"},
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 2, 'truncate': 'no'}}", NULL, DATA,
     "rope_scaling.truncate is the string \"no\", expected true or false"},
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'factor': 2, 'attention_factor': -1}}", NULL, DATA,
     "rope_scaling.attention_factor is -1"},
    {"{" TINY "'rope_scaling': {'type': 'yarn', 'original_max_position_embeddings': 800}}", NULL, DATA,
     "max_position_embeddings is 400, expected at least original_max_position_embeddings, 800"},
    {"{" TINY "'rope_scaling': {'type': 'longrope', 'factor': 2, " SHORT "}}", NULL, DATA,
     "no rope_scaling.long_factor"},
    {"{" TINY "'rope_scaling': {'type': 'longrope', 'factor': 2, " SHORT ", 'long_factor': [1, 2, 3]}}", NULL,
     DATA, "rope_scaling.long_factor is a list of 3, expected a list of 4 numbers"},
    {"{" TINY "'rope_scaling': {'type': 'longrope', 'factor': 2, " SHORT ", 'long_factor': [1, 2, '3', 4]}}",
     NULL, DATA, "rope_scaling.long_factor[2] is the string \"3\""},
    {"{" TINY "'rope_scaling': {'type': 'longrope', 'factor': 2, " SHORT ", 'long_factor': [1, 2, NaN, 4]}}",
     NULL, DATA, "rope_scaling.long_factor[2] is NaN"},
    {"{" TINY "'rope_scaling': {'type': 'llama3', 'factor': 2, 'low_freq_factor': 4}}", NULL, DATA,
     "rope_scaling has no high_freq_factor"},
    {"{" TINY "'rope_scaling': {'type': 'llama3', 'factor': 2, 'low_freq_factor': 4, 'high_freq_factor': 1}}",
     NULL, DATA, "rope_scaling.high_freq_factor is 1, expected at least low_freq_factor, 4"},
    {"{" TINY "'rope_parameters': {'rope_type': 'proportional', 'partial_rotary_factor': 2}}", NULL, DATA,
     "rope_parameters.partial_rotary_factor is 2"},
    {"{'model_type': 'falcon', 'hidden_size': 4544, 'num_attention_heads': 71, 'alibi': true}", NULL, DATA,
     "this model does not rotate: alibi is true"},
    {"{'model_type': 'granitemoehybrid', 'head_dim': 64, 'position_embedding_type': 'nope'}", NULL, DATA,
     "position_embedding_type is the string \"nope\""},
    {"{'model_type': 'x', 'qk_rope_head_dim': 0}", NULL, DATA, "qk_rope_head_dim is 0"},
    {"{'head_dim': 64}", NULL, DATA, "model_type is absent"},
    {"{'model_type': 7, 'head_dim': 64}", NULL, DATA, "model_type is 7, expected a string"},
    /* layer types */
    {"{'model_type': 'deepseek_v4'}", NULL, USAGE, "choose main or compress"},
    {"{'model_type': 'deepseek_v4'}", "full_attention", USAGE, "no layer type full_attention; choose"},
    {"{" LLAMA "'rope_theta': 1e4}", "sliding_attention", USAGE, "no layer type sliding_attention"},
    {"{" LLAMA "'rope_theta': 1e4}", "a\nb", USAGE, "no layer type a?b"},
    {"{" TINY "'rope_parameters': {'main': {}, 'compress': {}}}", NULL, USAGE, "choose one of "},
    {"{" TINY "'rope_parameters': {'main': {}, 'compress': {}}}", "other", USAGE, "no layer type other"},
    {"{" TINY "'rope_parameters': {'main': {}, 'other': null}}", "other", USAGE,
     "rope_parameters.other is null: layers of this type do not rotate"},
    {"{'model_type': 'cohere2', 'head_dim': 8, 'sliding_window': 4096}", "full_attention", USAGE,
     "full_attention do not rotate"},
};

static void wrong_values_are_named(void **state) {
    for (size_t i = 0; i < COUNT(wrong_cases); i++) {
        const wrong_case *wanted = &wrong_cases[i];
        ropemap_model *model = NULL;
        ropemap_error error = {0};
        const ropemap_status status = parse(wanted->text, wanted->layer, &model, &error);
        if (status != wanted->status || model != NULL || strstr(error.text, wanted->words) == NULL ||
            strncmp(error.text, "a/config.json: ", 15) != 0 || strchr(error.text, '\n') != NULL) {
            fail_msg("%s: status %d, \"%s\"", wanted->text, (int)status, error.text);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_values_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
