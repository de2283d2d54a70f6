/* test_config_family.c - config.json and params.json of many families: rules, refusals, layers, options */
/* SPDX-License-Identifier: MIT */
#include "tests/config_case.h"

#include <math.h>

/* ---- rules, with the frequency of the last pair */

typedef struct family_case {
    const char *text, *layer;
    double length; /* tokens; 0: the file's */
    double base;
    int32_t head_dim, rotary_dim;
    bool interleaved;
    double last;      /* rad/token of the last pair, to 6 digits */
    double attention; /* the attention factor */
} family_case;

#define TRTLLM                                                                                               \
    "'architecture': 'LlamaForCausalLM', 'max_position_embeddings': 131072, 'hidden_size': 4096, "           \
    "'num_attention_heads': 32, 'head_size': 128, 'position_embedding_type': 'rope_gpt_neox', "              \
    "'rotary_base': 500000.0, 'rotary_scaling': {'factor': 8.0, 'low_freq_factor': 1.0, "                    \
    "'high_freq_factor': 4.0, 'original_max_position_embeddings': 8192, 'rope_type': 'llama3'}"
#define MISTRAL                                                                                              \
    "'dim': 3072, 'n_layers': 26, 'head_dim': 128, 'hidden_dim': 9216, 'n_heads': 32, 'n_kv_heads': 8, "     \
    "'rope_theta': 1e6, 'max_position_embeddings': 262144"
#define NOMIC                                                                                                \
    "'model_type': 'nomic_bert', 'n_embd': 768, 'n_head': 12, 'n_positions': 8192, "                         \
    "'max_trained_positions': 2048, 'rotary_emb_base': 1000, 'rotary_emb_fraction': 1.0, "                   \
    "'rotary_emb_interleaved': false"
#define STEP                                                                                                 \
    "'model_type': 'step3p5', 'num_hidden_layers': 4, 'head_dim': 128, 'rope_theta': [5e6, 1e4, 1e4, 5e6], " \
    "'partial_rotary_factors': [0.5, 1.0, 1.0, 0.5], 'layer_types': ['full_attention', "                     \
    "'sliding_attention', 'sliding_attention', 'full_attention'], 'use_rope_layers': [], "                   \
    "'yarn_only_types': ['full_attention'], 'rope_scaling': {'rope_type': 'llama3', 'factor': 2.0, "         \
    "'original_max_position_embeddings': 131072, 'low_freq_factor': 1.0, 'high_freq_factor': 32.0}"
#define GRANITE "'model_type': 'granitemoehybrid', 'hidden_size': 1536, 'num_attention_heads': 12"
#define OLMO    "'model_type': 'olmo_hybrid', 'hidden_size': 3840, 'num_attention_heads': 30"

