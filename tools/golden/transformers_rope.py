# transformers_rope.py - the rotary rule that transformers gives each layer of a config.json
# SPDX-License-Identifier: MIT
"""Needs torch and transformers 5.24 from PyPI. A model is built on the meta device, where it has no numbers,
and run once: which layers call apply_rotary_pos_emb, and on how many elements, is observed, not inferred.
Its rotary modules are then built again on the CPU, in double precision.
"""

import contextlib
import copy
import importlib
import inspect
import math
import re
import sys
import types
import warnings

import torch
import torch.fx.experimental._config
import transformers
from transformers import AutoModel, AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

transformers.utils.logging.set_verbosity_error()
warnings.filterwarnings("ignore")
torch.fx.experimental._config.meta_nonzero_assume_all_nonzero = True

TOKENS = 6


class Unknown(Exception):
    """transformers has no class for the file, or the class does not run."""


class Refused(Exception):
    """transformers itself refuses the file."""


@contextlib.contextmanager
def double_precision():
    """transformers writes torch.float; here that is a double."""
    names = ("float", "float32")
    kept = {name: getattr(torch, name) for name in names}
    method, default = torch.Tensor.float, torch.get_default_dtype()
    try:
        for name in names:
            setattr(torch, name, torch.float64)
        torch.Tensor.float = torch.Tensor.double
        torch.set_default_dtype(torch.float64)
        yield
    finally:
        for name in names:
            setattr(torch, name, kept[name])
        torch.Tensor.float = method
        torch.set_default_dtype(default)


# ---- the configuration


def make_config(tree):
    kind = tree.get("model_type")
    if kind not in CONFIG_MAPPING:
        raise Unknown(f"model_type {kind}")
    tree = {key: value for key, value in copy.deepcopy(tree).items()
            if key not in ("quantization_config", "compression_config", "auto_map", "torch_dtype", "dtype")}
    try:
        config = CONFIG_MAPPING[kind].from_dict(tree)
        config = config.get_text_config(decoder=True)
    except Exception as error:
        raise Refused(f"{type(error).__name__}: {error}"[:300]) from error
    if isinstance(config, dict):
        raise Unknown("no class for its language model")
    return config


LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")


def shorten(tree, most):
    """The same tree with at most `most` layers, and lists of one entry for each layer cut to them."""
    parts = [tree] + [part for part in tree.values() if isinstance(part, dict)]
    for part in parts:
        key = next((key for key in LAYERS if isinstance(part.get(key), int)), None)
        if key is None or part[key] <= most:
            continue
        count, part[key] = part[key], most
        for name, value in part.items():
            if isinstance(value, list) and len(value) == count:
                part[name] = value[:most]
    return tree


# ---- the model


def model_classes(config):
    """Of the class of the configuration: what the Auto classes know, else what its file of models has."""
    for auto in (AutoModel, AutoModelForCausalLM):
        try:
            if type(config) in auto._model_mapping:
                yield auto._model_mapping[type(config)]
        except ValueError:      # a name in the mapping that the package has not
            continue
    name = type(config).__module__.replace(".configuration_", ".modeling_")
    try:
        module = importlib.import_module(name)
    except ImportError:
        return
    for found in vars(module).values():
        known = isinstance(found, type) and issubclass(found, PreTrainedModel) and found.__module__ == name
        if known and found.config_class is type(config) and not found.__name__.endswith("PreTrainedModel"):
            yield found


def cut(config, most):
    """Fewer layers, where the class lets them be fewer."""
    key = next((key for key in LAYERS if isinstance(getattr(config, key, None), int)), None)
    if key is None or getattr(config, key) <= most:
        return config
    try:
        tree = shorten(config.to_dict(), most)
        return type(config).from_dict(tree)
    except Exception:
        return config


def build(config):
    config._attn_implementation = "eager"
    errors = []
    for made in model_classes(config):
        try:
            with torch.device("meta"):
                return (made[0] if isinstance(made, tuple) else made)(config).eval()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
    if errors:
        raise Refused(f"cannot be built: {errors[0]}"[:300])
    raise Unknown(f"no model class for {type(config).__name__}")


def rotary_alone(config):
    """Modules of the class's file that make frequencies, for a model that cannot be built without more keys."""
    name = type(config).__module__.replace(".configuration_", ".modeling_")
    try:
        module = importlib.import_module(name)
    except ImportError:
        return []
    for made in vars(module).values():
        known = isinstance(made, type) and made.__module__ == name and "RotaryEmbedding" in made.__name__
        if known and not re.search("Vision|Audio|2D|Image", made.__name__):
            try:
                found = made(config)
            except Exception:
                continue
            if is_rotary(found):
                return [found]
    return []


def is_rotary(module):
    return any(name == "inv_freq" or name.endswith("_inv_freq") and "original" not in name
               for name, _ in module.named_buffers(recurse=False))


