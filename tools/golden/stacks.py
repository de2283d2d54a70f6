#!/usr/bin/env python3
# stacks.py - what transformers and llama.cpp compute in float32, for tests/data/stacks
# SPDX-License-Identifier: MIT
"""Writes inv_freq.tsv and rotated.tsv. Needs transformers 5.24.0, torch, a C++ compiler and the sources of ggml.

    python3 tools/golden/stacks.py tests/data/stacks GGML_CHECKOUT

inv_freq.tsv: name, rule as ropemap_scaling_parse takes it, base, head_dim, rotary_dim, length, then as bits of float32
  transformers' attention factor and inv_freq.
rotated.tsv: name of the rule, phase, layout, position ("t,h,w" where there are three), sections ("16,24,24", with an i
  before where they are interleaved, - for none), then as bits the head that the stack makes of the query, whose
  element d is ((37 d + 11) mod 64 - 32) / 16.

transformers runs on PyTorch's plain loops: its vector code gives other last bits on other CPUs. ggml's functions
are compiled from its own text without fused multiply-adds, which depend on the compiler.
"""
import os
import sys

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import ctypes
import math
import re
import subprocess
import tempfile

import torch
import transformers
from transformers import HunYuanDenseV1Config, LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.cohere import modeling_cohere
from transformers.models.hunyuan_v1_dense.modeling_hunyuan_v1_dense import HunYuanDenseV1RotaryEmbedding
from transformers.models.llama import modeling_llama
from transformers.models.qwen2_vl import modeling_qwen2_vl
from transformers.models.qwen3_vl import modeling_qwen3_vl

TRANSFORMERS = "5.24.0"
POSITIONS = (0, 1, 4095, 131071, 1048575)
IMAGE = ((0, 0, 0), (5, 7, 9), (131071, 4095, 1048575))
LIST = (1.0, 1.05, 1.25, 2.5, 6.75, 19.1, 40.3, 62.0)
LONG = "/".join(map(str, LIST))

# name: (rule, base, head_dim, length, parameters under transformers' names)
CASES = {
    "none": ("none", 1e4, 128, 0, {"rope_type": "default"}),
    "linear": ("linear:factor=2.7", 5e5, 64, 0, {"rope_type": "linear", "factor": 2.7}),
    "dynamic-short": ("dynamic:factor=2,max=32768", 1e6, 128, 1024,
                      {"rope_type": "dynamic", "factor": 2.0, "max": 32768}),
    "dynamic-grown": ("dynamic:factor=2,max=32768", 1e6, 128, 131072,
                      {"rope_type": "dynamic", "factor": 2.0, "max": 32768}),
    "yarn": ("yarn:factor=4,original=32768", 1e6, 128, 0,
             {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}),
    "yarn-untruncated": ("yarn:factor=32,original=4096,untruncated=1", 150000.0, 64, 0,
                         {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096,
                          "truncate": False}),
    "longrope": (f"longrope:original=4096,factor=32,short={LONG},long={LONG},use=long", 1e4, 16, 0,
                 {"rope_type": "longrope", "factor": 32.0, "original_max_position_embeddings": 4096,
                  "short_factor": list(LIST), "long_factor": list(LIST)}),
    "llama3": ("llama3:factor=8,low=1,high=4,original=8192", 5e5, 128, 0,
               {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192}),
    "proportional": ("proportional:rotated=0.25", 1e6, 64, 0,
                     {"rope_type": "proportional", "partial_rotary_factor": 0.25}),
    "alpha": ("alpha:alpha=1000", 1e4, 128, 0, {"rope_type": "dynamic", "factor": 1.0, "alpha": 1000.0}),
    "qwen2-vl": ("none", 1e6, 128, 0, {"rope_type": "default"}),
    "qwen3-vl": ("none", 5e6, 128, 0, {"rope_type": "default"}),
}


def bits(tensor):
    whole = tensor.detach().float().contiguous().view(torch.int32).flatten()
    return " ".join(f"{x & 0xffffffff:08x}" for x in whole.tolist())


def query(head_dim):
    return torch.tensor([((37 * d + 11) % 64 - 32) / 16 for d in range(head_dim)], dtype=torch.float32)


def config_of(name, kind=LlamaConfig):
    _, base, head_dim, _, parameters = CASES[name]
    parameters = dict(parameters, rope_theta=base)
    longest = parameters.pop("max", int(parameters.get("original_max_position_embeddings", 2048) *
                                        parameters.get("factor", 1)))
    return kind(head_dim=head_dim, hidden_size=head_dim * 2, num_attention_heads=2, num_key_value_heads=2,
                max_position_embeddings=longest, rope_parameters=parameters)


