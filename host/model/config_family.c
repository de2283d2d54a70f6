/* config_family.c - what transformers' class of a model type does where the file is silent */
/* SPDX-License-Identifier: MIT */
#include "host/model/config.h"

#include <stdio.h>
#include <string.h>

/*
 * From the configuration and modeling files of transformers 5.24: default_theta, the defaults of sizes,
 * lengths, rope_parameters and partial_rotary_factor, and how apply_rotary_pos_emb pairs elements. Types
 * without a class there (baichuan, chatglm, deepseek, hunyuan, internlm, internlm2, kimi_k2, minicpm,
 * nemotron-nas, openelm, orion, phi-msft, phi3_v, phi3small, qwen, RefinedWeb, stablelm_epoch, xverse) are
 * those of their makers' modeling files.
 */

enum {
    PAIRS = RM_FAMILY_INTERLEAVED,
    SHARE = RM_FAMILY_SHARE,
    FULL_PLAIN = RM_FAMILY_FULL_PLAIN,
    FULL_SCALED = RM_FAMILY_FULL_SCALED,
    YARN_IS_LONG = RM_FAMILY_YARN_IS_LONG,
    NULL_PLAIN = RM_FAMILY_NULL_PLAIN,
    SOFTMAX = RM_FAMILY_SOFTMAX,
    SOME_PLAIN = RM_FAMILY_SOME_PLAIN,
    LOCAL_SCALED = RM_FAMILY_LOCAL_SCALED,
    COMPRESSED = RM_FAMILY_COMPRESSED,
    CHUNKED = RM_FAMILY_CHUNKED,
    BASE_NAMED = RM_FAMILY_BASE_NAMED,
    BASE_WINS = RM_FAMILY_BASE_WINS,
    DIVIDED = RM_FAMILY_DIVIDED,
};

/* Rules are JSON with ' for "; a rope_type of default is left out. */

#define BASES(sliding, full)                                                                                 \
    "{'sliding_attention': {'rope_theta': " sliding "}, 'full_attention': {'rope_theta': " full "}}"

#define LLAMA3(base, factor, low, high, original)                                                            \
    "{'rope_type': 'llama3', 'rope_theta': " base ", 'factor': " factor ", 'low_freq_factor': " low          \
    ", 'high_freq_factor': " high ", 'original_max_position_embeddings': " original "}"

static const char gemma4_rule[] =
    "{'sliding_attention': {'rope_theta': 1e4}, 'full_attention': {'rope_type': 'proportional', "
    "'partial_rotary_factor': 0.25, 'rope_theta': 1e6}}";

static const char dots3_rule[] =
    "{'indexed_attention': {'rope_theta': 8e7, 'partial_rotary_factor': 0.25}, 'sliding_attention': "
    "{'rope_theta': 5e4, 'partial_rotary_factor': 0.25}}";

static const char gpt_oss_rule[] =
    "{'rope_type': 'yarn', 'factor': 32.0, 'beta_fast': 32.0, 'beta_slow': 1.0, 'truncate': false, "
    "'original_max_position_embeddings': 4096, 'rope_theta': 15e4}";

static const char laguna_rule[] =
    "{'full_attention': {'rope_theta': 5e5, 'partial_rotary_factor': 0.5}, 'sliding_attention': "
    "{'rope_theta': 1e4, 'partial_rotary_factor': 1.0}}";

static const char lfm3_rule[] =
    "{'sliding_attention': {'rope_theta': 1e4}, 'full_attention': {'rope_type': 'proportional', "
    "'rope_theta': 1e6, 'partial_rotary_factor': 0.5}}";

static const char mimo_v2_rule[] =
    "{'full_attention': {'rope_theta': 5e6, 'partial_rotary_factor': 0.334}, 'sliding_attention': "
    "{'rope_theta': 1e4, 'partial_rotary_factor': 0.334}}";

static const char ministral3_rule[] =
    "{'rope_theta': 1e6, 'factor': 16.0, 'original_max_position_embeddings': 16384, 'beta_fast': 32.0, "
    "'beta_slow': 1.0, 'mscale_all_dim': 1.0, 'mscale': 1.0, 'llama_4_scaling_beta': 0.1, 'rope_type': "
    "'yarn'}";

static const char mistral4_rule[] =
    "{'rope_theta': 1e4, 'factor': 128.0, 'original_max_position_embeddings': 8192, 'beta_fast': 32.0, "
    "'beta_slow': 1.0, 'mscale_all_dim': 1.0, 'mscale': 1.0, 'llama_4_scaling_beta': 0.1, "
    "'partial_rotary_factor': 0.5, 'rope_type': 'yarn'}";

