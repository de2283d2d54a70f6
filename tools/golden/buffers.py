#!/usr/bin/env python3
# buffers.py - buffers of frequencies, right and wrong, and the verdict on each
# SPDX-License-Identifier: MIT
"""Writes tests/data/compare.tsv. Needs transformers 5.24.0, torch, numpy and ml_dtypes.

    python3 tools/golden/buffers.py tests/data/compare.tsv

A line is a buffer and the rule it is compared with: name, base, head_dim, rotary_dim, layout, length and scaling
of the rule, rows of the buffer, verdict, the parameter that explains it and its value (- for none), words of the
sentence, and the float32 numbers of the buffer as bits. Scaled frequencies are transformers' own where it has the
rule; the others are numpy's, from the formulas of the papers. The lists of LongRoPE are Phi-3.5-mini-instruct's, as
tests/data/rules/lists.tsv has them.
"""
import os
import sys

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import ml_dtypes
import numpy
import torch
import transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

TRANSFORMERS = "5.24.0"
TAU = 2 * numpy.pi
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
LLAMA3_TEXT = "llama3:factor=8,low=1,high=4,original=8192"


def plain(base, dim=128, pairs=None):
    """base^(-2i/dim) of the first pairs."""
    return numpy.power(float(base), -2.0 * numpy.arange(pairs or dim // 2) / dim)


def hf(rope_type, base, dim=128, seq_len=None, trained=131072, **params):
    """inv_freq as transformers makes it."""
    parameters = {"rope_type": rope_type, "rope_theta": float(base), **params}
    config = transformers.LlamaConfig(hidden_size=32 * dim, num_attention_heads=32, head_dim=dim,
                                      max_position_embeddings=trained, rope_parameters=parameters)
    return ROPE_INIT_FUNCTIONS[rope_type](config, "cpu", seq_len=seq_len)[0].float().numpy()


def llama3(base=5e5, dim=128, **changed):
    return hf("llama3", base, dim, **{**LLAMA3, **changed})


def yarn(base=1e6, dim=128, factor=4.0, original=32768, **params):
    return hf("yarn", base, dim, factor=factor, original_max_position_embeddings=original, **params)


def ntk(base, factor, dim=128):
    return plain(base * factor ** (dim / (dim - 2)), dim)


def ntk_mixed(base, factor, b, dim=128):
    share = (numpy.arange(dim // 2) + 1) / (dim // 2)
    return plain(base, dim) * numpy.exp(-numpy.log(factor) * share ** b)


def proportional(base, rotated, dim=128):
    """The first pairs of a head that rotates whole, and zeros."""
    pairs = int(rotated * dim / 2)
    return numpy.concatenate([plain(base, dim, pairs), numpy.zeros(dim // 2 - pairs)])


def axial(max_freq, points, pairs):
    return numpy.pi * numpy.linspace(1.0, max_freq / 2, pairs) * 2 / (points - 1)


def bf16(values):
    return numpy.float32(values).astype(ml_dtypes.bfloat16).astype(numpy.float32)


def fp16(values):
    with numpy.errstate(over="ignore"):
        return numpy.float32(values).astype(numpy.float16).astype(numpy.float32)


def halves(values):
    return numpy.concatenate([values, values])


def neighbours(values):
    return numpy.repeat(values, 2)


def changed(values, **pairs):
    values = numpy.array(values)
    for pair, factor in pairs.items():
        values[int(pair[1:])] *= factor
    return values


class Table:
    def __init__(self, out, lists):
        self.out, self.lists, self.names = out, lists, set()

    def add(self, name, numbers, verdict, words="", parameter="-", value="-", base=5e5, head=128, rotary=0,
            layout="half", length=0, scaling="none", rows=1):
        assert name not in self.names, name
        self.names.add(name)
        bits = numpy.float32(numpy.ravel(numbers)).view(numpy.uint32)
        fields = (name, f"{base:.17g}", head, rotary, layout, length, scaling, rows, verdict, parameter, value,
                  words or "-", " ".join(f"{word:08x}" for word in bits))
        print(*fields, sep="\t", file=self.out)


def lengths(table):
    short, long = table.lists
    text = f"longrope:original=4096,short={'/'.join(map(repr, short))},long={'/'.join(map(repr, long))},max=131072"
    rule = {"base": 1e4, "head": 96, "scaling": text}

    def phi(seq_len):
        return hf("longrope", 1e4, 96, seq_len, factor=32.0, original_max_position_embeddings=4096,
                  short_factor=short, long_factor=long)

    table.add("longrope-loaded", phi(None), "match", "short list (lengths up to 4096)", **rule)
    table.add("longrope-after-5000", phi(5000), "match", "long list (lengths beyond 4096)", **rule)
    table.add("longrope-wavelengths", TAU / phi(None), "wavelength", "short list", **rule)
    table.add("longrope-stacked", [phi(5000)] * 2, "match", "in each of 2 rows", rows=2, **rule)
    table.add("longrope-both", [phi(None), phi(5000)], "match", "rows before it match too", rows=2, **rule)
    table.add("longrope-given-length", phi(None), "length", "short list", "length", length=131072, **rule)
    table.add("longrope-unscaled", plain(1e4, 96), "unscaled", "longrope", "scaling", **rule)
    table.add("longrope-bf16", bf16(phi(5000)), "bf16", "long list", **rule)
    for which, divisors in (("short", short), ("long", long)):
        table.add(f"longrope-{which}-other-base", plain(1e6, 96) / divisors, "base", "base 1000000", "base", 1000000,
                  **rule)
    rule = {"base": 1e4, "scaling": "dynamic:factor=2,max=2048"}

    def grown(seq_len):
        return hf("dynamic", 1e4, seq_len=seq_len, trained=2048, factor=2.0)

    table.add("dynamic-loaded", grown(None), "match", "original base (lengths up to 2048)", **rule)
    table.add("dynamic-after-8192", grown(8192), "match", "a length of 8192", **rule)
    table.add("dynamic-after-5001", grown(5001), "match", "a length of 5001", **rule)
    table.add("dynamic-elements", halves(grown(16384)), "match", "a length of 16384", **rule)
    table.add("dynamic-given-length", grown(8192), "length", "a length of 8192", "length", 8192, length=4096, **rule)
    table.add("dynamic-not-grown", grown(None), "length", "a length of", "length", length=4096, **rule)


def units(table):
    table.add("reciprocal", 1 / plain(1e4, 64), "reciprocal", "1/inv_freq", base=1e4, head=64)
    table.add("wavelength", TAU / plain(1e4, 64), "wavelength", "wavelengths", base=1e4, head=64)
    table.add("turns", plain(1e4, 64) / TAU, "turns", "turns a token", base=1e4, head=64)
    table.add("reciprocal-llama3", 1 / llama3(), "reciprocal", scaling=LLAMA3_TEXT)
    table.add("turns-yarn", yarn() / TAU, "turns", base=1e6, scaling="yarn:factor=4,original=32768")
    table.add("wavelength-linear", TAU / (plain(5e5) / 4), "wavelength", scaling="linear:factor=4")
    table.add("reciprocal-interleaved", neighbours(1 / plain(1e4)), "reciprocal", "interleaved", base=1e4,
              layout="interleaved")
    table.add("reciprocal-of-other-base", 1 / plain(1e4), "base", "1/inv_freq", "base", 10000)
    table.add("wavelength-of-other-base", TAU / plain(1e4), "base", "wavelengths", "base", 10000)
    table.add("turns-of-other-base", plain(1e4) / TAU, "base", "turns", "base", 10000)
    table.add("reciprocal-of-other-factor", 1 / llama3(factor=32.0), "parameter", "factor 32", "factor", 32,
              scaling=LLAMA3_TEXT)
    table.add("reciprocal-unscaled", 1 / plain(5e5), "unscaled", "llama3", "scaling", scaling=LLAMA3_TEXT)
    table.add("reciprocal-bf16", bf16(1 / plain(5e5)), "bf16", "1/inv_freq")


def orders(table):
    values = plain(5e5)
    table.add("reversed", values[::-1], "reversed", "slowest pair comes first")
    table.add("reversed-reciprocal", 1 / values[::-1], "reversed", "1/inv_freq")
    table.add("reversed-wavelength", TAU / values[::-1], "reversed", "wavelengths")
    table.add("reversed-other-base", plain(1e4)[::-1], "base", "reverse order", "base", 10000)
    table.add("even-then-odd", numpy.concatenate([values[::2], values[1::2]]), "permuted",
              "pair 1 is at index 32")
    table.add("two-swapped", values[[0, 1, 3, 2, *range(4, 64)]], "permuted", "pair 2 is at index 3")
    table.add("permuted-reciprocal", 1 / values[[*range(32, 64), *range(32)]], "permuted", "1/inv_freq")
    table.add("halves", halves(values), "match", "half layout")
    table.add("neighbours", neighbours(values), "layout", "wrong elements")
    table.add("neighbours-interleaved", neighbours(values), "match", "interleaved", layout="interleaved")
    table.add("halves-interleaved", halves(values), "layout", "wrong elements", layout="interleaved")
    table.add("halves-other-base", halves(plain(1e4)), "base", "half layout", "base", 10000)
    table.add("stacked", [values] * 2, "match", "in each of 2 rows", rows=2)
    table.add("stacked-reciprocal", [1 / values] * 3, "reciprocal", "in each of 3 rows", rows=3)
    table.add("stacked-columns", numpy.stack([values] * 2, axis=1), "match", "in each of 2 rows", rows=64)
    table.add("stacked-other-base", [values, plain(1e4)], "base", "row 1 of 2", "base", 10000, rows=2)


def precisions(table):
    apertus = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 8192}
    small = hf("llama3", 12e6, **apertus)
    table.add("bf16", bf16(plain(1e6)), "bf16", "bfloat16", base=1e6)
    table.add("bf16-llama3", bf16(llama3()), "bf16", scaling=LLAMA3_TEXT)
    table.add("bf16-turns", bf16(plain(1e4) / TAU), "bf16", "turns", base=1e4)
    table.add("bf16-halves", halves(bf16(plain(1e6))), "bf16", base=1e6)
    table.add("bf16-other-base", bf16(plain(1e4)), "base", "bfloat16", "base", 10000)
    table.add("bf16-unscaled", bf16(plain(5e5)), "unscaled", "bfloat16", "scaling", scaling=LLAMA3_TEXT)
    table.add("fp16", fp16(plain(1e4)), "fp16", "float16", base=1e4)
    table.add("fp16-with-zeros", fp16(small), "fp16", "float16", base=12e6, scaling=LLAMA3_TEXT)
    table.add("fp16-turns", fp16(plain(5e5) / TAU), "fp16", "turns")
    table.add("fp16-infinite", fp16(1 / plain(5e5)), "fp16", "1/inv_freq")
    table.add("fp16-other-base", fp16(plain(1e4)), "base", "float16", "base", 10000)
    table.add("fp16-unscaled", fp16(plain(12e6)), "unscaled", "float16", "scaling", base=12e6, scaling=LLAMA3_TEXT)


def parameters(table):
    def one(name, numbers, parameter, value, **rule):
        table.add(name, numbers, "base" if parameter == "base" else "parameter", parameter.split("-")[0], parameter,
                  value, **rule)

    llama = {"scaling": "llama3:factor=32,low=1,high=4,original=8192"}
    one("llama3-factor", llama3(), "factor", 8, **llama)
    one("llama3-base", llama3(1e4, factor=32.0), "base", 10000, **llama)
    one("llama3-low", llama3(factor=32.0, low_freq_factor=2.0), "low", 2, **llama)
    one("llama3-high", llama3(factor=32.0, high_freq_factor=8.0), "high", 8, **llama)
    one("llama3-original", llama3(factor=32.0, original_max_position_embeddings=4096), "original", 4096, **llama)
    one("llama3-odd-factor", llama3(factor=11.5), "factor", 11.5, **llama)
    one("llama3-odd-base", llama3(314159.0, factor=32.0), "base", 314159, **llama)
    yarns = {"base": 1e6, "scaling": "yarn:factor=4,original=32768"}
    one("yarn-factor", yarn(factor=2.0), "factor", 2, **yarns)
    one("yarn-original", yarn(original=8192), "original", 8192, **yarns)
    one("yarn-beta-fast", yarn(beta_fast=16), "beta-fast", 16, **yarns)
    one("yarn-beta-slow", yarn(beta_slow=0.25), "beta-slow", 0.25, **yarns)
    one("yarn-odd-factor", yarn(factor=3.7), "factor", 3.7, **yarns)
    one("yarn-base", yarn(1e4), "base", 10000, **yarns)
    one("yarn-untruncated", yarn(truncate=False), "untruncated", 1, **yarns)
    one("linear-factor", plain(5e5) / 2, "factor", 2, scaling="linear:factor=4")
    one("ntk-factor", ntk(1e4, 8), "factor", 8, base=1e4, scaling="ntk:factor=4")
    one("alpha", ntk(1e4, 50), "alpha", 50, base=1e4, scaling="alpha:alpha=1000")
    one("mixed-b", ntk_mixed(1e4, 8, 0.5), "b", 0.5, base=1e4, scaling="ntk-mixed:factor=8,b=0.625")
    one("rotated", proportional(1e6, 0.5), "rotated", 0.5, base=1e6, scaling="proportional:rotated=0.25")
    one("axial-points", axial(256, 64, 16), "points", 64, head=32, scaling="axial:max-freq=256,points=32")
    one("axial-max-freq", axial(64, 16, 16), "max-freq", 64, head=32, scaling="axial:max-freq=33.3,points=16")
    one("vision-base", halves(plain(1e4, 44, 22)), "base", 10000, base=1e5, head=88, scaling="vision-2d")
    one("plain-base", plain(1e4), "base", 10000)
    one("plain-odd-base", plain(160000), "base", 160000)
    table.add("axial", axial(33.3, 16, 7), "match", head=14, scaling="axial:max-freq=33.3,points=16")
    table.add("base-divided", plain(1e4) / 8, "base", "divided by 8", "base", 10000)
    table.add("other-base-unscaled", plain(1e4), "base", "no scaling", "base", 10000, scaling=LLAMA3_TEXT)


def rules(table):
    def one(name, numbers, words, **rule):
        table.add(name, numbers, "rule", words, "scaling", **rule)

    one("yarn-in-plain", yarn(), "yarn:factor=4,original=32768", base=1e6)
    one("yarn-in-plain-1e4", yarn(1e4, factor=16.0, original=4096), "yarn:factor=16,original=4096", base=1e4)
    one("llama3-in-plain", llama3(), LLAMA3_TEXT)
    one("linear-in-plain", plain(5e5) / 4, "linear:factor=4")
    one("ntk-in-plain", ntk(1e4, 4), "ntk:factor=4", base=1e4)
    one("ntk-fixed-in-plain", numpy.power(5e5 * 4, -2 * numpy.arange(64) / 128) / 4 ** (2 / 128),
        "ntk-fixed:factor=4")
    one("mixed-in-plain", ntk_mixed(1e4, 8, 0.625), "ntk-mixed:factor=8,b=0.625", base=1e4)
    one("proportional-in-plain", proportional(1e6, 0.25), "proportional:rotated=0.25", base=1e6)
    one("linear-for-yarn", plain(1e6) / 4, "linear:factor=4", base=1e6, scaling="yarn:factor=4,original=32768")
    one("yarn-for-linear", yarn(), "yarn:factor=4,original=32768", base=1e6, scaling="linear:factor=4")
    one("llama3-for-yarn", llama3(), LLAMA3_TEXT, scaling="yarn:factor=8,original=8192")
    one("two-numbers-of-yarn", yarn(factor=8.0, original=4096), "yarn:factor=8,original=4096", base=1e6,
        scaling="yarn:factor=4,original=32768")
    one("two-numbers-of-llama3", llama3(factor=32.0, original_max_position_embeddings=4096),
        "llama3:factor=32,low=1,high=4,original=4096", scaling=LLAMA3_TEXT)
    one("llama3-and-base", llama3(), LLAMA3_TEXT + " over base 500000", base=1e4)
    one("yarn-and-base", yarn(), "yarn:factor=4,original=32768 over base 1000000", base=1e4)
    table.add("llama3-missing", plain(5e5), "unscaled", "llama3", "scaling", scaling=LLAMA3_TEXT)
    table.add("yarn-missing", plain(1e6), "unscaled", "yarn", "scaling", base=1e6,
              scaling="yarn:factor=4,original=32768")


def dimensions(table):
    half, quarter = {"head": 128, "rotary": 64}, {"head": 128, "rotary": 32}
    table.add("exponent", plain(5e5, 128, 32), "exponent", "head dim", "dimension", 128, **half)
    table.add("exponent-quarter", plain(1e4, 128, 16), "exponent", "head dim", "dimension", 128, base=1e4, **quarter)
    table.add("exponent-llama3", llama3()[:32], "exponent", "head dim", "dimension", 128, scaling=LLAMA3_TEXT, **half)
    table.add("exponent-reciprocal", 1 / plain(5e5, 128, 32), "exponent", "1/inv_freq", "dimension", 128, **half)
    table.add("exponent-proportional", numpy.concatenate([plain(1e6, 32), numpy.zeros(48)]), "exponent",
              "elements that rotate", "dimension", 32, base=1e6, scaling="proportional:rotated=0.25")
    table.add("twice", plain(1e4, 8), "partial-twice", "applied twice", "rotary-dim", 8, base=1e4, **quarter)
    table.add("ignored", plain(1e4, 128), "partial-ignored", "not applied", "rotary-dim", 128, base=1e4, **quarter)
    table.add("ignored-base-1e7", plain(1e7, 256), "partial-ignored", "0.25", "rotary-dim", 256, base=1e7, head=256,
              rotary=64)
    table.add("share", plain(5e5, 96), "rotary-dim", "0.75", "rotary-dim", 96, **half)
    table.add("wider-head", plain(5e5, 128), "head-dim", "128", "head-dim", 128, head=64)
    table.add("first-pairs", plain(5e5, 128, 40), "count", "first 40", "pairs", 40)
    table.add("first-pairs-of-the-head", plain(5e5, 128, 24), "exponent", "rotates whole", "dimension", 128, **half)
    table.add("unscaled-and-ignored", plain(5e5, 128), "unscaled", "64 pairs", "scaling", scaling=LLAMA3_TEXT, **half)
    table.add("count-and-base", plain(1e4, 64), "base", "32 pairs of base 10000", "base", 10000)


def broken(table):
    values, odd = plain(5e5), {"uninitialised": numpy.array(plain(5e5))}
    noise = numpy.array([0x7f800001 * (i % 7 == 3) + 0x01000000 * i for i in range(64)], numpy.uint32)
    table.add("zeros", numpy.zeros(64), "uninitialised", "uninitialised memory")
    table.add("noise", noise.view(numpy.float32), "uninitialised", "uninitialised memory")
    odd["uninitialised"][9] = -1
    table.add("negative", odd["uninitialised"], "uninitialised", "number 9 is -1")
    table.add("one-pair", changed(values, p33=1.01), "differs", "1 of 64 pairs differ; pair 33 is")
    table.add("three-pairs", changed(values, p5=1.001, p17=0.9, p40=3), "differs", "pairs 5, 17, 40; pair 5 is")
    table.add("ten-pairs", changed(values, **{f"p{i}": 1.5 for i in range(20, 30)}), "differs", "26, 27, and more")
    table.add("one-wavelength", changed(TAU / values, p12=1.01), "differs", "wavelengths")
    table.add("ones", numpy.ones(64), "differs", "63 of 64")
    table.add("count", numpy.exp(-numpy.arange(15.0) ** 2 / 9), "count", "15 numbers; the rule has 64")
    table.add("not-a-power", 1 / (1 + numpy.arange(64.0)), "differs", "63 of 64")


def tables(table):
    """Cosines and sines of a small head at 33 positions, in float32 as stacks make them."""
    def angles(inv_freq):
        return torch.outer(torch.arange(33).float(), torch.tensor(numpy.float32(inv_freq)))

    def cell(function, inv_freq, gain=1.0, copies=2):
        return (torch.cat([function(angles(inv_freq))] * copies, dim=1) * gain).numpy()

    small = {"base": 1e4, "head": 16, "rows": 33}
    scaled = {**small, "scaling": "yarn:factor=4,original=512"}
    gain = 0.1 * numpy.log(4.0) + 1
    slow = yarn(1e4, 16, 4.0, 512)
    table.add("cosines", cell(torch.cos, plain(1e4, 16)), "table", "cosines of the rule's", **small)
    table.add("cosines-one-a-pair", cell(torch.cos, plain(1e4, 16), copies=1), "table", "0 to 32", **small)
    table.add("sines", cell(torch.sin, plain(1e4, 16)), "table", "sines", **small)
    table.add("cosines-then-sines", numpy.concatenate([cell(torch.cos, plain(1e4, 16), copies=1),
                                                       cell(torch.sin, plain(1e4, 16), copies=1)], axis=1),
              "table", "cosines and sines", **small)
    table.add("cosines-of-neighbours", numpy.repeat(cell(torch.cos, plain(1e4, 16), copies=1), 2, axis=1), "table",
              "cosines", **small)
    table.add("cosines-bf16", bf16(cell(torch.cos, plain(1e4, 16))), "table", "cosines", **small)
    table.add("cosines-yarn", cell(torch.cos, slow, gain), "table", "times 1.13862", **scaled)
    table.add("sines-yarn", cell(torch.sin, slow, gain), "table", **scaled)
    table.add("attention-missing", cell(torch.cos, slow), "attention", "times 1;", "attention", 1, **scaled)
    table.add("attention-squared", cell(torch.cos, slow, gain ** 2), "attention", "squared", "attention",
              float(numpy.float32(gain ** 2)), **scaled)
    table.add("cosines-of-other-base", cell(torch.cos, plain(5e5, 16)), "differs", "position 1, pair 1", **small)
    table.add("sines-unscaled", cell(torch.sin, plain(1e4, 16)), "differs", "differs from the rule", **scaled)
    table.add("zeros-in-rows", numpy.zeros((33, 8)), "uninitialised", **small)


def main():
    if transformers.__version__ != TRANSFORMERS:
        sys.exit(f"transformers is {transformers.__version__}; the table is made with {TRANSFORMERS}")
    folder = os.path.dirname(os.path.abspath(sys.argv[1]))
    lists = {}
    with open(os.path.join(folder, "rules", "lists.tsv"), encoding="ascii") as file:
        for line in file:
            if not line.startswith("#"):
                name, numbers = line.rstrip("\n").split("\t")[:2]
                lists[name] = [float(word) for word in numbers.split("/")]
    torch.manual_seed(0)
    with open(sys.argv[1], "w", encoding="ascii") as out:
        print("# name", "base", "head_dim", "rotary_dim", "layout", "length", "scaling", "rows", "verdict", "parameter",
              "value", "words", "float32 bits", sep="\t", file=out)
        table = Table(out, (lists["phi-3.5-mini-short"], lists["phi-3.5-mini-long"]))
        for part in (lengths, units, orders, precisions, parameters, rules, dimensions, broken, tables):
            part(table)


main()
