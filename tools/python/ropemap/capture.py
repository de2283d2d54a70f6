# capture.py - the queries and keys of a transformers model on a text, in a file that ropemap reads
# SPDX-License-Identifier: MIT
"""
    python -m ropemap.capture MODEL --text FILE -o capture.safetensors

Runs the model once over the text and keeps q and k of the chosen layers and heads, before the rotation (--state pre),
after it (post) or both. After it: what attention receives, through transformers' AttentionInterface. Before it: the
modelling module's apply_*rotary* functions are wrapped, and their outputs recognised bit for bit inside q and k, so
that no architecture is known by name. What rotates, and in which layout, is found by calling those functions with
rows that are numbered and cosines that are 0 or 1.

In the file: layers.N.pre.q, layers.N.pre.k, layers.N.post.q, layers.N.post.k, [heads, positions, head dim]; in
__metadata__, as text:

    format ropemap.capture, version 1, state pre|post|both, order hsd|shd, model, dtype, tokens
    config            the model's config.json
    query_first, query_step, key_first, key_step    row r is at position first + r * step
    layers            JSON: a list, ascending by "layer", of objects with
        type                                the layer's, or null
        heads, kv_heads                     of the layer; query_heads, key_heads: lists of those in the file
        head_dim, rotary_dim, rotary_first  elements of a row, how many rotate (0: none), the first of them
        layout, layout_after                half|interleaved, before and after the rotation
        attention_factor, scale, softcap    softcap may be null, and so may
        causal, window, chunk, sinks        all but causal; sinks has a logit for each of query_heads
"""
import argparse
import functools
import inspect
import json
import os
import re
import statistics
import sys
import tempfile

try:
    import torch
    import transformers
    from safetensors import SafetensorError
    from safetensors.torch import save_file
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask
except ImportError as missing:
    raise ImportError(f"{missing}; captures need torch, transformers and safetensors: pip install 'ropemap[capture]'") from None

VERSION = 1
NAME = "ropemap_capture"  # of the attention function
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
TABLES = {"cos", "sin"}  # arguments of a rotation that are no operands; complex ones are tables too


class CaptureError(Exception):
    """The model or the request cannot be captured; the text has the reason and what to do."""


# ---- rotations -------------------------------------------------------------------------------------------


class Map:
    """Where the elements of a rotated row come from: a rotation by 0 and by a quarter turn, element by element."""

    def __init__(self, still, quarter):
        source = [abs(value) - 1 for value in still]
        pairs = [(j, abs(turned) - 1) for j, turned in enumerate(quarter) if turned != still[j] and turned < 0]
        after = {source[j]: j for j in range(len(source))}
        self.dim = 2 * len(pairs)
        self.first, self.layout = layout_of([(source[j], partner) for j, partner in pairs])
        _, self.layout_after = layout_of([(j, after.get(partner, -1)) for j, partner in pairs])


def layout_of(pairs):
    """The first element that rotates, and "half" or "interleaved"; None for any other order."""
    pairs = sorted(pairs)
    first, count = (pairs[0][0] if pairs else 0), len(pairs)
    for name, step, apart in (("half", 1, count), ("interleaved", 2, 1)):
        if pairs == [(first + step * i, first + step * i + apart) for i in range(count)]:
            return first, name
    return first, None