class Watch:
    """Which layers call apply_rotary_pos_emb, with what, while the model runs."""

    def __init__(self, model):
        self.calls = []     # (layer, function, (module, layer type) of the cosines, elements)
        self.layer = None
        self.misfit = None  # why a rotation failed: the class does not run with such sizes
        self.sources = {}   # id of a tensor -> (module, layer type)
        self.kept = []
        self.undo = []
        self.hooks = []
        for name, module in model.named_modules():
            parts = name.split(".")
            if len(parts) > 1 and parts[-1].isdigit() and parts[-2] in ("layers", "h", "layer", "blocks"):
                self.hooks.append(module.register_forward_pre_hook(self.enter(int(parts[-1]))))
            if is_rotary(module):
                self.stub(module)
        for module in {sys.modules[type(m).__module__] for m in model.modules()}:
            for name, function in list(vars(module).items()):
                if isinstance(function, types.FunctionType) and "rotary" in name and "vision" not in name:
                    setattr(module, name, self.wrap(function))
                    self.undo.append((module, name, function))

    def enter(self, index):
        def hook(*_):
            self.layer = index
        return hook

    def stub(self, module):
        """Cosines of the right shape; nothing that depends on data."""
        plain = module.forward

        def forward(x, position_ids, layer_type=None, *rest, **more):
            name = f"{layer_type}_inv_freq" if layer_type is not None else "inv_freq"
            try:
                made = plain(x, position_ids, *([layer_type] if layer_type is not None else []), *rest, **more)
            except Exception:
                pairs = getattr(module, name).shape[-1]
                made = tuple(torch.empty(1, x.shape[1], 2 * pairs, device="meta", dtype=x.dtype) for _ in "cs")
            for tensor in made if isinstance(made, tuple) else (made,):
                self.sources[id(tensor)] = (module, layer_type)
                self.kept.append(tensor)
            return made

        module.forward = forward

    def wrap(self, function):
        def wrapped(*args, **kwargs):
            tensors = [a for a in list(args) + list(kwargs.values()) if isinstance(a, torch.Tensor)]
            source = next((self.sources[id(t)] for t in tensors if id(t) in self.sources), (None, None))
            if tensors:
                self.calls.append((self.layer, function, source, tensors[0].shape[-1]))
            try:
                return function(*args, **kwargs)
            except Exception as error:
                self.misfit = f"{type(error).__name__}: {error}"[:200]
                raise
        return wrapped

    def close(self):
        for module, name, function in self.undo:
            setattr(module, name, function)
        for hook in self.hooks:
            hook.remove()


@contextlib.contextmanager
def branches_untaken():
    """A branch on the numbers of a meta tensor, which it has not, is not taken."""
    names = ("__bool__", "item", "__int__", "__index__")
    kept = {name: getattr(torch.Tensor, name) for name in names}

    def made(name):
        def method(tensor, *rest):
            return (False if name == "__bool__" else 1) if tensor.is_meta else kept[name](tensor, *rest)
        return method

    try:
        for name in names:
            setattr(torch.Tensor, name, made(name))
        yield
    finally:
        for name in names:
            setattr(torch.Tensor, name, kept[name])


def run(model):
    ids = torch.zeros((1, TOKENS), dtype=torch.long, device="meta")
    watch = Watch(model)
    try:
        with torch.no_grad(), branches_untaken():
            model(input_ids=ids, position_ids=torch.arange(TOKENS, device="meta")[None], use_cache=False)
    except Exception as error:
        if watch.misfit is not None:
            raise Refused(f"cannot run: {watch.misfit}") from error
        raise
    finally:
        watch.close()
    return watch.calls


# ---- numbers


def sinusoidal(function, width):
    """GPT-J and CodeGen keep sines and cosines, and no module that makes them."""
    make = getattr(sys.modules[function.__module__], "create_sinusoidal_positions", None)
    return None if make is None else (make, width)