/* base^(-2i/D), divided where the rule divides the last pair whole; YaRN's factor 1 + ln(s) / 10. */
static const family_case family_cases[] = {
    /* what transformers' classes do not read: a share next to their own name of it, head_dim, a share of
     * layers whose rule has none */
    {"{'model_type': 'gpt_neox_japanese', 'partial_rotary_factor': 0.5}", NULL, 0, 1e4, 80, 80, false,
     1.258925e-04, 1.0},
    {"{'model_type': 'unlimited_ocr_text', 'hidden_size': 1536, 'num_attention_heads': 16, 'head_dim': 256, "
     "'rope_theta': 5e5}",
     NULL, 0, 5e5, 96, 96, false, 2.628806e-06, 1.0},
    {"{'model_type': 'lfm3', 'rope_theta': 1e4, 'partial_rotary_factor': 0.75}", "sliding_attention", 0, 1e4,
     128, 128, false, 1.154782e-4, 1.0},
    /* params.json of Mistral and of Meta */
    {"{" MISTRAL ", 'llama_4_scaling': {'beta': 0.1}, 'yarn': {'original_max_position_embeddings': 16384, "
     "'factor': 16, 'apply_scale': false, 'beta': 32, 'alpha': 1}}",
     NULL, 0, 1e6, 128, 128, true, 7.75586e-8, 1.0},
    {"{" MISTRAL ", 'yarn': {'original_max_position_embeddings': 16384, 'factor': 16}}", NULL, 0, 1e6, 128,
     128, true, 7.75586e-8, 1.2772588722},
    {"{'dim': 4096, 'multiple_of': 256, 'n_heads': 32, 'n_layers': 32, 'norm_eps': 1e-5, 'vocab_size': -1}",
     NULL, 0, 1e4, 128, 128, true, 1.154782e-4, 1.0},
    {"{'dim': 4096, 'n_heads': 32, 'n_kv_heads': 8, 'n_layers': 32, 'rope_theta': 5e5, 'use_scaled_rope': "
     "true}",
     NULL, 0, 5e5, 128, 128, true, 3.06893e-7, 1.0},
    {"{'dim': 5120, 'n_heads': 40, 'n_layers': 48, 'rope_theta': 5e5, 'use_scaled_rope': true, "
     "'rope_scaling_factor': 16.0, 'rope_high_freq_factor': 1.0, 'nope_layer_interval': 4}",
     NULL, 0, 5e5, 128, 128, true, 1.534463e-7, 1.0},
    /* TensorRT-LLM: a checkpoint, an engine, GPT-J's pairs */
    {"{" TRTLLM "}", NULL, 0, 5e5, 128, 128, false, 3.06893e-7, 1.0},
    {"{'version': '0.10.0', 'pretrained_config': {" TRTLLM "}, 'build_config': {'max_input_len': 9}}", NULL,
     0, 5e5, 128, 128, false, 3.06893e-7, 1.0},
    {"{'architecture': 'GPTJForCausalLM', 'hidden_size': 4096, 'num_attention_heads': 16, 'rotary_dim': 64, "
     "'position_embedding_type': 'rope_gptj'}",
     NULL, 0, 1e4, 256, 64, true, 1.333521e-4, 1.0},
    {"{'architecture': 'Phi3ForCausalLM', 'head_size': 8, 'position_embedding_type': 'long_rope', "
     "'rotary_base': 1e4, "
     "'max_position_embeddings': 400, 'original_max_position_embeddings': 100, "
     "'longrope_scaling_short_factors': [1, 1, "
     "1, 1], 'longrope_scaling_long_factors': [1, 2, 3, 4]}",
     NULL, 0, 1e4, 8, 8, false, 2.5e-4, 1.1406270186},
    /* dynamic NTK over the length that a model was trained for */
    {"{" NOMIC ", 'rotary_scaling_factor': 2}", NULL, 8192, 1e3, 64, 64, false, 1.77277e-4, 1.0},
    {"{" NOMIC ", 'rotary_scaling_factor': 2}", NULL, 2048, 1e3, 64, 64, false, 1.240938e-3, 1.0},
    {"{" NOMIC ", 'rotary_scaling_factor': null}", NULL, 8192, 1e3, 64, 64, false, 1.240938e-3, 1.0},
    /* a part that leaves its sizes to its class */
    {"{'model_type': 'llava', 'text_config': {'max_position_embeddings': 4096, 'model_type': 'llama'}}", NULL,
     0, 1e4, 128, 128, false, 1.154782e-4, 1.0},
    {"{'model_type': 'llava', 'text_config': {'max_position_embeddings': 4096}}", NULL, 0, 1e4, 128, 128,
     false, 1.154782e-4, 1.0},
    {"{'model_type': 'llava_next', 'text_config': {'model_type': 'mistral', 'num_key_value_heads': 8, "
     "'rope_theta': "
     "1e6}, 'vision_config': {'hidden_size': 1024, 'rope_theta': 100}}",
     NULL, 0, 1e6, 128, 128, false, 1.240938e-6, 1.0},
    {"{'model_type': 'idefics2', 'text_config': {'model_type': 'mistral'}, 'vision_config': {'hidden_size': "
     "1024}}",
     NULL, 0, 1e4, 128, 128, false, 1.154782e-4, 1.0},
    {"{'model_type': 'qwen2_audio', 'text_config': {'model_type': 'qwen2', 'rope_theta': 10000}}", NULL, 0,
     1e4, 128, 128, false, 1.154782e-4, 1.0},
    {"{'model_type': 'paligemma', 'text_config': {'hidden_size': 2048, 'num_attention_heads': 8}}", NULL, 0,
     1e4, 256, 256, false, 1.074608e-4, 1.0},
    {"{'model_type': 'made-up', 'decoder': {'model_type': 'llama'}, 'encoder': {'hidden_size': 3}}", NULL, 0,
     1e4, 128, 128, false, 1.154782e-4, 1.0},
    /* no key of RoPE's at all */
    {"{'model_type': 'baichuan', 'hidden_size': 4096, 'num_attention_heads': 32}", NULL, 0, 1e4, 128, 128,
     false, 1.154782e-4, 1.0},
    {"{" GRANITE ", 'rope_theta': 10000, 'position_embedding_type': 'rope'}", NULL, 0, 1e4, 128, 128, false,
     1.154782e-4, 1.0},
    {"{" OLMO ", 'rope_parameters': {'rope_theta': 5e5, 'rope_type': 'default'}}", NULL, 0, 5e5, 128, 128,
     false, 2.455141e-6, 1.0},
    {"{'model_type': 'esm', 'hidden_size': 1280, 'num_attention_heads': 20, 'position_embedding_type': "
     "'rotary'}",
     NULL, 0, 1e4, 64, 64, false, 1.333521e-4, 1.0},
    /* DeepSeek's own file, Phi-3-small's names */
    {"{'dim': 7168, 'n_layers': 61, 'n_heads': 128, 'qk_nope_head_dim': 128, 'qk_rope_head_dim': 64}", NULL,
     0, 1e4, 64, 64, true, 3.333804e-6, 1.0},
    {"{'dim': 7168, 'n_layers': 61, 'n_heads': 128, 'qk_rope_head_dim': 64, 'rope_factor': 8, "
     "'original_seq_len': 2048}",
     NULL, 0, 1e4, 64, 64, true, 1.666902e-5, 1.0},
    {"{'model_type': 'phi3small', 'hidden_size': 4096, 'num_attention_heads': 32, 'rope_embedding_base': "
     "1000000, "
     "'rope_position_scale': 1.0}",
     NULL, 0, 1e6, 128, 128, false, 1.240938e-6, 1.0},
    {"{'model_type': 'phi3small', 'hidden_size': 4096, 'num_attention_heads': 32, 'rope_embedding_base': "
     "1000000, "
     "'rope_position_scale': 2.0}",
     NULL, 0, 1e6, 128, 128, false, 6.204689e-7, 1.0},
    {"{'model_type': 'step3p7', 'text_config': {'model_type': 'step3p7'}}", NULL, 0, 1e4, 128, 128, false,
     1.154782e-4, 1.0},
    {"{'model_type': 'deepseek_ref', 'rope_theta': 1e4, 'compress_rope_theta': 160000, "
     "'max_position_embeddings': "
     "1048576, 'rope_scaling': {'type': 'yarn', 'factor': 16, 'original_max_position_embeddings': 65536}}",
     "main", 0, 1e4, 64, 64, true, 1.333521e-4, 1.0},
    /* rules of a class */
    {"{'model_type': 'gpt_oss', 'rope_theta': 150000}", NULL, 0, 15e4, 64, 64, false, 3.023535e-7,
     1.3465735903},
    {"{'model_type': 'ministral3', 'rope_theta': 1e6}", NULL, 0, 1e6, 128, 128, false, 7.75586e-8, 1.0},
    {"{'model_type': 'apertus', 'rope_theta': 12000000}", NULL, 0, 12e6, 128, 128, false, 1.343781e-8, 1.0},
    {"{'model_type': 'gemma4_text'}", NULL, 0, 1e6, 512, 512, false, 0.0, 1.0},
    {"{'model_type': 'gemma4_text'}", "sliding_attention", 0, 1e4, 256, 256, false, 1.074608e-4, 1.0},
    /* attn_config */
    {"{'model_type': 'mpt', 'd_model': 4096, 'n_heads': 32, 'max_seq_len': 2048, 'attn_config': {'rope': "
     "true, "
     "'rope_theta': 10000, 'rope_impl': 'hf', 'rope_hf_config': {'type': 'linear', 'factor': 2.0}}}",
     NULL, 0, 1e4, 128, 128, false, 5.77391e-5, 1.0},
    {"{'model_type': 'mpt', 'd_model': 4096, 'n_heads': 32, 'attn_config': {'rope': true, 'rope_theta': "
     "500000, "
     "'rope_impl': 'dail', 'rope_dail_config': {'type': 'original'}}}",
     NULL, 0, 5e5, 128, 128, false, 2.455141e-6, 1.0},
    /* numbers of each layer */
    {"{" STEP "}", NULL, 0, 5e6, 128, 64, false, 1.619358e-7, 1.0},
    {"{" STEP "}", "3", 0, 5e6, 128, 64, false, 1.619358e-7, 1.0},
    {"{" STEP "}", "2", 0, 1e4, 128, 128, false, 1.154782e-4, 1.0},
    {"{" STEP "}", "sliding_attention", 0, 1e4, 128, 128, false, 1.154782e-4, 1.0},
    {"{'model_type': 'granite_swa', 'num_hidden_layers': 3, 'head_dim': 128, 'rope_theta': 1e4, "
     "'layer_rope_theta': "
     "[0, 1e6, 0]}",
     NULL, 0, 1e6, 128, 128, false, 1.240938e-6, 1.0},
    {"{'model_type': 'gemma3_text', 'num_hidden_layers': 26, 'rope_theta': 1e6, 'rope_local_base_freq': 1e4}",
     "4", 0, 1e4, 256, 256, false, 1.074608e-4, 1.0},
    {"{'model_type': 'gemma3_text', 'num_hidden_layers': 26, 'rope_theta': 1e6, 'rope_local_base_freq': 1e4}",
     "5", 0, 1e6, 256, 256, false, 1.113974e-6, 1.0},
    {"{'model_type': 'deepseek_v4', 'num_hidden_layers': 3, 'compress_ratios': [0, 4, 128], 'rope_theta': "
     "1e4, "
     "'compress_rope_theta': 160000}",
     "0", 0, 1e4, 64, 64, true, 1.333521e-4, 1.0},
    {"{'model_type': 'deepseek_v4', 'num_hidden_layers': 3, 'compress_ratios': [0, 4, 128], 'rope_theta': "
     "1e4, "
     "'compress_rope_theta': 160000}",
     "2", 0, 160000, 64, 64, true, 9.0889e-6, 1.0},
    {"{'model_type': 'minimax', 'num_hidden_layers': 3, 'head_dim': 128, 'attn_type_list': [0, 0, 1]}", "2",
     0, 1e6, 128, 128, false, 1.240938e-6, 1.0},
    /* other names */
    {"{'model_type': 'made-up', 'rotary_base': 20000, 'd_head': 64, 'rotary_percent': 0.5}", NULL, 0, 2e4, 64,
     32, false, 9.285053e-5, 1.0},
    {"{" LLAMA "'rope_scaling_type': 'linear', 'rope_scaling_factor': 4.0}", NULL, 0, 1e4, 128, 128, false,
     1.154782e-4 / 4, 1.0},
};