class Call:
    """One call of a rotation: what went in, what came out, and the tables."""

    def __init__(self, function, bound, result):
        self.function, self.bound = function, bound
        outputs = result if isinstance(result, tuple) else (result,)
        self.tables = {name: value for name, value in bound.arguments.items()
                       if torch.is_tensor(value) and (name in TABLES or value.is_complex())}
        operands = [name for name, value in bound.arguments.items()
                    if torch.is_tensor(value) and value.is_floating_point() and name not in self.tables]
        self.pairs = list(zip(operands, outputs)) if self.tables else []

    def turned(self, operand, cosine, sine):
        """The numbers of a row 1, 2, ... rotated by an angle with that cosine and sine."""
        arguments = dict(self.bound.arguments)
        for name, value in self.tables.items():
            fill = complex(cosine, sine) if value.is_complex() else {"cos": cosine, "sin": sine}[name]
            kind = torch.complex64 if value.is_complex() else torch.float32
            arguments[name] = torch.full_like(value, fill, dtype=kind)
        for name, _ in self.pairs:
            value = arguments[name]
            row = torch.arange(1, value.shape[-1] + 1, dtype=torch.float32, device=value.device)
            arguments[name] = row.expand(value.shape).contiguous()
        again = inspect.BoundArguments(self.bound.signature, type(self.bound.arguments)(arguments))
        result = self.function(*again.args, **again.kwargs)
        result = result if isinstance(result, tuple) else (result,)
        row = result[[name for name, _ in self.pairs].index(operand)]
        return [int(value) for value in row.reshape(-1, row.shape[-1])[0].tolist()]

    def map(self, operand):
        return Map(self.turned(operand, 1.0, 0.0), self.turned(operand, 0.0, 1.0))

    def factor(self):
        """The attention factor: the length of (cos, sin)."""
        if "cos" in self.tables:
            length = torch.hypot(self.tables["cos"].double(), self.tables["sin"].double())
        else:
            length = next(iter(self.tables.values())).abs().double()
        return statistics.median(length.flatten()[:4096].tolist())


def recognise(side, calls):
    """(side before its rotation, call, operand, first element) of a side [1, H, S, D]; None: in no call's output."""
    for call in calls:
        for operand, output in call.pairs:
            entry = call.bound.arguments[operand]
            for flip in (False, True):
                if output.dim() != 4 or entry.shape != output.shape:
                    continue
                out, into = (t.transpose(1, 2) if flip else t for t in (output, entry))
                width = out.shape[-1]
                if out.shape[2] != side.shape[2] or out.shape[1] not in (1, side.shape[1]) or width > side.shape[3]:
                    continue
                for first in {0, side.shape[3] - width}:
                    part = side[..., first:first + width]
                    if torch.equal(part, out.expand(part.shape)):
                        before = side.clone()
                        before[..., first:first + width] = into
                        return before, call, operand, first
    return None


# ---- attention -------------------------------------------------------------------------------------------


def full_mask(*args, **kwargs):
    """Always a mask of booleans, so that it can be read."""
    kwargs.update(allow_is_causal_skip=False, allow_is_bidirectional_skip=False)
    return sdpa_mask(*args, **kwargs)


def attend(query, key, value, mask, scale, softcap, sinks):
    """Attention as the model computes it: [1, S, H, D]."""
    groups = query.shape[1] // key.shape[1]
    key, value = (t.repeat_interleave(groups, dim=1) if groups > 1 else t for t in (key, value))
    if softcap is None and sinks is None:
        output = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)
        return output.transpose(1, 2).contiguous()
    scores = query @ key.transpose(2, 3) * scale
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    if sinks is not None:
        column = sinks.reshape(1, -1, 1, 1).expand(1, -1, scores.shape[2], 1).to(scores.dtype)
        scores = torch.cat([scores, column], dim=-1)
    weights = torch.softmax(scores.float(), dim=-1)[..., :key.shape[2]]
    return (weights.to(value.dtype) @ value).transpose(1, 2).contiguous()


