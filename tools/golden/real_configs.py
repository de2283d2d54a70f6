#!/usr/bin/env python3
# real_configs.py - compare what ropemap reads from config.json files with what transformers computes
# SPDX-License-Identifier: MIT
"""    python3 tools/golden/real_configs.py build/release/ropemap FOLDER [--rows tests/data/config/real.tsv]

Needs torch and transformers 5.24 from PyPI. For each *.json of the folder one line: agree, differ, refused
by one side, or a class that transformers lacks; then a summary. Exits with 1 if anything differs.
With --rows, what transformers computes for each file that has a class is written for the C test.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import transformers_rope

ATTENTION = ("full_attention", "sliding_attention", "chunked_attention", "attention", "hybrid")
PROBES = 9              # frequencies of a row: the first, the last, and some between
TOLERANCE = 1e-9        # of doubles computed in two ways
MOST_LAYERS = 8
# Where transformers departs from the maker's code, and ropemap does not follow.
NOT_FOLLOWED = {"dbrx": "transformers 5 does not read attn_config.rope_theta, 500000 in DBRX"}


class Program:
    """ropemap info on a tree of JSON."""

    def __init__(self, path):
        self.path = path
        self.folder = tempfile.TemporaryDirectory()

    def info(self, tree, layer, length):
        file = pathlib.Path(self.folder.name) / "config.json"
        file.write_text(json.dumps(tree))
        command = [self.path, "info", "--model", str(file), "--json"]
        command += ["--layer-type", layer] if layer else []
        command += ["--length", str(length)] if length else []
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return (json.loads(run.stdout), "") if run.returncode == 0 else (None, f"{run.returncode}: {run.stderr.strip()}")


# ---- the lengths and layers of a file


def lengths(tree):
    """Lengths at which a rule that depends on the length differs; [None] for one that does not."""
    text = json.dumps(tree)
    if not re.search(r'"(longrope|su|dynamic)"', text) and '"short_factor"' not in text:
        return [None]
    known = [int(n) for n in re.findall(r'"(?:original_)?max_position_embeddings": (\d+)', text)]
    return sorted({min(known), 2 * max(known)}) if known else [1024, 1 << 20]


def layer_names(made):
    """For each rule its layer type, None where the file has one rule; and the types that do not rotate."""
    types, rules = made["types"], made["rules"]
    of_rule = [sorted({types[i] for i, rule in enumerate(made["layers"]) if rule == index and i < len(types)})
               for index in range(len(rules))]
    names = [rule["layer_type"] or (of_rule[index][0] if len(rules) > 1 and of_rule[index] else None)
             for index, rule in enumerate(rules)]
    rotating = {types[i] for i, rule in enumerate(made["layers"]) if rule is not None and i < len(types)}
    plain = sorted({types[i] for i, rule in enumerate(made["layers"])
                    if rule is None and i < len(types) and types[i] in ATTENTION} - rotating)
    return names, plain if made["ran"] is None else []


# ---- one rule against the other


def difference(rule, got):
    """'' where both are the same rule."""
    pairs = len(rule["frequencies"])
    if got["rotary_dim"] != 2 * pairs:
        return f"rotary_dim {got['rotary_dim']}, transformers {2 * pairs}"
    for i, (ours, theirs) in enumerate(zip(got["frequencies"], rule["frequencies"])):
        if abs(ours - theirs) > TOLERANCE * abs(theirs):
            return f"pair {i} of {pairs}: {ours:.10g}, transformers {theirs:.10g}"
    if abs(got["attention_factor"] - rule["attention"]) > 2e-7 * rule["attention"]:
        return f"attention factor {got['attention_factor']:.10g}, transformers {rule['attention']:.10g}"
    if rule["layout"] is not None and got["layout"] != rule["layout"]:
        return f"layout {got['layout']}, transformers {rule['layout']}"
    if rule["width"] is not None and got["head_dim"] not in (rule["width"], rule["head_dim"], 2 * pairs):
        return f"head_dim {got['head_dim']}, transformers {rule['head_dim']}"
    return ""


def probes(frequencies):
    last = len(frequencies) - 1
    places = sorted({round(last * k / (PROBES - 1)) for k in range(PROBES)})
    return " ".join(f"{i}:{frequencies[i]:.15g}" for i in places)


def row(name, layer, length, rule, tree):
    if rule is None:
        fields = [name, layer or "-", "0", "plain", "0", "-", "1", "-"]
    else:
        fields = [name, layer or "-", str(length or 0), "rotates", str(len(rule["frequencies"])),
                  rule["layout"] or "-", f"{rule['attention']:.15g}", probes(rule["frequencies"])]
    return "\t".join(fields + [json.dumps(tree, separators=(",", ":"))])


class Held:
    """The verdicts on one tree: a list of (word, detail), and rows for the C test."""

    def __init__(self, program, name, tree):
        self.program, self.name, self.tree = program, name, tree
        self.verdicts, self.rows = [], []
        at = lengths(tree)
        if tree.get("model_type") in NOT_FOLLOWED:
            self.verdicts.append(("not followed", NOT_FOLLOWED[tree["model_type"]]))
            return
        try:
            made = [transformers_rope.rules(tree, length, MOST_LAYERS) for length in at]
        except transformers_rope.Unknown as error:
            got, why = program.info(tree, None, at[-1])
            self.verdicts.append(("unknown", f"{error}; ropemap: "
                                  + (f"base {got['base']:g}, {got['scaling']}" if got else why)))
            return
        except transformers_rope.Refused as error:
            got, why = program.info(tree, None, at[-1])
            self.verdicts.append(("refused by transformers", f"{error}; ropemap: {why or 'read'}"))
            return
        for length, each in zip(at, made):
            self.hold(length, each)

    def hold(self, length, made):
        if not made["rules"] and made["types"] and not set(made["types"]) & set(ATTENTION):
            self.verdicts.append(("unseen", "no layer with attention"))
            return
        if not made["rules"]:
            if made["ran"] is not None and made["rotary_modules"] == 0:
                self.verdicts.append(("unseen", made["ran"]))
                return
            self.plain(None, "no layer rotates")
            return
        names, plain = layer_names(made)
        for rule, layer in zip(made["rules"], names):
            rule["head_dim"] = made["head_dim"]
            self.rotates(rule, layer, length)
        for layer in plain:
            self.plain(layer, f"layers of type {layer} do not rotate")

    def plain(self, layer, what):
        got, why = self.program.info(self.tree, layer, None)
        if got is not None or "not rotate" in why:
            self.rows.append(row(self.name, layer, None, None, self.tree))
        if got is None and "not rotate" in why:
            self.verdicts.append(("agree", "plain"))
        elif got is None:
            self.verdicts.append(("refused", f"{what}; ropemap: {why}"))
        else:
            self.verdicts.append(("differ", f"{what}; ropemap: base {got['base']:g}, {got['scaling']}"))

    def rotates(self, rule, layer, length):
        got, why = self.program.info(self.tree, layer, length)
        if got is not None:
            self.rows.append(row(self.name, layer, length, rule, self.tree))
        where = (f"{layer}: " if layer else "") + (f"length {length}: " if length else "")
        if got is None:
            self.verdicts.append(("refused", where + why))
            return
        wrong = difference(rule, got)
        self.verdicts.append(("differ", f"{where}{wrong}; {got['scaling']}, base {got['base']:g}") if wrong
                             else ("agree", where))


# ---- rows small enough to keep

KEEP = re.compile(r"rope|rotary|yarn|ntk|nope|alibi|position|model_type|head|hidden_size|n_embd|d_model|_dim$|"
                  r"layer_types|sliding|pattern|interval|seq_len|max_seq|seq_length|kv_channels|mla|attn_config|"
                  r"num_hidden_layers|layers_block_type|^n_layer|attention_type|text_config|llm_config|"
                  r"language_config|factor|compress_ratios|full_attn|layer_group|attn_layer")
DROP = re.compile(r"vision|audio|label|vocab|quant|token|activation|moe|expert|dropout|image|video|_linear_|linear_|"
                  r"index_|mamba|ssm|classifier|initializer|router|projection|loss|use_cache|aux")


def keep(tree):
    """The keys that can decide the rule, lists of one entry a layer cut to MOST_LAYERS."""
    kept = {}
    for key, value in tree.items():
        if key == "model_type" or (KEEP.search(key) and not DROP.search(key)):
            nested = isinstance(value, dict) and key in ("text_config", "llm_config", "language_config")
            kept[key] = keep(value) if nested else value
    return kept


def hold_all(trees, program, out=sys.stdout, every=1):
    """Counts of verdicts, and the rows of one tree of `every`."""
    counts, rows = collections.Counter(), []
    for number, (name, tree) in enumerate(trees):
        try:
            held = Held(program, name, tree)
        except Exception as error:      # a fault of this script, not of either side
            counts["script failed"] += 1
            print(f"script failed\t{name}\t{type(error).__name__}: {error}", file=out, flush=True)
            continue
        words = [word for word, _ in held.verdicts]
        worst = next((w for w in ("differ", "refused", "unseen") if w in words), words[0] if words else "unseen")
        detail = next((d for w, d in held.verdicts if w == worst), "")
        counts[worst] += 1
        rows += held.rows if number % every == 0 else []
        print(f"{worst}\t{name}\t{detail}", file=out, flush=True)
    return counts, rows


def source(stem):
    """owner+repository__path--in--it as owner/repository: path/in/it"""
    found = re.match(r"([^+]+)\+(.+?)__(.+)$", stem)
    return f"{found[1]}/{found[2]}: {found[3].replace('--', '/')}" if found else stem


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rows", type=pathlib.Path, help="write what transformers computes for the C test")
    options = parser.parse_args()
    trees, seen = [], set()
    for file in sorted(options.folder.rglob("*.json")):
        tree = json.loads(file.read_text(encoding="utf-8-sig"))
        small = transformers_rope.shorten(keep(tree), MOST_LAYERS) if options.rows else tree
        text = json.dumps(small, sort_keys=True)
        if text not in seen:
            seen.add(text)
            trees.append((source(file.stem), small))
    counts, rows = hold_all(trees, Program(options.program))
    print(f"{len(trees)} files: " + ", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    if options.rows:
        options.rows.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return 1 if counts["differ"] or counts["script failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