static void families_are_read(void **state) {
    for (size_t i = 0; i < COUNT(family_cases); i++) {
        const family_case *wanted = &family_cases[i];
        ropemap_model *model = parsed(wanted->text, wanted->layer);
        ropemap_spec spec = *ropemap_model_spec(model);
        static ropemap_freqs freqs;
        static double radians[ROPEMAP_MAX_PAIRS];
        ropemap_error error = {0};
        spec.length = wanted->length > 0.0 ? wanted->length : (double)ropemap_model_trained_length(model);
        if (ropemap_freqs_make(&spec, &freqs, &error) != ROPEMAP_OK ||
            ropemap_spec_radians(&spec, radians, &error) != ROPEMAP_OK) {
            fail_msg("%s: %s", wanted->text, error.text);
        }
        const double last = radians[freqs.pairs - 1];
        if (spec.base != wanted->base || spec.head_dim != wanted->head_dim ||
            spec.rotary_dim != wanted->rotary_dim ||
            (spec.layout == ROPEMAP_LAYOUT_INTERLEAVED) != wanted->interleaved ||
            fabs(last - wanted->last) > 1e-4 * wanted->last ||
            fabs((double)freqs.attention_factor - wanted->attention) > 1e-6) {
            fail_msg("%s: base %g dims %d %d layout %d last %.7g attention %.9g", wanted->text, spec.base,
                     (int)spec.head_dim, (int)spec.rotary_dim, (int)spec.layout, last,
                     (double)freqs.attention_factor);
        }
        ropemap_model_free(model);
    }
}