static const char mistral_large4_rule[] =
    "{'rope_type': 'yarn', 'rope_theta': 1e4, 'factor': 2048.0, 'original_max_position_embeddings': 512, "
    "'beta_fast': 32.0, 'beta_slow': 1.0, 'attention_factor': 1.0}";

static const char neomme_rule[] =
    "{'sliding_attention': {'rope_theta': 1e4, 'partial_rotary_factor': 1.0}, 'full_attention': "
    "{'rope_theta': 1e6, 'partial_rotary_factor': 0.25}}";

static const char zaya_rule[] =
    "{'hybrid': {'rope_theta': 5e6, 'partial_rotary_factor': 0.5}, 'hybrid_sliding': {'rope_theta': 1e4, "
    "'partial_rotary_factor': 0.5}}";

static const rm_family families[] = {
    {"RefinedWeb RefinedWebModel deepseek hunyuan internlm internlm2 minicpm nemotron-nas openelm orion "
     "phi-msft qwen xverse",
     .flags = SHARE},
    {"afmoe", .flags = FULL_PLAIN, .head_dim = 128, .period = 4, .size = {2048, 16, 16384}},
    {"apertus apertus1p5_text", .base = 12e6, .rule = LLAMA3("12e6", "8", "1", "4", "8192"),
     .size = {4096, 32, 65536}},
    {"arcee", .size = {2560, 32, 4096}},
    {"aria_text deepseek_ocr2_text granite granitemoe granitemoe_swa granitemoeshared hunyuan_v1_dense "
     "hunyuan_v1_moe hunyuan_vl_text hyperclovax idefics llama olmo olmo2",
     .size = {4096, 32, 2048}},
    {"axk1", .flags = PAIRS | SOFTMAX, .mla = 64, .size = {7168, 64, 32768}},
    {"axk2", .flags = PAIRS | SOFTMAX, .mla = 32, .size = {2048, 32, 131072}},
    {"baichuan", .flags = SHARE, .size = {4096, 32, 4096}},
    {"bailing_hybrid", .flags = PAIRS | SOFTMAX, .base = 6e6, .mla = 64, .size = {2560, 32, 262144}},
    {"bamba", .partial = 0.5, .size = {4096, 32, 262144}},
    {"beam", .head_dim = 128, .rule = "{'sliding_attention': {'rope_theta': 1e4}, 'full_attention': null}",
     .size = {5120, 48, 8192}},
    {"bitnet", .base = 5e5, .size = {2560, 20, 2048}},
    {"blt", .flags = PAIRS, .base = 5e5, .size = {0, 0, 4096}},
    {"blt_global_transformer", .flags = PAIRS, .base = 5e5, .size = {2048, 16, 4096}},
    {"blt_local_decoder blt_local_encoder", .flags = PAIRS, .base = 5e5, .size = {1024, 16, 24576}},
    {"blt_patcher", .flags = PAIRS, .size = {768, 12, 8192}},
    {"chameleon", .size = {4096, 32, 4096}},
    {"chatglm", .flags = PAIRS, .partial = 0.5},
    {"codegen gptj", .flags = PAIRS, .rotary_dim = 64, .size = {4096, 16, 2048}},
    {"cohere", .flags = PAIRS, .base = 5e5, .size = {8192, 64, 8192}},
    {"cohere2 cohere2_moe", .flags = PAIRS | FULL_PLAIN, .period = 4, .size = {8192, 64, 8192}},
    {"cohere_compass_text", .size = {8192, 64, 8192}},
    {"cosmos3_edge_text", .base = 1e8, .head_dim = 128,
     .rule = "{'rope_theta': 1e8, 'mrope_section': [24, 20, 20]}", .size = {2048, 16, 131072}},
    {"csm", .base = 5e5, .size = {2048, 32, 2048}},
    {"csm_depth_decoder_model", .base = 5e5, .size = {1024, 8, 33}},
    {"cwm", .base = 1e6, .head_dim = 128, .rule = LLAMA3("1e6", "16", "1", "4", "8192"),
     .size = {6144, 48, 131072}},
    {"dbrx", .size = {2048, 16, 2048}},
    {"deepseek_ocr2_encoder qwen2", .size = {4096, 32, 32768}},
    {"deepseek_ref", .flags = PAIRS | COMPRESSED, .local_base = 160000.0, .mla = 64,
     .size = {4096, 64, 1048576}},
    {"deepseek_v2", .flags = PAIRS | SOFTMAX, .mla = 64, .size = {4096, 32, 2048}},
    {"deepseek_v3", .flags = PAIRS | SOFTMAX, .mla = 64, .size = {7168, 128, 4096}},
    {"deepseek_v32", .flags = PAIRS | SOFTMAX, .mla = 64, .size = {7168, 128, 163840}},
    {"deepseek_v4", .flags = PAIRS | SHARE | COMPRESSED, .local_base = 160000.0, .mla = 64,
     .size = {4096, 64, 1048576}},
    {"dia_decoder", .head_dim = 128, .size = {2048, 16, 3072}},
    {"dia_encoder", .head_dim = 128, .size = {1024, 16, 1024}},
    {"diffllama", .size = {2048, 32, 2048}},
    {"diffusion_gemma_text", .flags = SHARE, .head_dim = 256, .full_head_dim = 512, .rule = gemma4_rule,
     .size = {2304, 8, 131072}},
    {"doge", .size = {1024, 8, 2048}},
    {"dory", .head_dim = 256, .rule = BASES("1e4", "1e7"), .size = {2560, 16, 8192}},
    {"dots1", .size = {4608, 32, 2048}},
    {"dots3_note_audio_encoder", .partial = 0.5, .size = {1280, 20, 6000}},
    {"dots3_note_text", .flags = PAIRS, .base = 8e7, .mla = 64, .rule = dots3_rule,
     .size = {5120, 0, 524288}},
    {"embedding_gemma2_text", .head_dim = 256, .full_head_dim = 512, .rule = BASES("1e4", "1e6"),
     .size = {512, 4, 262144}},
    {"emu3_text_model", .base = 1e6, .size = {4096, 32, 9216}},
    {"ernie4_5", .flags = PAIRS, .base = 5e5, .head_dim = 128, .size = {1024, 16, 131072}},
    {"ernie4_5_moe ernie4_5_moe_vl ernie4_5_vl_moe_text", .flags = PAIRS, .base = 5e5,
     .size = {2560, 20, 131072}},
    {"esm", .asks = "position_embedding_type", .size = {768, 12, 1026}},
    {"esmc", .size = {2560, 40, 2048}},
    {"eurobert gradium_phonon_tts", .size = {768, 12, 8192}},
    {"evolla", .base = 5e5, .size = {4096, 32, 8192}},
    {"exaone flex_olmo", .base = 5e5, .size = {4096, 32, 4096}},
    {"exaone4 exaone_moe", .flags = FULL_PLAIN, .period = 4, .size = {4096, 32, 2048}},
    {"falcon", .size = {4544, 71, 2048}},
    {"falcon_h1", .size = {4096, 32, 8192}},
    {"flint", .flags = FULL_PLAIN, .head_dim = 128, .size = {2048, 32, 262144}},
    {"gemma", .head_dim = 256, .size = {3072, 16, 8192}},
    {"gemma2 t5_gemma_module vaultgemma", .head_dim = 256, .size = {2304, 8, 8192}},
    {"gemma3_text", .flags = FULL_SCALED, .base = 1e6, .local_base = 1e4, .head_dim = 256, .period = 6,
     .size = {2304, 8, 131072}},
    {"gemma3n_text", .flags = FULL_SCALED, .base = 1e6, .local_base = 1e4, .head_dim = 256, .period = 5,
     .size = {2048, 8, 32768}},
    {"gemma4_text", .head_dim = 256, .full_head_dim = 512, .rule = gemma4_rule, .size = {2304, 8, 131072}},
    {"gemma4_unified_text", .head_dim = 256, .full_head_dim = 512, .rule = gemma4_rule,
     .size = {2304, 8, 262144}},
    {"glm glm4", .flags = PAIRS, .partial = 0.5, .head_dim = 128, .size = {4096, 32, 131072}},
    {"glm4_moe", .partial = 0.5, .size = {4096, 96, 131072}},
    {"glm4_moe_lite", .flags = PAIRS | SHARE | SOFTMAX, .mla = 64, .size = {2048, 20, 202752}},
    {"glm4v_moe_text", .partial = 0.5, .size = {4096, 96, 65536}},
    {"glm4v_text", .flags = PAIRS | SHARE, .size = {4096, 32, 32768}},
    {"glm_image_text ministral mistral voxtral_realtime_text", .size = {4096, 32, 131072}},
    {"glm_moe_dsa", .flags = PAIRS | SOFTMAX, .mla = 64, .size = {6144, 64, 202752}},
    {"glm_ocr_text", .flags = PAIRS | SHARE, .size = {1024, 16, 131072}},
    {"glmasr_encoder", .partial = 0.5, .size = {1280, 20, 1500}},
    {"gpt_neox", .flags = BASE_NAMED, .partial = 0.25, .size = {6144, 64, 2048}},
    {"gpt_neox_japanese", .flags = SHARE | BASE_NAMED, .size = {2560, 32, 2048}},
    {"gpt_oss", .flags = BASE_WINS, .base = 150000.0, .head_dim = 64, .rule = gpt_oss_rule,
     .size = {2880, 64, 131072}},
    {"granite_docling_text qwen3_omni_moe_talker_text", .size = {1024, 16, 32768}},
    {"granite_swa", .size = {2560, 20, 8192}},
    {"granitemoehybrid", .asks = "position_embedding_type", .size = {4096, 32, 2048}},
    {"gte", .base = 160000.0, .size = {768, 12, 8192}},
    {"helium", .flags = PAIRS, .base = 1e5, .head_dim = 128, .size = {2560, 20, 4096}},
    {"higgs_audio_v2", .base = 5e5, .head_dim = 128, .rule = LLAMA3("5e5", "32", "0.125", "0.5", "1024"),
     .size = {3072, 24, 2048}},
    {"hrm_text", .head_dim = 128, .size = {1536, 12, 2048}},
    {"hy_v3", .base = 11158840.0, .head_dim = 128, .size = {4096, 64, 131072}},
    {"hy_v4", .flags = SOFTMAX, .mla = 64, .size = {2816, 32, 262144}},
    {"hy_v4_vl_text", .flags = PAIRS | SOFTMAX, .mla = 64, .size = {6144, 64, 262144}},
    {"internlm3 qwen3", .head_dim = 128, .size = {4096, 32, 32768}},
    {"iquestcoder", .head_dim = 128, .size = {5120, 40, 131072}},
    {"jais2", .size = {3328, 26, 8192}},
    {"jetmoe", .head_dim = 128, .size = {2048, 32, 4096}},
    {"jina_embeddings_v3", .base = 2e4, .size = {1024, 16, 8194}},
    {"kimi_k2", .flags = PAIRS | SHARE | SOFTMAX, .mla = 64},
    {"kolibri1", .flags = FULL_PLAIN, .head_dim = 128, .size = {2560, 48, 262144}},
    {"kyutai_speech_to_text", .size = {2048, 32, 750}},
    {"laguna", .head_dim = 128, .rule = laguna_rule, .size = {2048, 48, 131072}},
    {"lara_mini", .flags = FULL_PLAIN, .head_dim = 128, .size = {1024, 16, 131072}},
    {"lfm2", .base = 1e6, .size = {2560, 32, 128000}},
    {"lfm2_moe", .base = 1e6, .size = {2048, 32, 128000}},
    {"lfm3", .base = 1e6, .head_dim = 128, .rule = lfm3_rule, .size = {2048, 16, 128000}},
    {"llama4_text", .flags = PAIRS | SOME_PLAIN | CHUNKED, .base = 5e5, .head_dim = 128, .period = 4,
     .size = {5120, 40, 131072}},
    {"longcat_flash", .flags = PAIRS | SOFTMAX, .base = 1e7, .mla = 64, .size = {6144, 64, 131072}},
    {"mellum", .flags = SHARE, .head_dim = 128, .rule = BASES("1e4", "5e5"), .size = {2304, 32, 131072}},
    {"mimi mimi_decoder mimi_encoder pocket_tts_audio_tokenizer pocket_tts_audio_tokenizer_decoder "
     "pocket_tts_audio_tokenizer_encoder",
     .size = {512, 8, 8000}},
    {"mimo_v2_flash", .head_dim = 192, .rule = mimo_v2_rule, .size = {4096, 64, 131072}},
    {"minicpm3", .flags = SOFTMAX, .mla = 32, .size = {2560, 40, 32768}},
    {"minimax mixtral phimoe", .base = 1e6, .size = {4096, 32, 131072}},
    {"minimax_m2", .flags = SHARE, .base = 5e6, .head_dim = 128, .size = {3072, 48, 196608}},
    {"minimax_m3_vl_text", .flags = SHARE, .base = 5e6, .head_dim = 128, .size = {6144, 64, 524288}},
    {"ministral3", .head_dim = 128, .rule = ministral3_rule, .size = {4096, 32, 262144}},
    {"mistral4", .flags = PAIRS | SOFTMAX, .mla = 64, .rule = mistral4_rule, .size = {4096, 32, 1048576}},
    {"mistral_large4_text", .flags = PAIRS | SOFTMAX, .mla = 64, .period = 4, .rule = mistral_large4_rule,
     .size = {6144, 64, 1048576}},
    {"mllama_text_model", .base = 5e5, .size = {4096, 32, 131072}},
    {"modernbert modernbert-decoder", .flags = BASE_NAMED | LOCAL_SCALED, .base = 160000.0, .local_base = 1e4,
     .size = {768, 12, 8192}},
    {"molmo2_text", .head_dim = 128, .size = {4096, 32, 36864}},
    {"moonshine", .flags = PAIRS, .partial = 0.9, .size = {288, 8, 512}},
    {"moonshine_streaming", .flags = PAIRS, .partial = 0.8,
     .rule = "{'rope_theta': 1e4, 'partial_rotary_factor': 0.8}", .size = {320, 8, 4096}},
    {"moshi", .size = {4096, 32, 3000}},
    {"mpt", .asks = "attn_config.rope", .size = {2048, 16, 2048}},
    {"muse_glimmer_assistant", .base = 5e5, .head_dim = 128, .size = {6656, 32, 131072}},
    {"muse_glimmer_text", .flags = FULL_PLAIN, .head_dim = 128, .period = -4, .size = {6656, 32, 131072}},
    {"muse_spark_text", .flags = FULL_PLAIN, .head_dim = 64, .period = -4, .rule = "{'rope_theta': 5e5}",
     .size = {8192, 128, 1048576}},
    {"nanochat", .size = {768, 6, 2048}},
    {"nemotron", .partial = 0.5, .size = {6144, 48, 4096}},
    {"neomme", .flags = BASE_WINS, .base = 1e6, .local_base = 1e4, .rule = neomme_rule,
     .size = {1024, 16, 16384}},
    {"neucodec xcodec2", .head_dim = 64, .size = {1024, 16, 4096}},
    {"nomic_bert", .base = 1e3, .size = {768, 12, 2048}},
    {"olmo3", .flags = FULL_SCALED, .base = 5e5, .size = {4096, 32, 2048}},
    {"olmo_hybrid", .flags = NULL_PLAIN, .size = {3840, 30, 65536}},
    {"olmoe", .size = {2048, 16, 4096}},
    {"openai_privacy_filter", .flags = PAIRS | BASE_WINS, .base = 150000.0, .head_dim = 64,
     .rule = gpt_oss_rule, .size = {640, 14, 131072}},
    {"paddleocr_vl_text", .base = 5e5, .head_dim = 128, .size = {1024, 16, 131072}},
    {"persimmon", .partial = 0.5, .size = {4096, 64, 16384}},
    {"phi", .partial = 0.5, .size = {2048, 32, 2048}},
    {"phi3", .flags = SHARE | YARN_IS_LONG, .original = 4096, .size = {3072, 32, 4096}},
    {"phi3_v", .flags = SHARE | YARN_IS_LONG},
    {"phi3small qwen2_5_vl qwen2_vl", .base = 1e6},
    {"phi4_multimodal", .flags = SHARE | YARN_IS_LONG, .original = 4096, .size = {3072, 32, 131072}},
    {"pocket_tts", .size = {1024, 16, 8192}},
    {"qwen2_5_omni_talker", .base = 1e6, .head_dim = 128, .size = {3584, 28, 32768}},
    {"qwen2_5_omni_text", .base = 1e6, .size = {3584, 28, 32768}},
    {"qwen2_5_vl_text qwen2_vl_text", .base = 1e6, .size = {8192, 64, 32768}},
    {"qwen2_moe", .size = {2048, 16, 32768}},
    {"qwen3_5_moe_text qwen3_next", .partial = 0.25, .head_dim = 256, .period = 4, .size = {2048, 16, 32768}},
    {"qwen3_5_text", .partial = 0.25, .head_dim = 256, .period = 4, .size = {4096, 16, 32768}},
    {"qwen3_moe", .size = {2048, 32, 32768}},
    {"qwen3_omni_moe_talker_code_predictor", .head_dim = 128, .size = {1024, 16, 32768}},
    {"qwen3_omni_moe_text", .base = 1e6, .size = {2048, 28, 32768}},
    {"qwen3_vl_moe_text", .base = 5e5, .size = {2048, 16, 128000}},
    {"qwen3_vl_text", .base = 5e5, .head_dim = 128, .size = {4096, 32, 128000}},
    {"qwen4_exp_text", .flags = SHARE, .head_dim = 256, .size = {2048, 16, 32768}},
    {"recurrent_gemma", .partial = 0.5, .size = {2560, 10, 0}},
    {"roformer", .flags = PAIRS, .size = {768, 12, 1536}},
    {"sarvam_mla", .flags = PAIRS | SHARE, .mla = 64, .size = {4096, 64, 4096}},
    {"sarvam_moe", .flags = SHARE, .base = 8e6, .head_dim = 64, .size = {4096, 64, 131072}},
    {"seed_oss", .head_dim = 128, .size = {4096, 80, 524288}},
    {"smollm3", .flags = SOME_PLAIN, .base = 2e6, .period = 4, .size = {2048, 16, 32768}},
    {"solar_open", .flags = SHARE, .base = 1e6, .head_dim = 128, .size = {4096, 64, 131072}},
    {"stablelm", .partial = 0.25, .size = {2560, 32, 4096}},
    {"stablelm_epoch", .partial = 0.25},
    {"starcoder2", .size = {3072, 24, 4096}},
    {"step3p5", .flags = SHARE, .base = 1e4, .head_dim = 128, .size = {4096, 64, 128000}},
    {"t5gemma2_decoder t5gemma2_text", .flags = FULL_SCALED, .base = 1e6, .local_base = 1e4, .head_dim = 256,
     .size = {2304, 8, 131072}},
    {"timesfm2_5", .head_dim = 80, .size = {1280, 16, 16384}},
    {"ultrabert", .rule = BASES("1e4", "2.56e6"), .size = {4096, 32, 32768}},
    {"unlimited_ocr_text", .flags = DIVIDED, .size = {1280, 10, 32768}},
    {"voxtral_realtime_encoder", .head_dim = 64, .size = {1280, 32, 1500}},
    {"youtu", .flags = PAIRS | SOFTMAX, .mla = 64, .size = {2048, 16, 131072}},
    {"zamba2", .asks = "use_mem_rope", .size = {2560, 32, 4096}},
    {"zaya", .head_dim = 128, .rule = zaya_rule, .size = {2048, 8, 131072}},
};