def module_of(name):
    """A rotary embedding after a sequence of the case's length."""
    if name == "alpha":
        return HunYuanDenseV1RotaryEmbedding(config_of(name, HunYuanDenseV1Config))
    config = config_of(name)
    module = modeling_llama.LlamaRotaryEmbedding(config)
    if CASES[name][3] > 0:
        module(torch.zeros(1), torch.tensor([[0, CASES[name][3] - 1]]))
    return module


def transformers_head(name, module, position, layout, dtype=torch.float32):
    """By the model's own functions. forward may change inv_freq by the position (dynamic, longrope): that is undone."""
    code = modeling_cohere if layout == "interleaved" else modeling_llama
    head = query(CASES[name][2])[None, None, None]
    forward = type(module).forward.__wrapped__
    if layout == "interleaved":
        forward = modeling_cohere.CohereRotaryEmbedding.forward.__wrapped__
    cos, sin = forward(module, torch.zeros(1, dtype=dtype), torch.tensor([[position]]))
    q = head * cos[:, None] + code.rotate_half(head) * sin[:, None]
    return q.flatten()


def mrope_head(name, position, sections):
    code = modeling_qwen2_vl if name == "qwen2-vl" else modeling_qwen3_vl
    kind = code.Qwen2VLRotaryEmbedding if name == "qwen2-vl" else code.Qwen3VLTextRotaryEmbedding
    config = config_of(name)
    config.rope_parameters["mrope_section"] = sections
    module = kind(config)
    head = query(CASES[name][2])[None, None, None]
    cos, sin = module(torch.zeros(1), torch.tensor(position).reshape(3, 1, 1))
    return code.apply_rotary_pos_emb(head, head, cos, sin)[0].flatten()


# ---- llama.cpp ----------------------------------------------------------------------------------------------

BEFORE = """
#include <cmath>
#include <cstdint>
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define GGML_ASSERT(x) (void)(x)
template <typename T> struct type_conversion_table {
    static float to_f32(T x) { return x; }
    static T from_f32(float x) { return x; }
};
"""
AFTER = """
struct rope { int dims, half, original, several, interleaved, sections[4]; float base, scale, ext, attn, fast, slow; };
extern "C" void turn(const rope * r, const float * factors, const int64_t * p, float * x, float * cache) {
    const float theta_scale = powf(r->base, -2.0f/r->dims);
    float corr_dims[2];
    int sections[4] = {r->sections[0], r->sections[1], r->sections[2], r->sections[3]};
    ggml_rope_yarn_corr_dims(r->dims, r->original, r->base, r->fast, r->slow, corr_dims);
    if (r->several) {
        ggml_mrope_cache_init(p[0], p[1], p[2], p[0], sections, r->interleaved, false, r->scale, factors, corr_dims,
                              r->dims, r->ext, r->attn, cache, 1.0f, theta_scale);
    } else {
        ggml_rope_cache_init(p[0], r->scale, factors, corr_dims, r->dims, r->ext, r->attn, cache, 1.0f, theta_scale);
    }
    if (r->half) rotate_pairs<float>(r->dims, r->dims/2, cache, x, x);
    else rotate_pairs<float>(r->dims, 1, cache, x, x, 1);
}
"""


class Rope(ctypes.Structure):
    _fields_ = ([(name, ctypes.c_int) for name in ("dims", "half", "original", "several", "interleaved")] +
                [("sections", ctypes.c_int * 4)] +
                [(name, ctypes.c_float) for name in ("base", "scale", "ext", "attn", "fast", "slow")])


def compile_ggml(checkout, folder):
    with open(os.path.join(checkout, "src/ggml-cpu/ops.cpp"), encoding="utf-8") as file:
        ops = file.read()
    with open(os.path.join(checkout, "src/ggml.c"), encoding="utf-8") as file:
        ends = re.search(r"static float ggml_rope_yarn_corr_dim\(.*?\n}\n.*?\n}\n", file.read(), re.S).group(0)
    functions = re.search(r"static float rope_yarn_ramp\(.*?(?=\ntemplate<typename T> //float or ggml_fp16_t)", ops,
                          re.S)
    source, library = os.path.join(folder, "rope.cpp"), os.path.join(folder, "rope.so")
    with open(source, "w", encoding="utf-8") as file:
        file.write(BEFORE + ends + functions.group(0) + AFTER)
    subprocess.run(["c++", "-std=c++17", "-O2", "-ffp-contract=off", "-w", "-shared", "-fPIC", source, "-o", library],
                   check=True)
    return ctypes.CDLL(library)