/* ---- models and layers that do not rotate */

typedef struct refused_case {
    const char *text, *layer;
    ropemap_status status;
    const char *words;
} refused_case;

#define PLAIN ROPEMAP_DATA, "this model does not rotate: "
#define SMOL  "'model_type': 'smollm3', 'num_hidden_layers': 8, 'hidden_size': 2048, 'num_attention_heads': 16"

static const refused_case refused_cases[] = {
    /* a left-over rope_theta */
    {"{'model_type': 'nemotron_h', 'head_dim': 128, 'hybrid_override_pattern': 'MEM*', 'rope_theta': 10000, "
     "'partial_rotary_factor': 1.0}",
     NULL, PLAIN "model_type is \"nemotron_h\", which has attention without positions"},
    {"{'model_type': 'jamba', 'hidden_size': 4096, 'num_attention_heads': 32, 'rope_theta': 1e4}", NULL,
     PLAIN "model_type is \"jamba\""},
    {"{'model_type': 'bloom', 'n_head': 16, 'hidden_size': 1024}", NULL,
     PLAIN "model_type is \"bloom\", which adds ALiBi"},
    {"{'model_type': 't5', 'd_model': 512, 'num_heads': 8, 'd_kv': 64}", NULL,
     PLAIN "model_type is \"t5\", which biases scores by relative positions"},
    {"{'model_type': 'bert', 'hidden_size': 768, 'num_attention_heads': 12}", NULL,
     PLAIN "model_type is \"bert\", which adds positions to embeddings"},
    {"{'model_type': 'mamba', 'hidden_size': 768}", NULL,
     PLAIN "model_type is \"mamba\", which has no attention"},
    {"{'model_type': 'kimi_linear', 'qk_rope_head_dim': 64, 'rope_theta': 1e4}", NULL,
     PLAIN "model_type is \"kimi_linear\""},
    {"{'model_type': 'blip-2', 'text_config': {'hidden_size': 2560}}", NULL,
     PLAIN "model_type is \"blip-2\""},
    {"{'model_type': 'mpt', 'd_model': 4096, 'n_heads': 32, 'attn_config': {'alibi': true}}", NULL,
     PLAIN "attn_config.alibi is true"},
    {"{'model_type': 'mpt', 'd_model': 4096, 'n_heads': 32}", NULL, PLAIN "attn_config.rope is absent"},
    {"{'model_type': 'baichuan', 'hidden_size': 5120, 'num_attention_heads': 40}", NULL,
     PLAIN "model_type is \"baichuan\" and hidden_size is 5120"},
    /* switched off by a key, or by its absence */
    {"{" GRANITE ", 'rope_theta': 10000}", NULL, PLAIN "position_embedding_type is absent"},
    {"{" GRANITE ", 'rope_theta': 10000, 'position_embedding_type': null}", NULL,
     PLAIN "position_embedding_type is null"},
    {"{" GRANITE ", 'rope_theta': 10000, 'position_embedding_type': 'nope'}", NULL,
     PLAIN "position_embedding_type is the string \"nope\""},
    {"{" OLMO ", 'rope_parameters': null}", NULL, PLAIN "rope_parameters is null"},
    {"{" OLMO ", 'rope_parameters': {'rope_theta': null, 'rope_type': 'default'}}", NULL,
     PLAIN "rope_parameters.rope_theta is null"},
    {"{'model_type': 'esm', 'hidden_size': 1280, 'num_attention_heads': 20}", NULL,
     PLAIN "position_embedding_type is absent"},
    {"{'model_type': 'zamba2', 'hidden_size': 2560}", NULL, PLAIN "use_mem_rope is absent"},
    {"{" LLAMA "'rope_theta': 1e4, 'rope': false}", NULL, PLAIN "rope is false"},
    {"{" LLAMA "'rope_theta': 1e4, 'use_rope': false}", NULL, PLAIN "use_rope is false"},
    {"{" LLAMA "'rope_theta': 1e4, 'use_nope': true}", NULL, PLAIN "use_nope is true"},
    {"{'model_type': 'deepseek_v3', 'mla_use_nope': true}", NULL, PLAIN "mla_use_nope is true"},
    {"{" LLAMA "'rope_theta': 1e4, 'position_embedding_type': 'alibi'}", NULL,
     PLAIN "position_embedding_type is"},
    {"{'architecture': 'BloomForCausalLM', 'hidden_size': 64, 'position_embedding_type': 'alibi'}", NULL,
     PLAIN "position_embedding_type is"},
    {"{'architecture': 'GPTForCausalLM', 'rotary_base': 1e4, 'position_embedding_type': 'learned_absolute'}",
     NULL, PLAIN "position_embedding_type is"},
    /* every layer */
    {"{" SMOL ", 'no_rope_layers': [0, 0, 0]}", NULL, PLAIN "none of its 3 layers does, by no_rope_layers"},
    {"{" LLAMA "'rope_theta': 1e4, 'layer_types': ['linear_attention', 'linear_attention']}", NULL,
     PLAIN "none of its 2 layers does, by layer_types"},
    /* some layers */
    {"{" SMOL "}", "3", ROPEMAP_USAGE, "layer 3 does not rotate: default of model_type smollm3"},
    {"{" SMOL ", 'no_rope_layers': [1, 0, 1]}", "1", ROPEMAP_USAGE,
     "layer 1 does not rotate: no_rope_layers"},
    {"{" SMOL "}", "8", ROPEMAP_USAGE, "no layer 8: the model has layers 0 to 7"},
    {"{" LLAMA "'rope_theta': 1e4}", "0", ROPEMAP_USAGE,
     "layer 0: the file does not give the number of layers"},
    {"{'model_type': 'cohere2', 'head_dim': 128, 'num_hidden_layers': 8}", "7", ROPEMAP_USAGE,
     "layer 7 (full_attention) does not rotate"},
    {"{'model_type': 'qwen3_next', 'num_hidden_layers': 8}", "linear_attention", ROPEMAP_USAGE,
     "layers of type linear_attention do not rotate"},
    {"{'model_type': 'minimax', 'num_hidden_layers': 3, 'head_dim': 128, 'attn_type_list': [0, 0, 1]}", "1",
     ROPEMAP_USAGE, "layer 1 (linear_attention) does not rotate: attn_type_list"},
    {"{'model_type': 'deepseek_v4', 'num_hidden_layers': 3, 'rope_theta': 1e4, 'compress_rope_theta': "
     "160000}",
     "2", ROPEMAP_USAGE, "choose main or compress"},
    {"{'model_type': 'bamba', 'num_hidden_layers': 8, 'attn_layer_indices': [2, 5]}", "3", ROPEMAP_USAGE,
     "layer 3 (mamba) does not rotate: attn_layer_indices"},
    {"{'model_type': 'lfm2', 'num_hidden_layers': 4, 'full_attn_idxs': [2]}", "0", ROPEMAP_USAGE,
     "layer 0 (conv) does not rotate: full_attn_idxs"},
    {"{'model_type': 'granite_swa', 'num_hidden_layers': 3, 'rope_theta': 1e4, 'layer_rope_theta': [0, 1e6, "
     "0]}",
     "2", ROPEMAP_USAGE, "layer 2 does not rotate: layer_rope_theta"},
    {"{'model_type': 'llama4_text', 'rope_theta': 5e5}", "full_attention", ROPEMAP_USAGE,
     "layers of type full_attention do not rotate"},
    {"{'model_type': 'llama4_text', 'rope_theta': 5e5, 'num_hidden_layers': 48}", "full_attention",
     ROPEMAP_USAGE, "layers of type full_attention do not rotate"},
    {"{'model_type': 'kimi_k3', 'text_config': {'model_type': 'kimi_linear', 'mla_use_nope': true, "
     "'rope_theta': 1e4}}",
     NULL, PLAIN "text_config.mla_use_nope is true"},
    {"{'model_type': 'beam', 'num_hidden_layers': 3, 'layer_types': ['sliding_attention', 'full_attention'], "
     "'rope_parameters': {'sliding_attention': {}, 'full_attention': null}}",
     "1", ROPEMAP_USAGE, "layer 1 (full_attention) does not rotate"},
    /* no sign either way */
    {"{'model_type': 'mystery', 'hidden_size': 64, 'num_attention_heads': 2}", NULL, ROPEMAP_DATA,
     "cannot tell whether this model rotates"},
    {"{'model_type': 'mistral3'}", NULL, ROPEMAP_DATA, "cannot tell whether this model rotates"},
};

