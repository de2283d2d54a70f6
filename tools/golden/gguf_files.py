#!/usr/bin/env python3
# gguf_files.py - small GGUF files with the metadata of real models, for tests/data/gguf/
# SPDX-License-Identifier: MIT
"""Writes one file a model with the keys and RoPE tensors that llama.cpp's converter gives it, and no weights.
Needs the package gguf, which is by the makers of the format; the tests compare against numbers of their own.

    python3 tools/golden/gguf_files.py tests/data/gguf
"""
import math
import pathlib
import sys

import gguf
import numpy as np

TOKENS = ["<s>", "</s>", "", "\u2581the", "\U0001f600", "a" * 70]


def llama3_divisors(base=500000.0, dim=128, factor=8.0, low=1.0, high=4.0, original=8192):
    """What the frequencies of Llama 3.1 are divided by (arXiv 2407.21783; its published model.py)."""
    divisors = []
    for pair in range(dim // 2):
        length = 2 * math.pi * base ** (2 * pair / dim)
        if length < original / high:
            divisors.append(1.0)
        elif length > original / low:
            divisors.append(factor)
        else:
            smooth = (original / length - low) / (high - low)
            divisors.append(1 / ((1 - smooth) / factor + smooth))
    return divisors


def common(writer, name, context, width, heads, kv_heads):
    writer.add_name(name)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_token_list(TOKENS)
    writer.add_token_scores([-float(i) for i in range(len(TOKENS))])


def llama(writer):
    common(writer, "Llama 3.1 8B Instruct", 131072, 4096, 32, 8)
    writer.add_rope_dimension_count(128)
    writer.add_rope_freq_base(500000.0)
    writer.add_tensor("rope_freqs.weight", np.array(llama3_divisors(), dtype=np.float32))


def phi3(writer):
    common(writer, "Phi 3.5 Mini Instruct", 131072, 3072, 32, 32)
    writer.add_rope_dimension_count(96)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LONGROPE)
    writer.add_rope_scaling_orig_ctx_len(4096)
    writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(32) / math.log(4096)))
    writer.add_sliding_window(262144)
    writer.add_tensor("rope_factors_long.weight", np.arange(48, dtype=np.float32) + np.float32(1.5))
    writer.add_tensor("rope_factors_short.weight", np.arange(48, dtype=np.float32) / np.float32(64) + np.float32(1))


def qwen2(writer):
    common(writer, "Qwen2.5 7B Instruct", 32768, 3584, 28, 4)
    writer.add_rope_freq_base(1000000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(4.0)
    writer.add_rope_scaling_orig_ctx_len(32768)


def deepseek2(writer):
    common(writer, "DeepSeek V3", 163840, 7168, 128, 1)
    writer.add_key_length(576)
    writer.add_key_length_mla(192)
    writer.add_rope_dimension_count(64)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(40.0)
    writer.add_rope_scaling_orig_ctx_len(4096)
    writer.add_rope_scaling_yarn_log_mul(0.1 * 1.0)


def gemma3(writer):
    common(writer, "Gemma 3 4b It", 131072, 2560, 8, 4)
    writer.add_key_length(256)
    writer.add_rope_freq_base(1000000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(8.0)
    writer.add_sliding_window(1024)


def qwen2vl(writer):
    common(writer, "Qwen2 VL 7B Instruct", 32768, 3584, 28, 4)
    writer.add_rope_freq_base(1000000.0)
    writer.add_rope_dimension_sections([16, 24, 24, 0])


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for fill in (llama, phi3, qwen2, deepseek2, gemma3, qwen2vl):
        writer = gguf.GGUFWriter(folder / f"{fill.__name__}.gguf", fill.__name__)
        fill(writer)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


if __name__ == "__main__":
    main()