def llama3_divisors():
    """As llama.cpp's converter has them, of real frequencies."""
    _, base, dim, _, rule = CASES["llama3"]
    factor, low, high, length = 8.0, rule["low_freq_factor"], rule["high_freq_factor"], 8192
    for pair in range(dim // 2):
        turns = length * base ** (-2 * pair / dim) / (2 * math.pi)
        smooth = min(max((turns - low) / (high - low), 0.0), 1.0)
        yield 1 / ((1 - smooth) / factor + smooth)


def ggml_head(library, name, position, layout, sections=None, interleaved=False):
    _, base, dim, _, _ = CASES[name]
    rope = Rope(dims=dim, half=layout == "half", original=32768, several=sections is not None, interleaved=interleaved,
                sections=(ctypes.c_int * 4)(*(sections or ()), 0), base=base, scale=1.0, ext=0.0, attn=1.0, fast=32.0,
                slow=1.0)
    factors = None
    if name == "linear":
        rope.scale = torch.tensor(1.0).div(torch.tensor(2.7)).item()
    elif name == "llama3":
        factors = (ctypes.c_float * (dim // 2))(*llama3_divisors())
    elif name == "yarn":  # llama-context.cpp: get_mscale(4, 1) / (1 + 0.1 ln 4), in float32
        grown = torch.tensor(0.1) * torch.tensor(4.0).log() + 1.0
        rope.scale, rope.ext, rope.attn = 0.25, 1.0, (grown * (1.0 / grown)).item()
    head = (ctypes.c_float * dim)(*query(dim).tolist())
    library.turn(ctypes.byref(rope), factors, (ctypes.c_int64 * 3)(*position), head, (ctypes.c_float * (2 * dim))())
    return torch.tensor(list(head), dtype=torch.float32)


# ---- files --------------------------------------------------------------------------------------------------


def write_inv_freq(path):
    with open(path, "w", encoding="ascii") as file:
        for name, (rule, base, head_dim, length, parameters) in CASES.items():
            if parameters["rope_type"] == "proportional":
                inv_freq, attention = ROPE_INIT_FUNCTIONS["proportional"](config_of(name))
            elif name == "longrope":  # the module starts with the short list; both are the same here
                inv_freq, attention = ROPE_INIT_FUNCTIONS["longrope"](config_of(name))
            else:
                module = module_of(name)
                inv_freq, attention = module.inv_freq, module.attention_scaling
            print(name, rule, f"{base:.0f}", head_dim, 0, length, bits(torch.tensor(attention, dtype=torch.float32)),
                  bits(inv_freq), sep="\t", file=file)


def write_rotated(path, library):
    with open(path, "w", encoding="ascii") as file:

        def line(name, phase, layout, position, sections, head):
            print(name, phase, layout, ",".join(map(str, position)), sections, bits(head), sep="\t", file=file)

        for name, layout in (("none", "half"), ("dynamic-grown", "half"), ("yarn", "interleaved"), ("llama3", "half")):
            for position in POSITIONS:
                line(name, "hf-fp32", layout, [position], "-",
                     transformers_head(name, module_of(name), position, layout))
        for position in POSITIONS:
            line("yarn", "bf16-tables", "half", [position], "-",
                 transformers_head("yarn", module_of("yarn"), position, "half", torch.bfloat16))
            line("llama3", "bf16-inv-freq", "half", [position], "-",
                 transformers_head("llama3", module_of("llama3").to(torch.bfloat16), position, "half"))
        for name, sections, mark in (("qwen2-vl", [16, 24, 24], ""), ("qwen3-vl", [24, 20, 20], "i")):
            for position in IMAGE:
                words = mark + ",".join(map(str, sections))
                line(name, "hf-fp32", "half", position, words, mrope_head(name, position, sections))
                line(name, "ggml-fp32", "half", position, words,
                     ggml_head(library, name, position, "half", sections, mark == "i"))
        for name, layout in (("none", "half"), ("linear", "interleaved"), ("yarn", "half"), ("llama3", "interleaved")):
            for position in POSITIONS:
                line(name, "ggml-fp32", layout, [position], "-", ggml_head(library, name, [position], layout))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if transformers.__version__ != TRANSFORMERS:
        sys.exit(f"transformers {transformers.__version__}, the data is of {TRANSFORMERS}")
    with tempfile.TemporaryDirectory() as folder:
        library = compile_ggml(sys.argv[2], folder)
        write_inv_freq(os.path.join(sys.argv[1], "inv_freq.tsv"))
        write_rotated(os.path.join(sys.argv[1], "rotated.tsv"), library)


if __name__ == "__main__":
    main()