static void what_does_not_rotate_is_refused(void **state) {
    for (size_t i = 0; i < COUNT(refused_cases); i++) {
        const refused_case *wanted = &refused_cases[i];
        ropemap_model *model = NULL;
        ropemap_error error = {0};
        const ropemap_status status = parse(wanted->text, wanted->layer, &model, &error);
        if (status != wanted->status || model != NULL || strstr(error.text, wanted->words) == NULL) {
            fail_msg("%s: status %d, \"%s\"", wanted->text, (int)status, error.text);
        }
    }
}

/* ---- messages */

static bool warns(const ropemap_model *model, const char *words) {
    const char *warning;
    for (int32_t k = 0; (warning = ropemap_model_warning(model, k)) != NULL; k++) {
        if (strstr(warning, words) != NULL) {
            return true;
        }
    }
    return false;
}

static bool holds_fact(const ropemap_model *model, const char *name, const char *value, const char *source) {
    const ropemap_fact *fact;
    for (int32_t i = 0; (fact = ropemap_model_fact(model, i)) != NULL; i++) {
        if (strcmp(fact->name, name) == 0 && strcmp(fact->value, value) == 0 &&
            strstr(fact->source, source) != NULL) {
            return true;
        }
    }
    return false;
}

static void unused_keys_are_named(void **state) {
    static const char *const cases[][2] = {
        {"{" LLAMA "'my_rope_thing': 3}", ": my_rope_thing"},
        {"{" LLAMA "'rope_theta': 1e4, 'attention': {'yarn_factor': 4}}", ": attention.yarn_factor"},
        {"{" LLAMA "'rope_theta': 1e4, 'rotary_emb_base': 2e4}", ": rotary_emb_base"},
        {"{" LLAMA "'rope_theta': 1e4, 'dual_chunk_attention_config': {'chunk_size': 5}}",
         ": dual_chunk_attention_config"},
        {"{" LLAMA "'rope_theta': 1e4, 'use_dynamic_NTK_scaling': true}", ": use_dynamic_NTK_scaling"},
        {"{" LLAMA "'rope_theta': 1e4, 'indexer_rope_interleave': true}", ": indexer_rope_interleave"},
        {"{'text_config': {" LLAMA "'rope_theta': 1e4}, 'nope_layers': [1]}", ": nope_layers"},
        {"{'text_config': {" LLAMA "'rope_theta': 1e4, 'rope_x': 1}}", ": text_config.rope_x"},
    };
    static const char *const quiet[] = {
        "{" LLAMA "'rope_theta': 1e4, 'rotary_emb_base': 1e4}",
        "{" LLAMA "'rope_theta': 1e4, 'property': 1, 'label2id': {'rope': 1}, 'rope_scaling': null}",
        "{'model_type': 'deepseek_v3', 'qk_rope_head_dim': 64, 'qk_nope_head_dim': 128, 'rope_theta': 1e4}",
        "{'text_config': {" LLAMA "'rope_theta': 1e4}, 'vision_config': {'rope_theta': 100}}",
        "{" LLAMA "'rope_theta': 1e4, 'use_mrope': false, 'use_dynamic_ntk': false}",
        "{" LLAMA
        "'partial_rotary_factor': 0.5, 'rope_parameters': {'rope_theta': 1e4, 'partial_rotary_factor': 0.5}}",
        ("{'model_type': 'mimo_v2_flash', 'rope_theta': 5000000, 'swa_rope_theta': 10000, "
         "'partial_rotary_factor': 0.334}"),
        "{'model_type': 'chatglm', 'kv_channels': 128, 'original_rope': true}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ropemap_model *model = parsed(cases[i][0], NULL);
        if (!warns(model, "not used, so the rule may differ") || !warns(model, cases[i][1])) {
            fail_msg("%s: no warning of %s", cases[i][0], cases[i][1]);
        }
        ropemap_model_free(model);
    }
    for (size_t i = 0; i < COUNT(quiet); i++) {
        ropemap_model *model = parsed(quiet[i], NULL);
        if (warns(model, "not used")) {
            fail_msg("%s: a warning", quiet[i]);
        }
        ropemap_model_free(model);
    }
}