const rm_family *rm_family_find(const char *type) {
    for (size_t i = 0; type != NULL && i < sizeof families / sizeof families[0]; i++) {
        if (rm_words_have(families[i].types, type)) {
            return &families[i];
        }
    }
    return NULL;
}

/* ---- types that do not rotate */

/*
 * Classes that neither rotate nor contain a part that does. Types without a class in transformers (btlm,
 * gpt_refact, jais, rwkv5 to rwkv7) are those of their makers' modeling files.
 */
static const struct {
    const char *why, *types;
} plain[] = {
    {"adds ALiBi's bias to scores", "bloom btlm gpt_refact jais"},
    {"has attention without positions", "glm5_next_text jamba kimi_linear nemotron_h nemotron_h_moe zamba"},
    {"has no attention", "falcon_mamba mamba mamba2 rwkv rwkv5 rwkv6 rwkv6qwen2 rwkv7 xlstm"},
    {"biases scores by relative positions",
     "cpmant deberta deberta-v2 funnel longt5 mpnet mt5 pop2piano switch_transformers t5 udop umt5 "
     "xlnet"},
    {"adds positions to embeddings",
     "albert bark bart bert bert-generation big_bird bigbird_pegasus biogpt blenderbot "
     "blenderbot-small camembert canine convbert ctrl data2vec-text distilbert dpr electra ernie "
     "flaubert fsmt git gpt-sw3 gpt2 gpt_bigcode gpt_neo ibert imagegpt layoutlm layoutlmv2 "
     "layoutlmv3 led lilt longformer luke lxmert m2m_100 marian markuplm mbart megatron-bert "
     "mobilebert musicgen_decoder musicgen_melody_decoder mvp nllb-moe openai-gpt opt pegasus "
     "pegasus_x plbart prophetnet reformer rembert roberta roberta-prelayernorm roc_bert "
     "speech_to_text splinter squeezebert tapas trocr whisper xglm xlm xlm-roberta xlm-roberta-xl "
     "xmod"},
    {"has no RoPE in transformers",
     "aimv2_text_model aimv2_vision_model align_text_model align_vision_model altclip_text_model "
     "altclip_vision_model audio-spectrogram-transformer audioflamingo3_encoder autoformer beit "
     "bit blip_2_qformer blip_2_vision_model blip_text_model blip_vision_model bros canary_decoder "
     "chinese_clip_text_model chinese_clip_vision_model chmv2 clap_audio_model clap_text_model "
     "clip_text_model clip_vision_model clipseg_text_model clipseg_vision_model cohere_asr "
     "conditional_detr convnext convnextv2 cvt d_fine dab-detr dac data2vec-audio data2vec-vision "
     "decision_transformer deformable_detr deit depth_anything depth_pro detr dinat dinov2 "
     "dinov2_with_registers dinov3_convnext donut-swin dpt edgetam edgetam_mask_decoder "
     "edgetam_prompt_encoder edgetam_vision_model efficientnet encodec eomt fastspeech2_conformer "
     "fastspeech2_conformer_hifigan fastspeech2_conformer_with_hifigan flava_image_codebook "
     "flava_image_model flava_multimodal_model flava_text_model florence_vision fnet focalnet "
     "fun_asr_nano_encoder git_vision_model glpn granite_speech5_ctc granite_speech5_encoder "
     "granite_speech_encoder granite_speech_plus_encoder groupvit_text_model hgnet_v2 hiera "
     "higgs_audio_v2_tokenizer hubert ijepa informer inkling2_loop_text inkling2_text inkling_text "
     "instructblip_qformer instructblip_vision_model instructblipvideo_qformer "
     "instructblipvideo_vision_model kosmos_2_5_text_model kosmos_2_text_model layoutxlm levit "
     "lw_detr lw_detr_vit mask2former maskformer maskformer-swin metaclip_2_text_model "
     "metaclip_2_vision_model mgp-str minicpm_ocr_vision minicpmv4_6_vision mobilenet_v1 "
     "mobilenet_v2 mobilevit mobilevitv2 moss_transcribe_diarize_audio mra nemotron3_5_asr "
     "nystromformer omniasr_audio omniasr_ctc oneformer owlv2_text_model owlv2_vision_model "
     "owlvit_text_model owlvit_vision_model patchtsmixer patchtst perceiver pi0 "
     "pix2struct_text_model pixio poolformer pp_chart2table_vision pp_doclayout_v3 pp_doclayout_v4 "
     "pp_formulanet_text pp_formulanet_vision pp_lcnet pp_lcnet_v3 pp_lcnet_v4 pp_ocrv5_mobile_det "
     "pp_ocrv5_mobile_rec pp_ocrv5_server_det pp_ocrv5_server_rec pp_ocrv6_medium_det "
     "pp_ocrv6_small_det pp_ocrv6_small_rec pp_ocrv6_tiny_rec prompt_depth_anything pvt pvt_v2 "
     "qwen3_asr_encoder regnet resnet rf_detr rf_detr_dinov2 rt_detr rt_detr_resnet rt_detr_v2 sam "
     "sam2 sam2_hiera_det_model sam2_mask_decoder sam2_prompt_encoder sam2_vision_model "
     "sam3_lite_text_detr_decoder sam3_lite_text_detr_encoder sam3_lite_text_geometry_encoder "
     "sam3_lite_text_mask_decoder sam3_lite_text_text_model sam3_tracker sam3_tracker_mask_decoder "
     "sam3_tracker_prompt_encoder sam_hq sam_hq_mask_decoder sam_hq_prompt_encoder "
     "sam_hq_vision_model sam_mask_decoder sam_prompt_encoder sam_vision_model seamless_m4t_v2 "
     "segformer seggpt sew sew-d siglip2_text_model siglip_text_model slanet slanext "
     "slanext_vision speecht5 speecht5_hifigan superglue superpoint swiftformer swin swin2sr "
     "swinv2 table-transformer textnet time_series_transformer timesfm timesformer timm_backbone "
     "tipsv2_dpt tipsv2_text_model tipsv2_vision_model tvp unispeech unispeech-sat univnet upernet "
     "uvdoc uvdoc_backbone vibevoice_acoustic_tokenizer vibevoice_acoustic_tokenizer_decoder "
     "vibevoice_acoustic_tokenizer_encoder vibevoice_diffusion videomae videomt "
     "videoprism_text_model videoprism_vision_model vilt visual_bert vit vit_mae vit_msn vitdet "
     "vitmatte vitpose vitpose_backbone vits vivit voxtral_encoder wav2vec2 wavlm wavtokenizer "
     "wavtokenizer_encoder xclip_text_model xclip_vision_model xcodec yolos yoso zoedepth"},
};

