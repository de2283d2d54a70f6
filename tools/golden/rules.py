#!/usr/bin/env python3
# rules.py - what transformers computes for each RoPE rule, and the same in 60 digits
# SPDX-License-Identifier: MIT
"""Writes tests/data/rules/{exact,transformers,rotated}.tsv. Needs transformers 5.24.0, torch and mpmath.

    python3 tools/golden/rules.py tests/data/rules

cases.tsv and lists.tsv say what is computed.
exact.tsv: name, rule as ropemap_scaling_parse takes it, base, head_dim, rotary_dim, length, attention factor and
  the frequencies in radians a token: the formulas read as formulas of real numbers, 20 digits.
transformers.tsv: name, the model code that ran, repr of its attention factor, its float32 inv_freq as bits.
rotated.tsv: first the query, 512 float32 as bits, of which a head takes as many as it has; then name, layout,
  position and the head that transformers makes of the query at that position, in float32. The rule is that of the
  case's length throughout. Of cases with the same bits only the first is listed. The query's entries are exact, in
  [-2, 2): state = state * 6364136223846793005 + 1442695040888963407 mod 2^64 from state 1, an entry is the state's
  upper 24 bits less 2^23, over 2^22.

PyTorch's vectorised power is off by an ulp in about one value of fifty, and in others on AVX2 than on AVX-512; its
plain loop calls the C library's powf, which rounds all these values correctly. The plain loop is used, so the
bits are those of the arithmetic, not of a CPU. Cosines and sines are PyTorch's own, within an ulp.

A name says whose numbers a case uses, for orientation only; "made" is no model. The
second column of cases.tsv is the code that runs, not always that model's own. The lists of LongRoPE in lists.tsv are
Phi-3.5-mini-instruct's, Phi-4-mini-instruct's and MiniCPM-1B's (whose two lists are alike), as published, with
the six digits of Llama 3.1's divisors.
"""
import os
import sys

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import importlib
import math
from dataclasses import dataclass

import torch
import transformers
from mpmath import ceil, exp, floor, log, mp, mpf, nstr, pi, sqrt
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

TRANSFORMERS = "5.24.0"
POSITIONS = (0, 1, 4095, 131071, 1048575)
MILLION = 1048576


@dataclass
class Case:
    """A rule under ropemap's names; `code` is the model of transformers that computes it, "" where none does."""
    name: str
    code: str
    base: float
    head_dim: int
    rotary_dim: int
    length: int
    rule: str
    params: dict

    def rotated_dims(self):
        return self.rotary_dim or self.head_dim

    def text(self):
        keys = ",".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.rule}:{keys}" if keys else self.rule

    def number(self, key, otherwise=None):
        """The double that a reader of the text gets, exactly."""
        value = self.params.get(key, otherwise)
        return None if value is None else mpf(float(value))

    def divisors(self, key):
        return [mpf(float(word)) for word in self.params[key].split("/")]


def read_rows(folder, name):
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]


def read_cases(folder, lists):
    cases = []
    for name, code, base, head_dim, rotary_dim, length, text in read_rows(folder, "cases.tsv"):
        rule, _, keys = text.partition(":")
        params = dict(pair.split("=") for pair in keys.split(",") if pair)
        params = {key: lists[value[1:]] if value.startswith("@") else value for key, value in params.items()}
        cases.append(Case(name, code.strip("-"), float(base), int(head_dim), int(rotary_dim), int(length), rule,
                          params))
    return cases


# ---- the formulas, as formulas of real numbers --------------------------------------------------------------


def yarn_ends(case):
    dim, length = case.rotated_dims(), case.number("original")

    def pair(turns):
        return dim * log(length / (2 * pi * turns)) / (2 * log(mpf(case.base)))

    low, high = pair(case.number("beta-fast", 32)), pair(case.number("beta-slow", 1))
    if "untruncated" not in case.params:
        low, high = floor(low), ceil(high)
    return max(low, mpf(0)), min(high, mpf(dim - 1))


def clamp(x):
    return min(max(x, mpf(0)), mpf(1))