static void layers_are_listed(void **state) {
    ropemap_model *model = parsed("{" SMOL "}", NULL);
    assert_true(holds_fact(model, "layers", "0-2, 4-6 (6 of 8)", "default of model_type smollm3: rotate"));
    assert_true(holds_fact(model, "layers", "3, 7 (2 of 8)", "do not rotate"));
    assert_true(warns(model, "2 of 8 layers do not rotate"));
    ropemap_model_free(model);
    model = parsed(
        "{" OLMO ", 'layer_types': ['linear_attention', 'full_attention'], 'rope_parameters': {'rope_theta': "
        "5e5}}",
        NULL);
    assert_true(
        holds_fact(model, "layers linear_attention", "0 (1 of 2)", "layer_types: no scores to rotate"));
    assert_true(holds_fact(model, "layers full_attention", "1 (1 of 2)", "layer_types: rotate"));
    ropemap_model_free(model);
    model =
        parsed("{'model_type': 'exaone4', 'head_dim': 128, 'sliding_window': 4096, 'num_hidden_layers': 5, "
               "'sliding_window_pattern': 'LLG'}",
               NULL);
    assert_true(
        holds_fact(model, "layers full_attention", "2 (1 of 5)", "sliding_window_pattern: do not rotate"));
    ropemap_model_free(model);
    model = parsed("{" LLAMA "'num_hidden_layers': 32, 'rope_theta': 1e4}", "31");
    assert_null(ropemap_model_warning(model, 0));
    ropemap_model_free(model);
}

