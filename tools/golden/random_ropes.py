#!/usr/bin/env python3
# random_ropes.py - random rope dictionaries over all classes of transformers, ropemap against transformers
# SPDX-License-Identifier: MIT
"""    python3 tools/golden/random_ropes.py build/release/ropemap [--count 620] [--seed 1] [--rows FILE --every 4]

Needs torch and transformers 5.24 from PyPI. Each file is one that the class of its model_type can read: sizes,
the rule in the old form (rope_scaling), the new one (rope_parameters), or one for each layer type, lengths,
rotary shares, lists. Prints and exits as real_configs.py does.
"""

import argparse
import itertools
import pathlib
import random
import re
import sys

import real_configs
import transformers_rope
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

OTHER = re.compile("vision|audio|image|vit|codec|detr|sam|seg|encoder|speech|video|dino|depth|mimi|vae|eomt|clip|"
                   "pixtral|tts|dia|csm|moshi|^blt|_dit$|mlcd|transcribe|timesfm|talker|loftr")

# Classes that read other parts of a file than the others; real_configs.py covers their public files.
SKIPPED = {"moonshine": "heads under two names", "moonshine_streaming": "heads under two names",
           "neomme": "head sizes of its layer types", "step3p5": "shares of its layers",
           "deepseek_v4": "a share of its own under every rule", "dots3_note_text": "layer types of its own"}


def classes():
    """Model types whose class has a rope dictionary and models text."""
    found = []
    for kind in sorted(CONFIG_MAPPING.keys()):
        if OTHER.search(kind):
            continue
        try:
            made = CONFIG_MAPPING[kind]
            if "rope_parameters" in getattr(made, "__dataclass_fields__", {}) and not made.sub_configs:
                found.append((kind, made()))
        except Exception:       # a class that has no defaults
            continue
    return found