def frequencies(module, layer_type, length):
    """[pairs] doubles and the attention factor, the cosine at position 0, of a module made on the meta device."""
    with double_precision(), torch.no_grad():
        if isinstance(module, tuple):
            make, width = module
            row = make(2, width)[1].tolist()
            return [math.atan2(row[i], row[width // 2 + i]) for i in range(width // 2)], 1.0
        made = type(module)(module.config)
        names = [layer_type] if layer_type is not None else []
        position = torch.tensor([[0, (length or 2) - 1]])
        if hasattr(module.config, "mrope_section") or "mrope_section" in str(module.config.rope_parameters):
            position = position.expand(3, 1, -1)
        out = made(torch.zeros((1, 2, 8), dtype=torch.float64), position, *names)
        first = (out[0] if isinstance(out, tuple) else out).reshape(-1)[0]
        inverse = getattr(made, f"{layer_type}_inv_freq" if names else "inv_freq").reshape(-1)
        if type(made).__name__.startswith("Ernie4_5_VL"):  # kept as h, w, t; the head has h and w in turn
            inverse = made.recomposition_frequencies(inverse.expand(3, -1))[0::2]
        return [float(v) for v in inverse], float(abs(first))


def try_frequencies(*arguments):
    try:
        return frequencies(*arguments)
    except Exception as error:
        raise Refused(f"{type(error).__name__}: {error}"[:300]) from error


def rotary_modules(model):
    return [module for module in model.modules() if is_rotary(module)]


def layer_types_of(module):
    names = [name for name, _ in module.named_buffers(recurse=False)]
    if "inv_freq" in names:
        return [None]
    return sorted(name[:-len("_inv_freq")] for name in names
                  if name.endswith("_inv_freq") and "original" not in name)


def rotate(function, q, cos, sin, freqs):
    """One of the signatures that the classes have."""
    names = list(inspect.signature(function).parameters)
    if "freqs_cis" in names:
        return function(q.transpose(1, 2), q.transpose(1, 2).clone(), freqs)[0].transpose(1, 2)
    if len(names) > 1 and names[1] == "sin":
        return function(q.transpose(1, 2), sin, cos).transpose(1, 2)
    if len(names) > 1 and names[1] == "cos":
        return function(q, cos, sin)
    return function(q, q.clone(), cos, sin)[0]


def layout(function, width, pairs):
    """half or interleaved: which inputs share an output with element 0; None where that cannot be seen."""
    angles = torch.arange(1.0, pairs + 1) / pairs
    freqs = torch.polar(torch.ones(pairs), angles).expand(1, width, -1)
    for double in (lambda t: torch.cat((t, t)), lambda t: t.repeat_interleave(2), lambda t: t):
        q = torch.eye(width)[None, None]       # [1, 1, width, width]: each token is one element
        try:
            out = rotate(function, q, double(angles.cos()).expand(1, width, -1),
                         double(angles.sin()).expand(1, width, -1), freqs)
            support = out.reshape(width, -1).abs() > 1e-6
        except Exception:
            continue
        turning = [i for i in range(width) if int(support[i].sum()) == 2]
        if not turning:
            continue
        first = turning[0]
        partners = [i for i in turning[1:] if bool((support[i] == support[first]).all())]
        if len(partners) == 1:
            step = partners[0] - first
            return "interleaved" if step == 1 else "half" if step in (pairs, width // 2) else None
    return None


def head_dim_of(config):
    try:
        return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    except Exception:   # each layer has its own
        return None


def rules(tree, length=None, most_layers=None):
    """What transformers does: {"layers": [index of a rule or None, ...], "rules": [{...}]}."""
    config = make_config(tree)
    try:
        model = build(config if most_layers is None else cut(config, most_layers))
        config, modules = model.config, rotary_modules(model)
    except Refused as error:
        model, modules, calls, ran = None, rotary_alone(config), [], str(error)
        if not modules:
            raise
    try:
        if model is not None:
            calls, ran = run(model), None
    except Refused:
        raise
    except Exception as error:
        calls, ran = [], f"{type(error).__name__}: {error}"[:200]
    found, by_layer, numbers = [], {}, {}
    for layer, function, (module, layer_type), width in calls:
        module = module or sinusoidal(function, width)
        key = (id(module) if isinstance(module, torch.nn.Module) else module, layer_type)
        if module is None or layer is None or layer in by_layer:
            continue
        if key not in numbers:
            numbers[key] = try_frequencies(module, layer_type, length)
        inverse, attention = numbers[key]
        same = (layer_type, inverse, attention)     # layers may each have a module of their own
        by_layer[layer] = next((i for i, rule in enumerate(found) if rule["key"] == same), len(found))
        if by_layer[layer] == len(found):
            found.append({"key": same, "layer_type": layer_type, "frequencies": inverse, "attention": attention,
                          "width": width, "layout": layout(function, width, len(inverse)), "seen": True})
    if ran is not None or (calls and not found):
        for module in modules:
            for layer_type in layer_types_of(module):
                inverse, attention = try_frequencies(module, layer_type, length)
                found.append({"key": None, "layer_type": layer_type, "frequencies": inverse,
                              "attention": attention, "width": None, "layout": None, "seen": False})
    for rule in found:
        del rule["key"]
    count = next((getattr(config, key) for key in LAYERS if isinstance(getattr(config, key, None), int)), 0)
    return {"ran": ran, "layers": [by_layer.get(i) for i in range(count)], "rules": found,
            "types": list(getattr(config, "layer_types", None) or []), "head_dim": head_dim_of(config),
            "rotary_modules": len(modules)}