static void class_defaults_are_said(void **state) {
    ropemap_model *model = parsed("{'model_type': 'llava', 'text_config': {'model_type': 'llama'}}", NULL);
    assert_true(holds_fact(model, "head_dim", "128", "default of model_type llama, 4096 / 32"));
    assert_true(holds_fact(model, "max position embeddings", "2048", "default of model_type llama"));
    ropemap_model_free(model);
    model = parsed("{'model_type': 'gpt_oss', 'rope_theta': 150000}", NULL);
    assert_true(holds_fact(model, "factor", "32", "default of model_type gpt_oss"));
    assert_true(holds_fact(model, "base", "150000", "config.json: rope_theta"));
    ropemap_model_free(model);
    model = parsed(
        "{'model_type': 'phi3', 'head_dim': 8, 'max_position_embeddings': 131072, 'rope_scaling': {'type': "
        "'longrope', 'short_factor': [1, 1, 1, 1], 'long_factor': [1, 2, 3, 4]}}",
        NULL);
    assert_true(holds_fact(model, "original length", "4096", "default of model_type phi3"));
    assert_true(ropemap_model_spec(model)->scaling.factor == 32.0);
    ropemap_model_free(model);
}

/* ---- options */

static void options_are_enough(void **state) {
    static const char *const texts[] = {
        "{'model_type': 'baichuan', 'hidden_size': 5120, 'num_attention_heads': 40}",
        "{'model_type': 'mystery'}",
        "{}",
        "{'model_type': 'bert'}",
        "{'model_type': 'llama', 'hidden_size': 4095, 'num_attention_heads': 32}",
        "{'model_type': 'llama', 'rope_theta': null}",
        "{'rope_theta': 'x', 'head_dim': 3}"};
    const ropemap_model_choice choice = {.base = 12345.0, .head_dim = 128, .rotary_dim = 64};
    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[200];
        ropemap_model *model = NULL;
        ropemap_error error = {0};
        (void)snprintf(text, sizeof text, "%s", texts[i]);
        for (char *c = text; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        if (ropemap_model_parse(text, strlen(text), "config.json", &choice, &model, &error) != ROPEMAP_OK) {
            fail_msg("%s: %s", texts[i], error.text);
        }
        assert_true(ropemap_model_spec(model)->base == 12345.0);
        assert_int_equal(ropemap_model_spec(model)->head_dim, 128);
        assert_int_equal(error.status, ROPEMAP_OK);
        if (i < 4) {
            assert_true(warns(model, "the options define the rule"));
        }
        ropemap_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_are_read),       cmocka_unit_test(what_does_not_rotate_is_refused),
        cmocka_unit_test(unused_keys_are_named),   cmocka_unit_test(layers_are_listed),
        cmocka_unit_test(class_defaults_are_said), cmocka_unit_test(options_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
