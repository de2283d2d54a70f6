/* presets.c - published models' rules, with the source of each number */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/base/text.h"
#include "host/model/model.h"
#include "host/ropemap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Layouts of the weights on Hugging Face. */
#define HALF ROPEMAP_LAYOUT_HALF

#define PAIRS ROPEMAP_LAYOUT_INTERLEAVED

enum { QUIET = false, WARN = true };

/* ---- sources ("repository: file"; transformers is 5.24) */

#define TRANSFORMERS "huggingface/transformers: models/"
#define DIFFUSERS    "huggingface/diffusers: models/"

static const char litgpt[] = "Lightning-AI/litgpt: litgpt/config.py";

static const char mlc[] = "mlc-ai/mlc-llm: python/mlc_llm/model/model_preset.py";

static const char maxtext[] =
    "AI-Hypercomputer/maxtext: src/maxtext/checkpoint_conversion/utils/hf_model_configs.py";

static const char yarn[] = "jquesnelle/yarn: train.sh and finetune.py";

static const char gemma3[] =
    "google-deepmind/gemma: gemma/gm/nn/_gemma.py; NVIDIA-NeMo/NeMo: gpt/model/gemma3.py";

static const char candle_yi[] = "huggingface/candle: candle-transformers/src/models/yi.rs";

/* ---- notes that several share */

static const char meta_pairs[] = "Meta's own files have interleaved pairs";

static const char mistral_pairs[] = "Mistral's own files have interleaved pairs";

static const char full_layers[] =
    "layers with full attention; the others have the preset of this name with -sliding";

static const char sliding_layers[] =
    "layers with sliding attention; the others have the preset of this name without -sliding";

static const char some_plain[] = "every fourth layer does not rotate";

static const char flux[] = "axes t, h, w; text has position 0 on each and is not in the grid";

static const char mrope[] = "for text only: images and video have three positions a token (M-RoPE)";

#define MLA(times)                                                                                           \
    "the 64 elements of a head that rotate (MLA): 128 more do not, and the softmax is also scaled by " times

/* ---- divisors of LongRoPE */

static const char phi_3_5_scaling[] =
    "longrope:original=4096,max=131072,short="
    "1/1.0199999809265137/1.0299999713897705/1.0299999713897705/1.0499999523162842/"
    "1.0499999523162842/1.0499999523162842/1.0499999523162842/1.0499999523162842/"
    "1.0699999332427979/1.0999999046325684/1.1099998950958252/1.1599998474121094/"
    "1.1599998474121094/1.1699998378753662/1.2899998426437378/1.339999794960022/"
    "1.679999828338623/1.7899998426437378/1.8199998140335083/1.8499997854232788/"
    "1.8799997568130493/1.9099997282028198/1.9399996995925903/1.9899996519088745/"
    "2.0199997425079346/2.0199997425079346/2.0199997425079346/2.0199997425079346/"
    "2.0199997425079346/2.0199997425079346/2.0299997329711914/2.0299997329711914/"
    "2.0299997329711914/2.0299997329711914/2.0299997329711914/2.0299997329711914/"
    "2.0299997329711914/2.0299997329711914/2.0299997329711914/2.0799996852874756/"
    "2.0899996757507324/2.189999580383301/2.2199995517730713/2.5899994373321533/"
    "2.729999542236328/2.749999523162842/2.8399994373321533"
    ",long="
    "1.0800000429153442/1.1100000143051147/1.1399999856948853/1.340000033378601/"
    "1.5899999141693115/1.600000023841858/1.6200000047683716/2.620000123977661/"
    "3.2300000190734863/3.2300000190734863/4.789999961853027/7.400000095367432/"
    "7.700000286102295/9.09000015258789/12.199999809265137/17.670000076293945/"
    "24.46000099182129/28.57000160217285/30.420001983642578/30.840002059936523/"
    "32.590003967285156/32.93000411987305/42.320003509521484/44.96000289916992/"
    "50.340003967285156/50.45000457763672/57.55000305175781/57.93000411987305/"
    "58.21000289916992/60.1400032043457/62.61000442504883/62.62000274658203/"
    "62.71000289916992/63.1400032043457/63.1400032043457/63.77000427246094/63.93000411987305/"
    "63.96000289916992/63.970001220703125/64.02999877929688/64.06999969482422/"
    "64.08000183105469/64.12000274658203/64.41000366210938/64.4800033569336/"
    "64.51000213623047/64.52999877929688/64.83999633789062";