def sizes(rng, kind, config):
    tree = {"model_type": kind}
    latent = "qk_rope_head_dim" in getattr(type(config), "__dataclass_fields__", {})
    if rng.random() < 0.7:
        heads, dim = rng.choice((8, 12, 16, 32)), rng.choice((32, 64, 80, 96, 128, 256))
        tree |= {"hidden_size": heads * dim, "num_attention_heads": heads}
        if rng.random() < 0.5:
            tree["num_key_value_heads"] = rng.choice((1, heads // 4 or 1, heads))
        if rng.random() < 0.5 and not latent:
            tree["head_dim"] = rng.choice((dim, 64, 128, 256))
    if latent and rng.random() < 0.5:
        tree["qk_rope_head_dim"] = rng.choice((32, 64))
    if rng.random() < 0.8:
        tree["max_position_embeddings"] = rng.choice((512, 2048, 4096, 8192, 32768, 40960, 131072, 1048576))
    return tree


def base(rng):
    return rng.choice((10000, 10000.0, 1e6, 5e5, 5e6, 8000000.0, 150000, round(rng.uniform(1e3, 1e7), 2)))


def scaling(rng, nested):
    """A dictionary without a base. transformers looks for `truncate` next to nested dictionaries, not in them."""
    kind = rng.choice(("default", "linear", "dynamic", "yarn", "yarn", "longrope", "llama3", "proportional"))
    factor = rng.choice((1.0, 2, 4.0, 8.0, 16, 32.0, 40, round(rng.uniform(1, 64), 3)))
    original = rng.choice((256, 2048, 4096, 8192, 32768))
    made = {"rope_type": kind}
    if kind in ("linear", "dynamic", "yarn", "llama3"):
        made["factor"] = factor
    if kind in ("yarn", "longrope", "llama3") and rng.random() < 0.85:
        made["original_max_position_embeddings"] = original
    if kind == "llama3":
        made |= {"low_freq_factor": rng.choice((1.0, 1.5, 2)), "high_freq_factor": rng.choice((4.0, 8, 32.0))}
    if kind == "yarn":
        for key, values in (("beta_fast", (16, 32.0, 64)), ("beta_slow", (1, 1.0, 2)), ("mscale", (0.707, 1.0, 1)),
                            ("mscale_all_dim", (0.707, 1.0, 0, 0.5)), ("attention_factor", (1.0, 0.8, 1.2)),
                            ("truncate", (True, False))):
            if rng.random() < 0.35 and not (nested and key == "truncate"):
                made[key] = rng.choice(values)
    if kind == "longrope":
        if rng.random() < 0.4:
            made["factor"] = factor
        if rng.random() < 0.3:
            made["attention_factor"] = rng.choice((1.0, 1.19, 1.5))
    return made


def labels(config):
    """The layer types that may each have a dictionary of their own."""
    return sorted(set(getattr(config, "_rope_type_labels", None) or getattr(config, "layer_types", None) or ()))


def pairs_of(tree):
    """How many pairs rotate, for the lists of longrope."""
    try:
        return {len(rule["frequencies"]) for rule in transformers_rope.rules(tree, None, 2)["rules"]}
    except Exception:
        return set()


def rope(rng, tree, config):
    partial = rng.choice((0.25, 0.5, 0.75, 0.4)) if rng.random() < 0.25 else None

    def scaled(nested=False):
        made = scaling(rng, nested)
        if made["rope_type"] == "longrope":
            known = pairs_of(tree)
            if len(known) != 1 or partial is not None:
                return {"rope_type": "linear", "factor": 4.0}
            made |= {"short_factor": [round(1 + rng.random(), 4) for _ in range(min(known))],
                     "long_factor": [round(1 + 40 * rng.random(), 4) for _ in range(min(known))]}
        return made

    form = rng.choice(("none", "theta", "old", "old", "new", "new", "split", "nested", "null"))
    names = labels(config)
    if form == "nested" and not names:
        form = "new"
    if form == "theta":
        tree["rope_theta"] = base(rng)
    elif form == "old":
        made = scaled()
        if rng.random() < 0.5:
            made["type"] = made.pop("rope_type")
        tree |= {"rope_theta": base(rng), "rope_scaling": made}
    elif form == "new":
        tree["rope_parameters"] = scaled() | {"rope_theta": base(rng)}
    elif form == "split":
        tree |= {"rope_parameters": scaled(), "rope_theta": base(rng)}
    elif form == "nested":
        tree["rope_parameters"] = {name: scaled(True) | {"rope_theta": base(rng)} for name in names}
    elif form == "null":
        tree |= {"rope_scaling": None, "rope_theta": base(rng)}
    if partial is not None and form in ("new", "split") and rng.random() < 0.5:
        tree["rope_parameters"]["partial_rotary_factor"] = partial
    elif partial is not None:
        tree["partial_rotary_factor"] = partial
    return tree


def follow(tree, config):
    """Without what transformers' classes of several rules lose: the older word `type`, a dictionary for all layer
    types under the newer name, Olmo 3's base."""
    scaled = tree.get("rope_scaling")
    if labels(config) and scaled and "type" in scaled:
        scaled["rope_type"] = scaled.pop("type")
    several = any(isinstance(value, dict) for value in (config.rope_parameters or {}).values())
    flat = tree.get("rope_parameters")
    if several and flat and "rope_type" in flat:
        flat.pop("truncate", None)  # which is looked for beside nested dictionaries alone
        tree["rope_parameters"] = {name: dict(flat) for name in labels(config)}
    if tree["model_type"] == "olmo3":
        tree.pop("rope_theta", None)
    return tree


def make(count, seed):
    rng = random.Random(seed)
    known, made = classes(), 0
    for number in itertools.count():
        if number % len(known) == 0:
            rng.shuffle(known)
        kind, config = known[number % len(known)]
        tree = rope(rng, sizes(rng, kind, config), config)
        if kind in SKIPPED:
            continue
        yield f"{number}-{kind}", follow(tree, config)
        made += 1
        if made == count:
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=620)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=pathlib.Path, help="write what transformers computes for the C test")
    parser.add_argument("--every", type=int, default=1, help="write one file of so many")
    options = parser.parse_args()
    counts, rows = real_configs.hold_all(make(options.count, options.seed), real_configs.Program(options.program),
                                         every=options.every)
    print(f"{options.count} files: " + ", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    if options.rows:
        options.rows.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return 1 if counts["differ"] or counts["script failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