def yarn_share(case, pair, theta):
    """How much of the pair is interpolated, 0 to 1."""
    if case.params.get("ramp") == "paper":
        slow, fast = case.number("beta-slow", 1), case.number("beta-fast", 32)
        return 1 - clamp((case.number("original") * theta / (2 * pi) - slow) / (fast - slow))
    low, high = yarn_ends(case)
    width = max(high - low, mpf("0.001")) if case.rule == "ggml" else high - low if high != low else mpf("0.001")
    return clamp((pair - low) / width)


def grown_thetas(case, growth):
    dim = case.rotated_dims()
    base = mpf(case.base) * growth ** (mpf(dim) / (dim - 2))
    return [base ** (-mpf(2 * i) / dim) for i in range(dim // 2)]


def llama3_theta(case, theta):
    s, low, high, length = (case.number(key) for key in ("factor", "low", "high", "original"))
    wavelength = 2 * pi / theta
    if wavelength < length / high:
        return theta
    if wavelength > length / low:
        return theta / s
    k = (length / wavelength - low) / (high - low)
    return (1 - k) * theta / s + k * theta


def dynamic_growth(case):
    s, most = case.number("factor"), case.number("max")
    return s * max(mpf(case.length), most) / most - (s - 1)


def ggml_theta(case, pair, theta):
    scale, ext = case.number("scale", 1), case.number("ext", 0)
    whole = theta / (case.divisors("divisors")[pair] if "divisors" in case.params else 1)
    if ext == 0:
        return scale * whole
    kept = (1 - yarn_share(case, pair, theta)) * ext
    return scale * whole * (1 - kept) + whole * kept


def is_long(case):
    use = case.params.get("use", "auto")
    return use == "long" or (use == "auto" and case.length > case.number("original"))


def factor_of(case):
    factor = case.number("factor")
    return factor if factor is not None else case.number("max") / case.number("original")


def exact_frequencies(case):
    """Radians a token of each pair."""
    dim, base, s = case.rotated_dims(), mpf(case.base), case.number("factor", 1)
    half = dim // 2
    theta = [base ** (-mpf(2 * i) / dim) for i in range(half)]
    if case.rule in ("none", "linear"):
        return [t / s for t in theta]
    if case.rule in ("ntk", "alpha", "dynamic"):
        return grown_thetas(case, dynamic_growth(case) if case.rule == "dynamic" else case.number("alpha", s))
    if case.rule == "yarn":
        share = [yarn_share(case, i, t) for i, t in enumerate(theta)]
        return [t / factor_of(case) * r + t * (1 - r) for t, r in zip(theta, share)]
    if case.rule == "longrope":
        return [t / d for t, d in zip(theta, case.divisors("long" if is_long(case) else "short"), strict=True)]
    if case.rule == "llama3":
        return [llama3_theta(case, t) for t in theta]
    if case.rule == "proportional":
        turning = int(floor(case.number("rotated") * dim / 2))
        return [t / s if i < turning else mpf(0) for i, t in enumerate(theta)]
    if case.rule == "ntk-fixed":
        return [(base * s) ** (-mpf(2 * i) / dim) / s ** (mpf(2) / dim) for i in range(half)]
    if case.rule == "ntk-mixed":
        b = case.number("b")
        return [t / exp(log(s) / mpf(half) ** b * mpf(i + 1) ** b) for i, t in enumerate(theta)]
    return [ggml_theta(case, i, t) for i, t in enumerate(theta)]


def gain(s, k):
    return mpf(1) if s <= 1 else mpf("0.1") * k * log(s) + 1


def exact_attention(case):
    if case.rule == "ggml":
        return case.number("attn", 1) * (1 - mpf("0.1") * log(case.number("scale", 1)) if "ext" in case.params else 1)
    if case.rule not in ("yarn", "longrope"):
        return mpf(1)
    s, m, all_dims = factor_of(case), case.number("mscale"), case.number("mscale-all-dim")
    if "attention" in case.params:
        return case.number("attention")
    if case.rule == "longrope":
        return mpf(1) if s <= 1 else sqrt(1 + log(s) / log(case.number("original")))
    return gain(s, m) / gain(s, all_dims) if m and all_dims else gain(s, 1)


# ---- what transformers computes -----------------------------------------------------------------------------

HF_KEYS = {"factor": "factor", "original": "original_max_position_embeddings", "beta-fast": "beta_fast",
           "beta-slow": "beta_slow", "attention": "attention_factor", "mscale": "mscale",
           "mscale-all-dim": "mscale_all_dim", "low": "low_freq_factor", "high": "high_freq_factor",
           "rotated": "partial_rotary_factor", "alpha": "alpha"}


def python_number(word):
    return int(word) if word.isdigit() else float(word)


def rope_parameters(case):
    rule = {"none": "default", "alpha": "dynamic"}.get(case.rule, case.rule)
    parameters = {"rope_type": rule, "rope_theta": case.base}
    parameters.update({HF_KEYS[key]: python_number(value) for key, value in case.params.items() if key in HF_KEYS})
    if case.rule == "alpha":
        parameters["factor"] = 1.0
    if case.rule == "yarn":
        parameters.setdefault("factor", None)
        parameters["truncate"] = "untruncated" not in case.params
    if case.rule == "longrope":
        for key in ("short", "long"):
            parameters[f"{key}_factor"] = [float(word) for word in case.params[key].split("/")]
    if case.rotary_dim:
        parameters["partial_rotary_factor"] = case.rotary_dim / case.head_dim
    return parameters


def model_of(case):
    """The modelling file, its rotary embedding as the model makes it, and how to name the layer type."""
    modelling = importlib.import_module(f"transformers.models.{case.code}.modeling_{case.code}")
    configuration = importlib.import_module(f"transformers.models.{case.code}.configuration_{case.code}")
    stem = next(name[:-15] for name in dir(modelling) if name.endswith("RotaryEmbedding") and "Vision" not in name)
    config_class = getattr(configuration, f"{stem}TextConfig", getattr(configuration, f"{stem}Config", None))
    parameters, layer = rope_parameters(case), {}
    shape = {"hidden_size": 2 * case.head_dim, "num_attention_heads": 2, "head_dim": case.head_dim,
             "max_position_embeddings": int(case.params.get("max", case.params.get("original", 4096)))}
    if case.code in ("gemma3", "gemma4"):
        layer = {"layer_type": "full_attention"}
        shape.update(global_head_dim=case.head_dim, num_hidden_layers=6)
        parameters = {"full_attention": parameters, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
    if case.code == "phi3":
        shape.update(pad_token_id=0, original_max_position_embeddings=int(case.params.get("original", 4096)))
    if case.code == "deepseek_v3":
        shape["qk_rope_head_dim"] = shape.pop("head_dim")
    config = config_class(**shape, rope_parameters=parameters)
    return modelling, getattr(modelling, f"{stem}RotaryEmbedding")(config), layer


def set_length(case, rotary, layer):
    """The rule for the case's length in place of that of the trained length; its inv_freq and attention factor."""
    prefix = "full_attention_" if layer else ""
    if case.rule in ("dynamic", "longrope"):
        inverse, rotary.attention_scaling = ROPE_INIT_FUNCTIONS[case.rule](rotary.config, seq_len=case.length or None)
        rotary.inv_freq.copy_(inverse)
    return getattr(rotary, f"{prefix}inv_freq"), getattr(rotary, f"{prefix}attention_scaling")


def query(head_dim):
    state, entries = 1, []
    for _ in range(head_dim):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        entries.append(((state >> 40) - 2**23) / 2**22)
    return torch.tensor(entries, dtype=torch.float32)


def rotate(case, modelling, rotary, layer):
    """[position, head_dim] by the model's own functions; forward without the change of rule by the length."""
    positions = torch.tensor([POSITIONS])
    x = query(case.head_dim).expand(1, 1, len(POSITIONS), case.head_dim)
    cos, sin = type(rotary).forward.__wrapped__(rotary, x, positions, **layer)
    if case.code == "gemma4":
        return modelling.apply_rotary_pos_emb(x, cos, sin)[0, 0]
    return modelling.apply_rotary_pos_emb(x, x, cos, sin)[0][0, 0]


def gptj():
    """GPT-J makes a table of all positions and slices the head itself; its base is 10000."""
    modelling = importlib.import_module("transformers.models.gptj.modeling_gptj")
    sin, cos = modelling.create_sinusoidal_positions(MILLION, 64)[list(POSITIONS)].chunk(2, dim=-1)
    x = query(256).expand(1, len(POSITIONS), 1, 256)
    turned = modelling.apply_rotary_pos_emb(x[..., :64], sin[None], cos[None])
    inverse = 1.0 / (10000 ** (torch.arange(0, 64, 2, dtype=torch.int64) / 64))
    return inverse, torch.cat((turned, x[..., 64:]), -1)[0, :, 0]


def bits(tensor):
    return " ".join(f"{word & 0xffffffff:08x}" for word in tensor.view(torch.int32).tolist())


# ---- checks and output --------------------------------------------------------------------------------------


def check(case, inverse, attention, exact):
    """A wrong formula shows here. In float32 an exponent below 1 is off by 2^-25, which is ln(base) 2^-25 of the
    power; the base, the power, its inverse and what else a rule does are ten roundings."""
    bound = (math.log(1 / min(f for f in exact if f > 0)) / 2 + 10) * 2.0**-24
    assert len(inverse) == len(exact), case.name
    for i, (got, wanted) in enumerate(zip(inverse.double().tolist(), exact)):
        assert abs(got - wanted) <= bound * wanted, (case.name, i, got, nstr(wanted, 12), bound)
    assert abs(attention - exact_attention(case)) <= 1e-14, (case.name, attention)


def check_known(cases, divisors_known):
    """The values that rope-reference.md and papers know."""
    by_name = {case.name: case for case in cases}
    for name, ends in (("llama2-7b-64k", (20, 46)), ("qwen2.5-7b", (23, 40)), ("deepseek-v3", (10, 23))):
        assert yarn_ends(by_name[f"yarn-{name}"]) == ends, name
    llama = by_name["llama3-llama3.1-8b"]
    plain = [mpf(5e5) ** (-mpf(i) / 64) for i in range(64)]
    divisors = [float(t / f) for t, f in zip(plain, exact_frequencies(llama))]
    known = [float(word) for word in divisors_known.split("/")]
    assert max(abs(a - b) for a, b in zip(divisors, known)) < 6e-7
    for name, known in (("yarn-qwen2.5-7b", 1.1386294), ("longrope-phi-3.5-mini-0", 1.1902380714)):
        assert abs(exact_attention(by_name[name]) - known) < 6e-8, name
    assert abs(gain(40, 1) - 1.3688879) < 6e-8


def main(folder):
    assert transformers.__version__ == TRANSFORMERS, f"transformers is {transformers.__version__}, not {TRANSFORMERS}"
    assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"
    transformers.logging.set_verbosity_error()
    mp.dps = 60
    lists = dict(read_rows(folder, "lists.tsv"))
    cases = read_cases(folder, lists)
    check_known(cases, lists["llama-3.1-divisors"])
    exact_lines, hf_lines, seen = [], [], set()
    rotated_lines = ["query\t\t0\t" + bits(query(512))]
    for case in cases:
        exact = exact_frequencies(case)
        exact_lines.append("\t".join([case.name, case.text(), repr(case.base), str(case.head_dim), str(case.rotary_dim),
                                      str(case.length), nstr(exact_attention(case), 20, strip_zeros=False),
                                      " ".join(nstr(f, 20) for f in exact)]))
        if not case.code:
            continue
        if case.code == "gptj":
            (inverse, turned), attention = gptj(), 1.0
        else:
            modelling, rotary, layer = model_of(case)
            inverse, attention = set_length(case, rotary, layer)
            turned = rotate(case, modelling, rotary, layer)
        check(case, inverse, attention, exact)
        hf_lines.append("\t".join([case.name, case.code, repr(attention), bits(inverse)]))
        layout = "interleaved" if case.code in ("glm", "cohere", "gptj") else "half"
        if (key := (layout, attention, bits(turned.flatten()))) in seen:
            continue
        seen.add(key)
        rotated_lines += [f"{case.name}\t{layout}\t{position}\t{bits(row.contiguous())}"
                          for position, row in zip(POSITIONS, turned)]
    for name, lines in (("exact", exact_lines), ("transformers", hf_lines), ("rotated", rotated_lines)):
        with open(os.path.join(folder, f"{name}.tsv"), "w", encoding="ascii", newline="\n") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