static const char phi_4_scaling[] =
    "longrope:original=4096,max=131072,short="
    "1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/"
    "1/1/1/1"
    ",long="
    "1/1.118320672/1.250641126/1.398617824/1.564103225/1.74916897/1.956131817/2.187582649/"
    "2.446418898/2.735880826/3.059592084/3.421605075/3.826451687/4.279200023/4.785517845/"
    "5.351743533/5.984965424/6.693110555/7.485043894/8.370679318/9.36110372/10.4687158/"
    "11.70738129/13.09260651/14.64173252/16.37415215/18.31155283/20.47818807/22.90118105/"
    "25.61086418/28.64115884/32.03/32.1/32.13/32.23/32.6/32.61/32.64/32.66/32.7/32.71/32.93/"
    "32.97/33.28/33.49/33.5/44.16/47.77";

/* ---- the presets, in the order of their names */

static const ropemap_preset rows[] = {
    {"apertus-8b", "llama3:factor=8,low=1,high=4,original=8192",
     TRANSFORMERS "apertus/configuration_apertus.py", "", 12e6, 128, 128, HALF, 65536, QUIET},
    {"aya-23-8b", "none", mlc, "", 10000, 128, 128, PAIRS, 8192, QUIET},
    {"baichuan2-7b", "none", "NVIDIA-NeMo/NeMo: nemo/collections/llm/gpt/model/baichuan.py", "", 10000, 128,
     128, HALF, 4096, QUIET},
    {"chatglm3-6b", "none", "NVIDIA-NeMo/NeMo: nemo/collections/llm/gpt/model/chatglm.py", "", 10000, 128, 64,
     PAIRS, 8192, QUIET},
    {"codegeex4-9b", "none", "huggingface/candle: candle-transformers/src/models/codegeex4_9b.rs", "", 5e6,
     128, 64, PAIRS, 131072, QUIET},
    {"codellama-7b", "none", litgpt, meta_pairs, 1e6, 128, 128, HALF, 16384, QUIET},
    {"cogvideox-5b", "none",
     DIFFUSERS "embeddings.py, get_3d_rotary_pos_embed; "
               "scripts/convert_cogvideox_to_diffusers.py",
     "axes t, h, w; other frames than 480 x 720 have positions between whole ones", 10000, 64, 64, PAIRS, 0,
     WARN},
    {"command-r", "none",
     "IMvision12/KerasFormers: models/cohere/config.py; ggml-org/llama.cpp: conversion/command_r.py",
     "config.json has 8192 as its length, the makers trained 128k", 8e6, 128, 128, PAIRS, 131072, QUIET},
    {"command-r7b", "none",
     "IMvision12/KerasFormers: kerasformers/models/cohere2/config.py; its config.json for the length",
     "layers with sliding attention of 4096; every fourth has full attention and does not rotate; its "
     "config.json had 8192 as its length at first",
     50000, 128, 128, PAIRS, 132096, WARN},
    {"deepseek-v2", "yarn:factor=40,original=4096,mscale=0.707,mscale-all-dim=0.707",
     "NVIDIA-NeMo/NeMo: gpt/model/deepseek.py; AI-Hypercomputer/maxtext: configs/models/deepseek2-236b.yml",
     MLA("1.590"), 10000, 64, 64, PAIRS, 163840, WARN},
    {"deepseek-v2-lite", "yarn:factor=40,original=4096,mscale=0.707,mscale-all-dim=0.707", mlc, MLA("1.590"),
     10000, 64, 64, PAIRS, 163840, WARN},
    {"deepseek-v3", "yarn:factor=40,original=4096,mscale=1,mscale-all-dim=1",
     "deepseek-ai/DeepSeek-V3: inference/model.py; AI-Hypercomputer/maxtext: hf_model_configs.py",
     MLA("1.874"), 10000, 64, 64, PAIRS, 163840, WARN},
    {"dinov3-vits16", "none", TRANSFORMERS "dinov3_vit/modeling_dinov3_vit.py",
     "axes h and w, coordinates from -1 to 1; training rescales them at random", 100, 64, 64, HALF, 0, QUIET},
    {"ernie-4.5-0.3b", "none", TRANSFORMERS "ernie4_5/configuration_ernie4_5.py", "", 500000, 128, 128, PAIRS,
     131072, QUIET},
    {"falcon-7b", "none", litgpt, "", 10000, 64, 64, HALF, 2048, QUIET},
    {"falcon3-7b", "none", litgpt, "", 1000042, 256, 256, HALF, 32768, QUIET},
    {"flux.1-dev", "none", DIFFUSERS "transformers/transformer_flux.py", flux, 10000, 128, 128, PAIRS, 0,
     QUIET},
    {"flux.2-dev", "none", "huggingface/diffusers: scripts/convert_flux2_to_diffusers.py",
     "axes t, h, w and the place in the text; the text is no part of the grid", 2000, 128, 128, PAIRS, 0,
     QUIET},
    {"gemma-7b", "none", "meta-pytorch/torchtune: torchtune/models/gemma/_model_builders.py", "", 10000, 256,
     256, HALF, 8192, QUIET},
    {"gemma2-27b", "none", litgpt, "", 10000, 128, 128, HALF, 8192, QUIET},
    {"gemma2-9b", "none", litgpt, "", 10000, 256, 256, HALF, 8192, QUIET},
    {"gemma3-12b", "linear:factor=8", gemma3, full_layers, 1e6, 256, 256, HALF, 131072, WARN},
    {"gemma3-12b-sliding", "none", gemma3, sliding_layers, 10000, 256, 256, HALF, 131072, WARN},
    {"gemma3-1b", "none", gemma3, full_layers, 1e6, 256, 256, HALF, 32768, WARN},
    {"gemma3-1b-sliding", "none", gemma3, sliding_layers, 10000, 256, 256, HALF, 32768, WARN},
    {"gemma3-27b", "linear:factor=8", gemma3, full_layers, 1e6, 128, 128, HALF, 131072, WARN},
    {"gemma3-27b-sliding", "none", gemma3, sliding_layers, 10000, 128, 128, HALF, 131072, WARN},
    {"gemma3n-e4b", "none", TRANSFORMERS "gemma3n/configuration_gemma3n.py", full_layers, 1e6, 256, 256, HALF,
     32768, WARN},
    {"gemma3n-e4b-sliding", "none", TRANSFORMERS "gemma3n/configuration_gemma3n.py", sliding_layers, 10000,
     256, 256, HALF, 32768, WARN},
    {"gemma4-26b-a4b", "proportional:rotated=0.25", maxtext, full_layers, 1e6, 512, 512, HALF, 262144, WARN},
    {"gemma4-26b-a4b-sliding", "none", maxtext, sliding_layers, 10000, 256, 256, HALF, 262144, WARN},
    {"gemma4-e2b", "proportional:rotated=0.25", maxtext, full_layers, 1e6, 512, 512, HALF, 131072, WARN},
    {"gemma4-e2b-sliding", "none", maxtext, sliding_layers, 10000, 256, 256, HALF, 131072, WARN},
    {"glm-4-32b-0414", "none", "THUDM/slime: scripts/models/glm4-32B.sh", "", 10000, 128, 64, PAIRS, 32768,
     QUIET},
    {"glm-4.5", "none",
     "THUDM/slime: glm4.5-355B-A32B.sh; huggingface/transformers: configuration_glm4_moe.py", "", 1e6, 128,
     64, HALF, 131072, QUIET},
    {"gpt-j-6b", "none", "kingoflolz/mesh-transformer-jax: configs/6B_roto_256.json", "", 10000, 256, 64,
     PAIRS, 2048, QUIET},
    {"gpt-neox-20b", "none", "EleutherAI/gpt-neox: configs/20B.yml", "", 10000, 96, 24, HALF, 2048, QUIET},
    {"gpt-oss-20b", "yarn:factor=32,original=4096,untruncated=1", "openai/gpt-oss: gpt_oss/torch/model.py",
     "", 150000, 64, 64, HALF, 131072, QUIET},
    {"helium-1", "none",
     "aws-neuron/neuronx-distributed-inference: contrib/models/helium-1-2b/src/configuration_helium.py", "",
     20000, 128, 128, HALF, 4096, QUIET},
    {"helium-1-preview-2b", "none", TRANSFORMERS "helium/configuration_helium.py", "", 100000, 128, 128,
     PAIRS, 4096, QUIET},
    {"hunyuanvideo", "none", "huggingface/diffusers: scripts/convert_hunyuan_video_to_diffusers.py",
     "axes t, h, w; the grid is of 129 frames of 720 x 1280", 256, 128, 128, PAIRS, 0, QUIET},
    {"internlm2-7b", "none", mlc, "", 1e6, 128, 128, HALF, 32768, QUIET},
    {"internlm2.5-7b", "dynamic:factor=2,max=32768", mlc,
     "frequencies depend on the length beyond 32768 tokens", 1e6, 128, 128, HALF, 32768, WARN},
    {"kimi-k2", "yarn:factor=32,original=4096,beta-fast=1,beta-slow=1,mscale=1,mscale-all-dim=1",
     "AI-Hypercomputer/maxtext: src/maxtext/configs/models/kimi-k2-1t.yml", MLA("1.813"), 50000, 64, 64,
     PAIRS, 131072, WARN},
    {"kimi-k2-0905", "yarn:factor=64,original=4096,beta-fast=1,beta-slow=1,mscale=1,mscale-all-dim=1",
     "ParagEkbote/hf-model-inspector: model_inspection_report.md", MLA("2.005"), 50000, 64, 64, PAIRS, 262144,
     WARN},
    {"llama1-7b", "none", "EleutherAI/gpt-neox: configs/llama/7B.yml", meta_pairs, 10000, 128, 128, HALF,
     2048, QUIET},
    {"llama2-7b", "none", litgpt, meta_pairs, 10000, 128, 128, HALF, 4096, QUIET},
    {"llama2-7b-32k", "linear:factor=8", litgpt, "Together's LLaMA-2-7B-32K", 10000, 128, 128, HALF, 32768,
     QUIET},
    {"llama3-8b", "none", litgpt, meta_pairs, 500000, 128, 128, HALF, 8192, QUIET},
    {"llama3.1-8b", "llama3:factor=8,low=1,high=4,original=8192", litgpt, meta_pairs, 500000, 128, 128, HALF,
     131072, QUIET},
    {"llama3.2-1b", "llama3:factor=32,low=1,high=4,original=8192", litgpt, meta_pairs, 500000, 64, 64, HALF,
     131072, QUIET},
    {"llama3.2-3b", "llama3:factor=32,low=1,high=4,original=8192", litgpt, meta_pairs, 500000, 128, 128, HALF,
     131072, QUIET},
    {"llama3.3-70b", "llama3:factor=8,low=1,high=4,original=8192", litgpt, meta_pairs, 500000, 128, 128, HALF,
     131072, QUIET},
    {"llama4-maverick", "none", "meta-pytorch/torchtune: torchtune/models/llama4/_model_builders.py",
     some_plain, 500000, 128, 128, PAIRS, 1048576, WARN},
    {"llama4-scout", "llama3:factor=16,low=1,high=1,original=8192",
     "meta-llama/llama-models: models/llama4/args.py and model.py; meta-pytorch/torchtune: models/llama4",
     some_plain, 500000, 128, 128, PAIRS, 10485760, WARN},
    {"mimo-7b", "none", "THUDM/slime: scripts/models/mimo-7B-rl.sh", "", 640000, 128, 128, HALF, 32768,
     QUIET},
    {"minicpm-2b-128k", "dynamic:factor=4,max=65536", mlc,
     "frequencies depend on the length beyond 65536 tokens", 1e6, 64, 64, HALF, 65536, WARN},
    {"minimax-m2", "none",
     "THUDM/slime: minimax-m2.sh; huggingface/transformers: configuration_minimax_m2.py", "", 5e6, 128, 64,
     HALF, 196608, QUIET},
    {"ministral-3-3b", "yarn:factor=16,original=16384,mscale=1,mscale-all-dim=1", mlc,
     "queries are also scaled by their position beyond 16384", 1e6, 128, 128, HALF, 262144, WARN},
    {"mistral-7b-v0.1", "none", mlc, mistral_pairs, 10000, 128, 128, HALF, 32768, QUIET},
    {"mistral-7b-v0.3", "none", mlc, mistral_pairs, 1e6, 128, 128, HALF, 32768, QUIET},
    {"mistral-nemo-12b", "none", "NVIDIA-NeMo/NeMo: nemo/collections/llm/gpt/model/mistral.py",
     "1024000 stands in config.json; Mistral speaks of 128k", 1e6, 128, 128, HALF, 1024000, QUIET},
    {"mixtral-8x22b", "none", litgpt, mistral_pairs, 1e6, 128, 128, HALF, 65536, QUIET},
    {"mixtral-8x7b", "none", litgpt, mistral_pairs, 1e6, 128, 128, HALF, 32768, QUIET},
    {"modernbert-base", "none", TRANSFORMERS "modernbert/configuration_modernbert.py", full_layers, 160000,
     64, 64, HALF, 8192, WARN},
    {"modernbert-base-sliding", "none", TRANSFORMERS "modernbert/configuration_modernbert.py", sliding_layers,
     10000, 64, 64, HALF, 8192, WARN},
    {"nomic-embed-text-v1.5", "none", TRANSFORMERS "nomic_bert/configuration_nomic_bert.py", "", 1000, 64, 64,
     HALF, 2048, QUIET},
    {"olmo-7b", "none", litgpt, "", 10000, 128, 128, HALF, 2048, QUIET},
    {"olmo2-7b", "none", litgpt, "", 500000, 128, 128, HALF, 4096, QUIET},
    {"olmo3-7b", "yarn:factor=8,original=8192",
     "AI-Hypercomputer/maxtext: src/maxtext/configs/models/olmo3-7b.yml", full_layers, 500000, 128, 128, HALF,
     65536, WARN},
    {"olmo3-7b-sliding", "none", "AI-Hypercomputer/maxtext: src/maxtext/configs/models/olmo3-7b.yml",
     sliding_layers, 500000, 128, 128, HALF, 65536, WARN},
    {"open-llama-3b", "none", litgpt, "", 10000, 100, 100, HALF, 2048, QUIET},
    {"persimmon-8b", "none", "huggingface/candle: candle-transformers/src/models/persimmon.rs", "", 25000, 64,
     32, HALF, 16384, QUIET},
    {"phi-1.5", "none", litgpt, "", 10000, 64, 32, HALF, 2048, QUIET},
    {"phi-2", "none", litgpt, "", 10000, 80, 32, HALF, 2048, QUIET},
    {"phi-3-mini-4k", "none", litgpt, "", 10000, 96, 96, HALF, 4096, QUIET},
    {"phi-3.5-mini", phi_3_5_scaling, mlc, "frequencies change where the length passes 4096 tokens", 10000,
     96, 96, HALF, 131072, WARN},
    {"phi-4", "none", litgpt, "", 250000, 128, 128, HALF, 16384, QUIET},
    {"phi-4-mini", phi_4_scaling, mlc, "frequencies change where the length passes 4096 tokens", 10000, 128,
     96, HALF, 131072, WARN},
    {"pixtral-12b-vision", "none", TRANSFORMERS "pixtral/modeling_pixtral.py and configuration_pixtral.py",
     "axes h and w, which take the frequencies of one ladder in turn", 10000, 64, 64, HALF, 0, QUIET},
    {"pythia-1b", "none", "EleutherAI/gpt-neox: configs/pythia/1B.yml", "", 10000, 256, 64, HALF, 2048,
     QUIET},
    {"pythia-6.9b", "none", "EleutherAI/gpt-neox: configs/pythia/6-9B.yml", "", 10000, 128, 32, HALF, 2048,
     QUIET},
    {"qwen-image", "none", DIFFUSERS "transformers/transformer_qwenimage.py",
     "axes t, h, w; counted from the middle of the image, which changes no similarity of patches", 10000, 128,
     128, PAIRS, 0, QUIET},
    {"qwen2-7b", "none", mlc, "", 1e6, 128, 128, HALF, 32768, QUIET},
    {"qwen2-vl", "none", TRANSFORMERS "qwen2_vl/configuration_qwen2_vl.py", mrope, 1e6, 128, 128, HALF, 32768,
     WARN},
    {"qwen2.5-7b", "none", litgpt, "", 1e6, 128, 128, HALF, 131072, QUIET},
    {"qwen2.5-7b-1m", "none", litgpt,
     "its makers serve long contexts with dual chunk attention, which changes positions", 1e7, 128, 128, HALF,
     1010000, WARN},
    {"qwen3-30b-a3b-2507", "none", litgpt, "", 1e7, 128, 128, HALF, 262144, QUIET},
    {"qwen3-4b-2507", "none", litgpt, "", 5e6, 128, 128, HALF, 262144, QUIET},
    {"qwen3-8b", "none", litgpt, "", 1e6, 128, 128, HALF, 40960, QUIET},
    {"qwen3-8b-yarn-128k", "yarn:factor=4,original=32768,max=131072",
     "QwenLM/Qwen3: docs/source/inference/transformers.md", "", 1e6, 128, 128, HALF, 131072, QUIET},
    {"qwen3-next-80b-a3b", "none", maxtext, "", 1e7, 256, 64, HALF, 262144, QUIET},
    {"qwen3-vl-4b", "none", maxtext, mrope, 5e6, 128, 128, HALF, 262144, WARN},
    {"qwen3.5-35b-a3b", "none", maxtext, mrope, 1e7, 256, 64, HALF, 262144, WARN},
    {"redpajama-3b", "none", mlc, "", 10000, 80, 80, HALF, 2048, QUIET},
    {"smollm2-1.7b", "none", litgpt, "", 130000, 64, 64, HALF, 8192, QUIET},
    {"smollm3-3b", "none", "huggingface/smollm: text/pretraining/smollm3/long_context_32k_to_64.yaml",
     some_plain, 5e6, 128, 128, HALF, 65536, WARN},
    {"stablelm-2-1.6b", "none", mlc, "", 10000, 64, 16, HALF, 4096, QUIET},
    {"stablelm-3b-4e1t", "none", litgpt, "", 10000, 80, 20, HALF, 4096, QUIET},
    {"starcoder2-7b", "none", mlc, "", 1e6, 128, 128, HALF, 16384, QUIET},
    {"tinyllama-1.1b", "none", mlc, "", 10000, 64, 64, HALF, 2048, QUIET},
    {"wan2.1-t2v-14b", "none",
     DIFFUSERS "transformers/transformer_wan.py; scripts/convert_wan_to_diffusers.py",
     "axes t, h, w; the grid is of 81 frames of 480 x 832", 10000, 128, 128, PAIRS, 0, QUIET},
    {"yarn-llama2-7b-128k", "yarn:factor=32,original=4096", yarn, "", 10000, 128, 128, HALF, 131072, QUIET},
    {"yarn-mistral-7b-128k", "yarn:factor=16,original=8192", yarn, "", 10000, 128, 128, HALF, 131072, QUIET},
    {"yi-34b", "none", candle_yi, "", 5e6, 128, 128, HALF, 4096, QUIET},
    {"yi-6b", "none", candle_yi, "", 5e6, 128, 128, HALF, 4096, QUIET},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* Axes of those that have several, and the grid that they are used with. */
static const struct {
    const char *name, *axes; /* in the syntax of ropemap_axes_parse */
    int32_t grid[ROPEMAP_MAX_AXES];
} with_axes[] = {
    {"cogvideox-5b", "16,24,24", {13, 30, 45}}, {"dinov3-vits16", "unit:32,32", {14, 14}},
    {"flux.1-dev", "16,56,56", {1, 64, 64}},    {"flux.2-dev", "32,32,32,32", {1, 64, 64, 1}},
    {"hunyuanvideo", "16,56,56", {33, 45, 80}}, {"pixtral-12b-vision", "strided:32,32", {64, 64}},
    {"qwen-image", "16,56,56", {1, 64, 64}},    {"wan2.1-t2v-14b", "44,42,42", {21, 30, 52}},
};

const ropemap_preset *ropemap_preset_at(int32_t index) {
    return index >= 0 && index < ROW_COUNT ? &rows[index] : NULL;
}

/* ---- the nearest name */

enum { NAME_MOST = 63 }; /* letters of a name that are compared */

/* The part of a name that is compared: lower case, without the organisation in "meta-llama/Llama-3.1-8B". */
static size_t plain_name(const char *name, char plain[NAME_MOST + 1]) {
    const char *slash = strrchr(name, '/');
    const char *from = slash == NULL ? name : slash + 1;
    size_t length = 0;
    for (; from[length] != '\0' && length < NAME_MOST; length++) {
        const char letter = from[length];
        plain[length] = letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
    }
    plain[length] = '\0';
    return length;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Letters to insert, delete or replace (Levenshtein 1966). */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t row[NAME_MOST + 1];
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t above = row[j];
            row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[b_length];
}

/* A name that begins with the given one is nearest, then the one with the fewest edits. */
static const char *nearest_name(const char *name) {
    char asked[NAME_MOST + 1], known[NAME_MOST + 1];
    const size_t asked_length = plain_name(name, asked);
    const char *nearest = "";
    size_t distance = SIZE_MAX;
    for (const ropemap_preset *preset = rows; preset < rows + ROW_COUNT; preset++) {
        const size_t known_length = plain_name(preset->name, known);
        if (asked_length > 0 && strncmp(known, asked, asked_length) == 0) {
            return preset->name;
        }
        const size_t changes = edit_distance(asked, asked_length, known, known_length);
        if (changes < distance) {
            distance = changes;
            nearest = preset->name;
        }
    }
    return nearest;
}

/* ---- the model */

static ropemap_status take_axes(const ropemap_preset *preset, ropemap_model *model, ropemap_error *error) {
    for (size_t i = 0; i < sizeof with_axes / sizeof *with_axes; i++) {
        if (strcmp(with_axes[i].name, preset->name) == 0) {
            RM_TRY(ropemap_axes_parse(with_axes[i].axes, &model->spec.axes, error));
            memcpy(model->spec.axes.grid, with_axes[i].grid, sizeof with_axes[i].grid);
            rm_model_fact(model, "axes", preset->source, "%s", with_axes[i].axes);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status fill(const ropemap_preset *preset, ropemap_model *model, ropemap_error *error) {
    char rule[sizeof model->facts[0].value];
    model->spec = ropemap_spec_default();
    model->spec.base = preset->base;
    model->spec.head_dim = preset->head_dim;
    model->spec.rotary_dim = preset->rotary_dim;
    model->spec.layout = preset->layout;
    model->trained_length = preset->trained_length;
    (void)snprintf(model->name, sizeof model->name, "%s", preset->name);
    RM_TRY(ropemap_scaling_parse(preset->scaling, &model->divisors, &model->spec.scaling, error));
    RM_TRY(take_axes(preset, model, error));
    RM_TRY(ropemap_spec_check(&model->spec, error));
    ropemap_scaling_format(&model->spec.scaling, false, rule, sizeof rule);
    rm_model_fact(model, "base", preset->source, "%.15g", preset->base);
    rm_model_fact(model, "head_dim", preset->source, "%" PRId32, preset->head_dim);
    rm_model_fact(model, "rotary_dim", preset->source, "%" PRId32, preset->rotary_dim);
    rm_model_fact(model, "layout", preset->source, "%s", ropemap_layout_name(preset->layout));
    rm_model_fact(model, "rule", preset->source, "%s", rule);
    if (preset->trained_length > 0) {
        rm_model_fact(model, "trained_length", preset->source, "%" PRId64, preset->trained_length);
    }
    if (preset->warns) {
        rm_model_warn(model, "%s: %s", preset->name, preset->note);
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_model_preset(const char *name, ropemap_model **model, ropemap_error *error) {
    const ropemap_preset *preset = rows;
    while (preset < rows + ROW_COUNT && strcmp(preset->name, name) != 0) {
        preset++;
    }
    *model = NULL;
    if (preset == rows + ROW_COUNT) {
        char label[RM_LABEL_BYTES];
        rm_label_make(label, sizeof label, name);
        return rm_fail(error, ROPEMAP_USAGE,
                       "preset: no '%s'; the nearest is '%s' (ropemap info --presets lists them)", label,
                       nearest_name(name));
    }
    ropemap_model *made = rm_alloc(1, sizeof *made);
    if (made == NULL) {
        return rm_fail_memory(error, "model", sizeof *made);
    }
    const ropemap_status status = fill(preset, made, error);
    if (status != ROPEMAP_OK) {
        ropemap_model_free(made);
        return status;
    }
    *model = made;
    return ROPEMAP_OK;
}