const char *rm_family_plain(const char *type) {
    for (size_t i = 0; type != NULL && i < sizeof plain / sizeof plain[0]; i++) {
        if (rm_words_have(plain[i].types, type)) {
            return plain[i].why;
        }
    }
    return NULL;
}

/* ---- the language model of a model with several parts */

/*
 * TYPE=TEXT: the model_type that transformers assumes for text_config where the file has none there. TYPE*:
 * without a text_config, its sizes or its base are not those of that class.
 */
static const char parts[] =
    "EvollaModel=evolla aimv2=aimv2_text_model align=align_text_model altclip=altclip_text_model "
    "apertus1p5=apertus1p5_text aria=aria_text audioflamingo3=qwen2 aya_vision=cohere2 "
    "blip=blip_text_model blip-2=opt bridgetower=bridgetower_text_model canary=canary_decoder "
    "chinese_clip=chinese_clip_text_model clap=clap_text_model clip=clip_text_model "
    "clipseg=clipseg_text_model clvp=clvp_encoder cohere2_vision=cohere2 "
    "cohere_compass=cohere_compass_text colmodernvbert=modernbert colpali=gemma "
    "colqwen2=qwen2_vl_text cosmos3_edge=cosmos3_edge_text cosmos3_omni=qwen3_vl_text "
    "deepseek_ocr2=deepseek_ocr2_text deepseek_vl=llama deepseek_vl_hybrid=llama dia=dia_decoder "
    "diffusion_gemma=diffusion_gemma_text dots3_note=dots3_note_text "
    "embedding_gemma2=embedding_gemma2_text emu3=emu3_text_model "
    "ernie4_5_vl_moe=ernie4_5_vl_moe_text exaone4_5=exaone4 fast_vlm=qwen2 flava=flava_text_model "
    "florence2=bart fun_asr_nano=qwen3 fuyu=persimmon gemma3=gemma3_text gemma3n=gemma3n_text "
    "gemma4=gemma4_text gemma4_unified=gemma4_unified_text "
    "gemma4_unified_assistant=gemma4_unified_text glm46v=glm4v_text glm4v=glm4v_text "
    "glm4v_moe=glm4v_moe_text glm5_next=glm5_next_text glm_image=glm_image_text "
    "glm_ocr=glm_ocr_text glmasr=llama glmga=glm4v_text got_ocr2*=qwen2 gpt-sw3=gpt2 "
    "granite4_vision=granite4_vision_text granite_docling=granite_docling_text "
    "granite_speech=granite granite_speech_plus=granite grounding-dino=bert "
    "groupvit=groupvit_text_model hunyuan_vl=hunyuan_vl_text hy_v4_vl=hy_v4_vl_text "
    "hyperclovax_vision_v2=hyperclovax idefics2=mistral idefics3=llama inkling2=inkling2_text "
    "inkling2_loop=inkling2_loop_text inkling_mm_model=inkling_text instructblip=opt "
    "instructblipvideo=opt internvl=qwen2 janus=llama jev=qwen3_5_text kimi_k25=deepseek_v3 "
    "kosmos-2=kosmos_2_text_model kosmos-2.5=kosmos_2_5_text_model lfm2_vl=lfm2 lfm3_vl=lfm3 "
    "lighton_ocr*=qwen3 llama4=llama4_text llava=llama llava_next=llama llava_next_video=llama "
    "llava_onevision=qwen2 metaclip_2=metaclip_2_text_model minicpm_ocr=qwen3_5_text "
    "minicpmv4_6=qwen3_5_text minicpmv4_7=qwen3_5_text minimax_m3_vl=minimax_m3_vl_text "
    "mistral3*=mistral mistral_large4=mistral_large4_text mlcd=mlcd_vision_model "
    "mllama=mllama_text_model mm-grounding-dino=bert modernvbert=modernbert molmo2=molmo2_text "
    "moss_transcribe_diarize*=qwen3 muse_glimmer=muse_glimmer_text muse_spark=muse_spark_text "
    "musicflamingo=qwen2 nemo_speechlm=nemotron_h nemotron_h_omni=nemotron_h "
    "omdet-turbo=clip_text_model omniasr*=llama ovis2=qwen2 owlv2=owlv2_text_model "
    "owlvit=owlvit_text_model paddleocr_vl=paddleocr_vl_text paligemma=gemma pe_audio=modernbert "
    "pe_audio_video=modernbert pe_video=modernbert perception_lm=llama "
    "pix2struct=pix2struct_text_model pp_chart2table*=qwen2 pp_formulanet=pp_formulanet_text "
    "qianfan_ocr=qwen3 qwen2_5_omni=qwen2_5_omni_text qwen2_5_omni_thinker=qwen2_5_omni_text "
    "qwen2_audio=qwen2 qwen3_5=qwen3_5_text qwen3_5_moe=qwen3_5_moe_text qwen3_asr=qwen3 "
    "qwen3_omni_moe=qwen3_omni_moe_text qwen3_omni_moe_thinker=qwen3_omni_moe_text "
    "qwen3_vl=qwen3_vl_text qwen3_vl_moe=qwen3_vl_moe_text qwen4_exp=qwen4_exp_text "
    "sam3=clip_text_model sam3_lite_text=sam3_lite_text_text_model shieldgemma2=gemma3_text "
    "siglip=siglip_text_model siglip2=siglip2_text_model smolvlm=llama step3p7=step3p5 "
    "t5gemma=t5_gemma_module t5gemma2=t5gemma2_decoder t5gemma2_encoder=t5gemma2_text "
    "tipsv2=tipsv2_text_model ultravbert=ultrabert unlimited_ocr=unlimited_ocr_text "
    "vibevoice=qwen2 vibevoice_asr=qwen2 video_llama_3=qwen2 video_llava=llama "
    "videoprism=videoprism_text_model vipllava=llama voxtral*=llama "
    "voxtral_realtime*=voxtral_realtime_text xclip=xclip_text_model";

bool rm_family_part(const char *type, char *text, size_t size, bool *own) {
    const char *rest = parts;
    char row[2 * RM_WORD_BYTES];
    while (type != NULL && rm_words_next(&rest, row, sizeof row)) {
        const size_t length = strcspn(row, "*=");
        if (strncmp(row, type, length) == 0 && type[length] == '\0') {
            *own = row[length] == '*';
            (void)snprintf(text, size, "%s", row + length + (*own ? 2 : 1));
            return true;
        }
    }
    return false;
}
