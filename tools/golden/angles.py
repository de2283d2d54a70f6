#!/usr/bin/env python3
# angles.py - heads that torch rotates by 16-bit angles, for tests/data/stacks/angles16.tsv
# SPDX-License-Identifier: MIT
"""Prints lines of the form of tests/data/stacks/rotated.tsv. Needs transformers 5.24.0 and torch.

    python3 tools/golden/angles.py > tests/data/stacks/angles16.tsv

Each head is rotated in both ways that the public reports describe, which must agree in every bit: by a matrix product of
float32 under torch.autocast (diffusers issue 13920), and by a module cast to 16 bits that casts its positions too and
multiplies with einsum (transformers issue 25681, gpt-neox issue 1003, candle pull request 3520). PyTorch runs its plain
loops: its vector code gives other last bits on other CPUs.
"""
import os
import sys

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import torch
import transformers
from transformers import LlamaConfig
from transformers.models.llama import modeling_llama

TRANSFORMERS = "5.24.0"
POSITIONS = (0, 1, 255, 257, 4095, 65504, 65536, 65552, 131071, 1048575)
TYPES = {"bf16-angles": torch.bfloat16, "fp16-angles": torch.float16}
YARN = {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 32768}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192}
CASES = {  # names of tests/data/stacks/inv_freq.tsv; layouts
    "none": ({"rope_type": "default", "rope_theta": 1e4}, ("half",)),
    "yarn": (YARN, ("half", "interleaved")),
    "llama3": (LLAMA3, ("half",)),
}
HEAD_DIM = 128


def turned(cos, sin, layout):
    """The query of rotated.tsv in float32, by tables [pairs] of 16 bits."""
    x = torch.tensor([((37 * d + 11) % 64 - 32) / 16 for d in range(HEAD_DIM)], dtype=torch.float32)
    if layout == "half":
        first, second = x.chunk(2)
        return torch.cat((first * cos - second * sin, second * cos + first * sin))
    first, second = x[0::2], x[1::2]
    return torch.stack((first * cos - second * sin, second * cos + first * sin), dim=-1).flatten()


def by_autocast(module, position, dtype):
    places = torch.tensor([[position]])[:, None, :].float()
    with torch.autocast("cpu", dtype):
        freqs = (module.inv_freq[None, :, None].float() @ places).transpose(1, 2)
        return tuple((table * module.attention_scaling)[0, 0] for table in (freqs.cos(), freqs.sin()))


def by_cast(module, position, dtype):
    inv_freq = module.inv_freq.to(dtype)
    freqs = torch.einsum("i,j->ij", torch.tensor([position]).type_as(inv_freq), inv_freq)
    return tuple((table * module.attention_scaling)[0] for table in (freqs.cos(), freqs.sin()))


def main():
    if transformers.__version__ != TRANSFORMERS:
        sys.exit(f"transformers {transformers.__version__}, the data is of {TRANSFORMERS}")
    for name, (parameters, layouts) in CASES.items():
        config = LlamaConfig(head_dim=HEAD_DIM, hidden_size=2 * HEAD_DIM, num_attention_heads=2, num_key_value_heads=2,
                             max_position_embeddings=131072, rope_parameters=parameters)
        module = modeling_llama.LlamaRotaryEmbedding(config)
        for phase, dtype in TYPES.items():
            for position in POSITIONS:
                cos, sin = by_autocast(module, position, dtype)
                for one, other in zip((cos, sin), by_cast(module, position, dtype)):
                    assert one.dtype == other.dtype == dtype and torch.equal(one.nan_to_num(9), other.nan_to_num(9))
                for layout in layouts:
                    head = turned(cos, sin, layout).view(torch.int32).tolist()
                    print(name, phase, layout, position, "-", " ".join(f"{x & 0xffffffff:08x}" for x in head), sep="\t")


if __name__ == "__main__":
    main()