def expected_mask(queries, keys, causal, window, chunk):
    """[queries, keys] of booleans: which keys each query sees."""
    q, k = queries[:, None], keys[None, :]
    mask = (k <= q) if causal else torch.ones(len(queries), len(keys), dtype=torch.bool)
    if window:
        mask = mask & (k > q - window)
    return mask & (k // chunk == q // chunk) if chunk else mask


class Layer:
    """What one layer has been seen to do."""

    def __init__(self, number, kind):
        self.number, self.kind = number, kind
        self.facts = {}
        self.masks = None  # those that fit all queries so far: (causal, window, chunk)
        self.rows = {}     # tensor name: list of [H, S, D]

    def check_mask(self, module, config, mask, window, queries, keys):
        if self.masks is None:
            config_window = getattr(config, "sliding_window", None) if "slid" in (self.kind or "slid") else None
            chunk = getattr(config, "attention_chunk_size", None)
            chunk = chunk if "chunk" in (self.kind or "") else None
            wanted = [(True, window, None)] if window else []
            wanted += [(True, None, chunk)] if chunk else []
            wanted += [(True, None, None)] + ([(True, config_window, None)] if config_window else [])
            self.masks = wanted + [(False, None, None)]
        if mask is None:
            self.masks = [one for one in self.masks if not one[0]]
        else:
            seen = mask[0, 0].cpu()
            self.masks = [one for one in self.masks if torch.equal(seen, expected_mask(queries, keys, *one))]
        if not self.masks:
            raise CaptureError(f"layer {self.number}: its mask is neither causal nor a window nor chunks; "
                               "ropemap has no other")


class Recorder:
    """Keeps q and k of the layers and heads that are wanted while the model runs."""

    def __init__(self, config, tokens, layers, heads, last, stride, states, dtype):
        self.config, self.tokens = config, tokens
        self.layers, self.heads, self.states, self.dtype = layers, heads, states, dtype
        self.first, self.stride = tokens - (last or tokens), stride
        self.begin = 0     # position of the chunk that runs
        self.calls = []    # rotations since the last attention
        self.rotations = 0
        self.found = {}    # layer number: Layer
        self.attended = 0  # layers, wanted or not

    def wrap(self, function):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            result = function(*args, **kwargs)
            bound = signature.bind(*args, **kwargs)
            self.calls.append(Call(function, bound, result))
            self.rotations += 1
            return result

        return wrapped

    def attention(self, module, query, key, value, attention_mask, scaling=None, dropout=0.0, softcap=None,
                  sliding_window=None, s_aux=None, **kwargs):
        scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
        bias = next((name for name, given in kwargs.items() if "bias" in name and given is not None), None)
        number = getattr(module, "layer_idx", None)
        calls, self.calls = self.calls, []
        if number is not None:
            self.attended += 1
        if number is not None and (self.layers is None or number in self.layers):
            if bias or (attention_mask is not None and attention_mask.dtype != torch.bool):
                raise CaptureError(f"layer {number}: scores get a bias ({bias or 'its mask'}); ropemap has none")
            self.keep(module, number, query, key, attention_mask, sliding_window, calls,
                      {"scale": scale, "softcap": softcap, "sinks": s_aux})
        return attend(query, key, value, attention_mask, scale, softcap, s_aux), None

    def keep(self, module, number, query, key, mask, window, calls, facts):
        count = query.shape[2]
        kinds = getattr(self.config, "layer_types", None) or []
        layer = self.found.setdefault(number, Layer(number, kinds[number] if number < len(kinds) else None))
        end = self.begin + count
        layer.check_mask(module, self.config, mask, window, torch.arange(self.begin, end),
                         torch.arange(end - key.shape[2], end))
        key = key[:, :, -count:]  # the others were kept with an earlier chunk
        if not layer.facts:
            layer.facts = self.describe(number, query, key, facts)
        before = self.unrotated(layer, query, key, calls)
        for state in self.states:
            q, k = before if state == "pre" else (query, key)
            positions = torch.arange(self.begin, end)
            rows = (positions >= self.first) & ((positions - self.first) % self.stride == 0)
            self.add(layer, f"layers.{number}.{state}.q", q[0, layer.facts["query_heads"]][:, rows])
            self.add(layer, f"layers.{number}.{state}.k", k[0, layer.facts["key_heads"]])

    def describe(self, number, query, key, facts):
        heads, kv_heads = query.shape[1], key.shape[1]
        if heads % kv_heads != 0:
            raise CaptureError(f"layer {number}: {heads} query heads over {kv_heads} key heads; not a multiple")
        chosen = list(range(heads)) if self.heads is None else self.heads
        if chosen[-1] >= heads:
            raise CaptureError(f"--heads: layer {number} has no head {chosen[-1]}; it has {heads}, counted from 0")
        keys = sorted({head // (heads // kv_heads) for head in chosen})
        sinks = facts["sinks"]
        return {"heads": heads, "kv_heads": kv_heads, "query_heads": chosen, "key_heads": keys,
                "head_dim": query.shape[-1], "scale": facts["scale"], "softcap": facts["softcap"],
                "sinks": None if sinks is None else [float(sinks[head]) for head in chosen]}

    def unrotated(self, layer, query, key, calls):
        """q and k before the rotation, and what the layer's facts say of it; None where it is not known."""
        facts, number = layer.facts, layer.number
        calls = [call for call in calls if call.pairs]
        found = [recognise(side, calls) for side in (query, key)]
        rotates = bool(calls)
        if rotates and None in found:
            if "pre" in self.states:
                raise CaptureError(f"layer {number}: q or k changes between the rotation and attention, so that ropemap "
                                   "could not rotate it; capture with --state post")
            facts.update(rotary_dim=None)
            return None
        if not rotates:
            if self.rotations == 0 and "pre" in self.states:
                raise CaptureError("no apply_*rotary* function was called; capture with --state post")
            facts.update(rotary_dim=0 if self.rotations else None)
            return query, key
        if "rotary_dim" not in facts:
            facts.update(self.describe_rotation(number, found))
        return [one[0] for one in found]

    @staticmethod
    def describe_rotation(number, found):
        maps = [(call.map(operand), first) for _, call, operand, first in found]
        (of_q, first), (of_k, _) = maps
        if None in (of_q.layout, of_q.layout_after) or [vars(of_q), first] != [vars(of_k), maps[1][1]]:
            raise CaptureError(f"layer {number}: its pairs are neither i and i + D/2 nor 2i and 2i + 1, in q and in k")
        return {"rotary_dim": of_q.dim, "rotary_first": first + of_q.first, "layout": of_q.layout,
                "layout_after": of_q.layout_after, "attention_factor": found[0][1].factor()}

    def add(self, layer, name, rows):
        kept = rows.to("cpu", self.dtype or rows.dtype, copy=True)
        if torch.isinf(kept).any() and not torch.isinf(rows).any():
            raise CaptureError(f"--dtype {self.dtype}: {name} has values beyond its range; use bfloat16 or float32")
        layer.rows.setdefault(name, []).append(kept)


# ---- a run -----------------------------------------------------------------------------------------------


def needs_one_pass(config):
    """Whether frequencies depend on the length of what the model has seen."""
    text = json.dumps(config.to_dict(), default=str)
    return re.search(r'"(rope_)?type": "(dynamic|longrope|su)"', text) is not None


def rotations_of(model):
    """(module, name) of every apply_*rotary* function that the model's own modules may call."""
    modules = {sys.modules[type(part).__module__] for part in model.modules()}
    return [(module, name) for module in modules for name, value in vars(module).items()
            if inspect.isfunction(value) and re.match(r"apply_.*rot", name)]


def run(model, ids, recorder, chunk):
    base = model.base_model
    accepted = inspect.signature(type(base).forward).parameters
    cache_name = "cache" if "cache" in accepted else "past_key_values"
    config = model.config.get_text_config()
    caching = {cache_name: transformers.DynamicCache(config=config), "use_cache": True} if chunk < len(ids) else {
        "use_cache": False}
    for begin in range(0, len(ids), chunk):
        recorder.begin = begin
        base(input_ids=ids[None, begin:begin + chunk], **caching)
        if sys.stderr.isatty():
            print(f"\rcapture: {min(begin + chunk, len(ids))} of {len(ids)} tokens ", end="", file=sys.stderr)


def capture(model, ids, layers=None, heads=None, last_queries=None, stride=1, dtype=None, state="pre", chunk=None,
            name=""):
    """
    Tensors and metadata of a model on token ids [S]. `layers` and `heads` are lists of numbers, None: all. `dtype` is
    a torch.dtype, None: the model's. Queries are those of every stride-th of the last `last_queries` tokens.
    """
    tokens, config = len(ids), model.config.get_text_config()
    if not 1 <= (last_queries or tokens) <= tokens:
        raise CaptureError(f"--last-queries: {last_queries} of {tokens} tokens; give 1 to {tokens}")
    count = config.num_hidden_layers
    if layers and max(layers) >= count:
        raise CaptureError(f"--layers: no layer {max(layers)}; the model has {count}, counted from 0")
    if needs_one_pass(config) and chunk and chunk < tokens:
        raise CaptureError("--chunk: this model's frequencies depend on the length it has seen; it needs one pass, "
                           "so leave --chunk out")
    chunk = chunk or (tokens if needs_one_pass(config) else min(tokens, 1024))
    recorder = Recorder(config, tokens, None if layers is None else sorted(set(layers)),
                        None if heads is None else sorted(set(heads)), last_queries, stride,
                        ["pre", "post"] if state == "both" else [state], dtype)
    AttentionInterface.register(NAME, recorder.attention)
    AttentionMaskInterface.register(NAME, full_mask)
    before = model.config._attn_implementation
    wrapped = [(module, function, getattr(module, function)) for module, function in rotations_of(model)]
    for module, function, original in wrapped:
        setattr(module, function, recorder.wrap(original))
    try:
        model.set_attn_implementation(NAME)
        with torch.inference_mode():
            run(model.eval(), ids, recorder, chunk)
    finally:
        for module, function, original in wrapped:
            setattr(module, function, original)
        model.set_attn_implementation(before)
    if not recorder.attended:
        raise CaptureError("this model's attention does not go through transformers' AttentionInterface")
    missing = [number for number in layers or [] if number not in recorder.found]
    if missing or not recorder.found:
        raise CaptureError(f"--layers: layer {missing[0] if missing else 0} has no attention")
    return collect(recorder, config, state, name)


def collect(recorder, config, state, name):
    tensors, layers = {}, []
    for number, layer in sorted(recorder.found.items()):
        causal, window, chunk = layer.masks[0]
        layers.append({"layer": number, "type": layer.kind, **layer.facts, "causal": causal, "window": window,
                       "chunk": chunk})
        for key, rows in layer.rows.items():
            tensors[key] = torch.cat(rows, dim=1).contiguous()
            layer.rows[key] = None
    plain = {key: value for key, value in config.to_dict().items() if not key.startswith("_")}
    metadata = {"format": "ropemap.capture", "version": VERSION, "state": state, "order": "hsd", "model": name,
                "config": json.dumps(plain, default=str), "dtype": str(next(iter(tensors.values())).dtype)[6:],
                "tokens": recorder.tokens, "query_first": recorder.first, "query_step": recorder.stride,
                "key_first": 0, "key_step": 1, "layers": json.dumps(layers),
                "transformers": transformers.__version__}
    return tensors, {key: str(value) for key, value in metadata.items()}


# ---- the command -----------------------------------------------------------------------------------------


def numbers(text):
    """"0,4-6" as [0, 4, 5, 6]."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()) or int(last or first) < int(first):
            raise argparse.ArgumentTypeError(f"'{text}' is no list of numbers; write 0,4-6")
        found += range(int(first), int(last or first) + 1)
    return found


def positive(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is out of range; give 1 or more")
    return int(text)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m ropemap.capture", description=__doc__.split("\n\n")[1],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="a folder, a GGUF file, or a name that transformers knows")
    parser.add_argument("--text", metavar="FILE", required=True, help="what the model reads")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where the capture goes: .safetensors")
    parser.add_argument("--layers", type=numbers, metavar="0,4-6", help="which layers; all")
    parser.add_argument("--heads", type=numbers, metavar="0,4-6", help="which query heads of each layer; all")
    parser.add_argument("--tokens", type=positive, metavar="N", help="the first N tokens of the text; all")
    parser.add_argument("--last-queries", type=positive, metavar="N", help="queries of the last N tokens; all")
    parser.add_argument("--stride", type=positive, default=1, metavar="N", help="of those every N-th query; 1")
    parser.add_argument("--dtype", choices=DTYPES, help="of the file; the model's")
    parser.add_argument("--state", choices=("pre", "post", "both"), default="pre",
                        help="before the rotation (then ropemap rotates, by any rule), after it, or both; pre")
    parser.add_argument("--chunk", type=positive, metavar="N", help="tokens that run at once; 1024, or all of them")
    parser.add_argument("--device", default="cpu", help="where the model runs, as torch names it; cpu")
    parser.add_argument("--force", action="store_true", help="replace a file that exists")
    return parser.parse_args(arguments)


def load(path):
    """The model in its own dtype, and its tokenizer."""
    if path.endswith(".gguf"):
        where, options = os.path.dirname(path) or ".", {"gguf_file": os.path.basename(path)}
    else:
        where, options = path, {}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **options)
        return transformers.AutoModelForCausalLM.from_pretrained(where, dtype="auto", **options), tokenizer
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise CaptureError(f"{path}: transformers cannot load it: {error}") from error


def check_output(path, force):
    """Whether the file can be written: asked before the model runs, too."""
    folder = os.path.dirname(path) or "."
    if not force and os.path.exists(path):
        raise CaptureError(f"{path}: the file exists; give --force to replace it")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise CaptureError(f"{path}: its folder is missing or cannot be written to")


def save(tensors, metadata, path, force):
    """All of the file or none of it."""
    check_output(path, force)
    handle, temporary = tempfile.mkstemp(prefix=".capture-", dir=os.path.dirname(path) or ".")
    try:
        save_file(tensors, temporary, metadata)
        os.fsync(handle)
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    finally:
        os.close(handle)


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def work(options):
    if not options.output.endswith(".safetensors"):
        raise CaptureError(f"--output: '{options.output}' does not end in .safetensors")
    check_output(options.output, options.force)
    try:
        with open(options.text, encoding="utf-8") as stream:
            text = stream.read()
    except UnicodeDecodeError as error:
        raise CaptureError(f"{options.text}: not UTF-8, at byte {error.start}") from error
    model, tokenizer = load(options.model)
    ids = tokenizer(text, return_tensors="pt").input_ids[0][:options.tokens].to(options.device)
    if len(ids) == 0:
        raise CaptureError(f"{options.text}: no tokens in it")
    name = os.path.basename(os.path.normpath(options.model)).removesuffix(".gguf")
    tensors, metadata = capture(model.to(options.device), ids, options.layers, options.heads, options.last_queries, options.stride,
                                DTYPES.get(options.dtype), options.state, options.chunk, name)
    save(tensors, metadata, options.output, options.force)
    size = os.path.getsize(options.output)
    print(f"capture: {len(ids)} tokens, {len(tensors)} tensors, {size} bytes; {options.output}", file=sys.stderr)


def main(arguments=None):
    options = parse(arguments)
    try:
        work(options)
    except CaptureError as error:
        print(f"capture: {error}", file=sys.stderr)
        return 2
    except (OSError, SafetensorError) as error:
        name, reason = getattr(error, "filename", None), getattr(error, "strerror", None)
        print(f"capture: {name or options.output}: {reason or error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
