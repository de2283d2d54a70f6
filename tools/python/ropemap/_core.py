# _core.py - what the program's commands compute, as functions whose keyword arguments are the commands' options
# SPDX-License-Identifier: MIT
import json
import os
import threading
import warnings

import numpy

from . import VERSION, _arrays, _errors
from ._errors import (CheckError, DataError, Error, FileError, ResourceError, Stopped, UsageError,  # noqa: F401
                      check)
from ._native import ffi, lib

if ffi.string(lib.ropemap_version()).decode() != VERSION:
    raise ImportError(f"ropemap's modules are of version {VERSION}, its extension of "
                      f"{ffi.string(lib.ropemap_version()).decode()}: install both anew, of one version")


# ---- calls ------------------------------------------------------------------------------------------------


class Telling:
    """What progress goes to during a call, and what it raised. There is always one, so that Ctrl-C is seen."""

    def __init__(self, progress):
        self.progress, self.raised = progress, None


@ffi.def_extern(onerror=lambda *_: 1)
def tell(user, stage, done, total):
    telling = ffi.from_handle(user)
    try:
        return 1 if telling.progress and telling.progress(ffi.string(stage).decode(), done, total) else 0
    except BaseException as error:  # handed on to the caller
        telling.raised = error
        return 1


class Session:
    """What computing has to start - a GPU's library, streams, memory of threads - kept for the next call.

    Give it as `session=` of several maps; `with ropemap.Session() as session` closes it. After a fork the child has
    a session of its own."""

    def __init__(self):
        self._open()

    def _open(self):
        error, made = ffi.new("ropemap_error *"), ffi.new("ropemap_session **")
        check(lib.ropemap_session_open(made, error), error)
        self.process, self.handle = os.getpid(), made[0]

    def use(self):
        if self.handle is None:
            raise UsageError("session: it is closed; open another one")
        if self.process != os.getpid():
            self._open()
        return self.handle

    def close(self):
        handle, self.handle = self.handle, None
        if handle is not None and self.process == os.getpid():
            lib.ropemap_session_close(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def number(value):
    """The text of a number; whole ones without a point."""
    value = float(value) if not isinstance(value, (int, numpy.integer)) else int(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else repr(value)


def item(value):
    return value if isinstance(value, str) else os.fspath(value) if isinstance(value, os.PathLike) else number(value)


BETWEEN = {"range": ":", "interval": ":", "size": "x"}


def texts(name, kind, value):
    """The texts of an option's value, as on the command line; [None] of a flag that is set."""
    if value is None or value is False:
        return []
    if value is True:
        return [None]
    if isinstance(value, dict) and name in ("vary", "lines", "diff"):
        return [f"{key.replace('_', '-')}={','.join(map_items(values))}" for key, values in value.items()]
    if isinstance(value, dict):
        pairs = ",".join(f"{key.replace('_', '-')}={item(one)}" for key, one in value.items() if key != "rule")
        return [f"{value.get('rule', '')}:{pairs}" if pairs else value.get("rule", "")]
    if isinstance(value, range):
        return [f"{value.start}:{len(value)}:{value.step}"]
    try:
        if isinstance(value, (list, tuple, numpy.ndarray)):
            return map_items(value) if kind == "texts" else [BETWEEN.get(kind, ",").join(map_items(value))]
        return [item(value)]
    except (TypeError, ValueError):
        raise UsageError(f"{name}: {type(value).__name__} {value!r:.80}; give a number, a text or a list of "
                         "them") from None


def map_items(values):
    return [item(value) for value in values] if not isinstance(values, str) else [values]


class Result:
    """What a command made. Inputs in memory are kept as long as it, and as its arrays."""

    _command, _picture = None, "figure.png"

    def __init__(self, options, session=None, progress=None):
        if progress is not None and not callable(progress):
            raise UsageError(f"progress: {type(progress).__name__}; give a function of stage, done and total")
        if session is not None and not isinstance(session, Session):
            raise UsageError(f"session: {type(session).__name__}; give a ropemap.Session")
        self._document, self._kept = None, []
        self._lock = getattr(type(self), "_lock", None) or threading.Lock()
        error, made = ffi.new("ropemap_error *"), ffi.new("invocation **")
        check(lib.invocation_open(self._command.encode(), made, error), error)
        self._work = ffi.gc(made[0], lib.invocation_free)
        options = self._lend(options)
        self._set(options)
        telling = Telling(progress)
        handle = ffi.new_handle(telling)
        status = lib.invocation_run(self._work, session.use() if session is not None else ffi.NULL, lib.tell, handle, error)
        if telling.raised is not None:
            raise telling.raised
        check(status, error)
        index = 0
        while (text := lib.invocation_warning(self._work, index)) != ffi.NULL:
            warnings.warn(_errors.in_python(ffi.string(text).decode(errors="replace")), stacklevel=3)
            index += 1

    def _lend(self, options):
        """Lends the arrays among queries and keys, and takes what says how they lie out of the options."""
        sides = [options.get(name) for name in ("queries", "keys")]
        if all(side is None or isinstance(side, (str, os.PathLike)) for side in sides):
            return options
        if any(side is None or isinstance(side, (str, os.PathLike)) for side in sides):
            raise UsageError("queries and keys: one is an array, the other is not; give two arrays or two files")
        if options.get("rotary_first"):
            raise UsageError(f"rotary_first: {options['rotary_first']}, which is for files; give "
                             f"numpy.roll(queries, -{options['rotary_first']}, axis=-1), and keys alike")
        order, batch, packed = options.get("order") or "hsd", options.get("batch") or 0, options.get("heads") or 0
        if order not in ("hsd", "shd"):
            raise UsageError(f"order: {order!r}; give 'hsd' or 'shd'")
        packed = tuple(packed) if isinstance(packed, (list, tuple)) else (packed, packed)
        queries = _arrays.vectors("queries", sides[0], order, batch, packed[0])
        keys = _arrays.vectors("keys", sides[1], order, batch, packed[-1])
        self._kept += [queries, keys]
        lib.invocation_lend(self._work, queries[0], queries[1], keys[0], keys[1])
        gone = ("queries", "keys", "order", "batch", "heads")
        return {name: value for name, value in options.items() if name not in gone}

    def _set(self, options):
        error = ffi.new("ropemap_error *")
        for name, value in options.items():
            option = name.replace("_", "-").encode()
            for text in texts(name, OPTIONS[self._command].get(name, (None,))[0], value):
                if text and "\0" in text:
                    raise UsageError(f"{name}: {text!r:.80} has a zero byte; leave it out")
                text = ffi.NULL if text is None else os.fsencode(text)
                check(lib.invocation_set(self._work, option, text, error), error)

    def _arrays(self):
        """{name: array} of the result, without a copy; each keeps the result's memory alive."""
        arrays, found, work = {}, ffi.new("module_array *"), self._work
        while lib.invocation_array(work, len(arrays), found):
            shape = tuple(found.shape[0:found.rank])
            data = ffi.gc(ffi.cast("char *", found.data), lambda _: work)  # the buffer keeps `data`, and that `work`
            data = ffi.buffer(data, int(numpy.prod(shape)) * found.item)
            array = numpy.frombuffer(data, NUMBERS.get(found.item) or PAIR).reshape(shape)
            array.flags.writeable = False
            arrays[ffi.string(found.name).decode()] = array
        return arrays

    @property
    def document(self):
        """Everything of the result, as the program prints it with --json."""
        with self._lock:
            if self._document is None:
                error, text = ffi.new("ropemap_error *"), ffi.new("ropemap_bytes *")
                check(lib.invocation_document(self._work, text, error), error)
                self._document = json.loads(taken(text))
            return self._document

    def encode(self, name, **options):
        """The bytes of a file of that name, "a.png" or ".svg"; options are those of the figure."""
        with self._lock:
            try:
                self._set(options)
                error, data = ffi.new("ropemap_error *"), ffi.new("ropemap_bytes *")
                check(lib.invocation_encode(self._work, os.fsencode(name), data, error), error)
                return taken(data)
            finally:
                lib.invocation_forget(self._work)

    def save(self, *paths, force=False, **options):
        """Writes .png, .svg, .pdf, .npy or .csv files, all of them or none; force=True replaces files. Options are
        those of the figure: cmap, clim, width="88mm", dark, ..."""
        contents = [self.encode(path, **options) for path in paths]
        error, made = ffi.new("ropemap_error *"), ffi.new("ropemap_outputs **")
        check(lib.ropemap_outputs_new(made, error), error)
        outputs = ffi.gc(made[0], lib.ropemap_outputs_free)
        check(lib.invocation_inputs(self._work, outputs, error), error)
        for path in paths:
            check(lib.ropemap_outputs_add(outputs, os.fsencode(path), force, error), error)
        check(lib.ropemap_outputs_check(outputs, error), error)
        for index, content in enumerate(contents):
            data = ffi.new("ropemap_bytes *", {"data": ffi.from_buffer("uint8_t[]", content), "size": len(content)})
            check(lib.ropemap_outputs_write(outputs, index, data, error), error)
        check(lib.ropemap_outputs_finish(outputs, error), error)

    def _repr_png_(self):
        return self.encode(self._picture)

    def __repr__(self):
        arrays = ", ".join(f"{name}: {array.shape}" for name, array in self._arrays().items() if array.size)
        return f"<ropemap.{type(self).__name__} {arrays}>"


def dtype_of(kind):
    """NumPy's dtype of a struct of the library whose numbers are doubles."""
    return numpy.dtype([(name, "f8" if field.type.kind == "primitive" else dtype_of(field.type))
                        for name, field in kind.fields])


NUMBERS, PAIR = {4: numpy.dtype("f4"), 8: numpy.dtype("f8")}, dtype_of(ffi.typeof("ropemap_pair"))


def taken(data):
    """A copy of the library's bytes, which are freed."""
    copy = bytes(ffi.buffer(data.data, data.size))
    lib.ropemap_bytes_free(data)
    return copy


# ---- results ----------------------------------------------------------------------------------------------


class Map(Result):
    """Similarity, or attention, of every query position (rows) with every key position (columns)."""

    _command = "map"

    @property
    def array(self):
        """The cells, float32 [height, width]; row 0 is the first query range. Read only, without a copy."""
        return self._arrays()["cells"]

    def __array__(self, dtype=None, copy=None):
        return numpy.array(self.array, dtype, copy=bool(copy)) if dtype or copy else self.array

    def __repr__(self):
        return "<ropemap.Map {}x{}, {min} to {max}, {method} on {backend}>".format(*self.array.shape, **self.document)


class Curve(Result):
    """Similarity of two tokens against their distance, for one setting or, with vary={...}, several."""

    _command = "curve"

    @property
    def distances(self):
        """Tokens apart, float64 [count]."""
        return self._arrays()["distances"]

    @property
    def curves(self):
        """{label: float64 [count]} of each setting."""
        return {label: values for label, values in self._arrays().items() if label != "distances"}

    @property
    def array(self):
        """float64 [settings, count]; of one setting [count], without a copy."""
        curves = list(self.curves.values())
        return curves[0] if len(curves) == 1 else numpy.stack(curves)


class Bound(Result):
    """How far a base reaches, or which bases a length needs: `document` has the numbers."""

    _command, _lock = "bound", threading.Lock()  # pictures of all share memory, as those of rules do

    def __repr__(self):
        return f"<ropemap.Bound {self.document}>"


class Explanation(Result):
    """A rule in a few sentences."""

    _command = "explain"

    def __str__(self):
        return "\n".join(self.document["sentences"])

    __repr__, _repr_png_ = __str__, None


class Rule(Result):
    """A RoPE rule: what each pair of dimensions does, and where each number came from (`document`)."""

    _command, _lock = "info", threading.Lock()

    @property
    def frequencies(self):
        """Radians a token, float64 [rotary_dim / 2]."""
        return self._arrays()["frequencies"]


class Heads(Result):
    """What each head does with its keys: means over its queries."""

    _command = "heads"

    def __repr__(self):
        return f"<ropemap.Heads {self.array}>"

    @property
    def array(self):
        """One record a head: layer, head, key_head, sink, recent, entropy (nats), keys, distance (tokens), ..."""
        rows = self.document["heads"]
        kinds = [(name, "f8" if name in ("sink", "recent", "entropy", "keys", "distance") else "i8") for name in rows[0]]
        missing = {"f8": numpy.nan, "i8": -1}
        return numpy.array([tuple(missing[kind] if row[name] is None else row[name] for name, kind in kinds)
                            for row in rows], kinds)


class Pairs(Result):
    """What each rotary pair of real heads does, before the rotation."""

    _command = "pairs"

    @property
    def array(self):
        """Records [layers, heads, pairs] of a ropemap_pair: frequency (radians a token), query and key (norm, x, y,
        resultant), angle (radians), mean, variance, share."""
        return self._arrays()["pairs"]

    @property
    def curves(self):
        """With picture="curve" float64 [layers, heads, 2, distances]: the mean logit, and what the means predict."""
        return self._arrays()["curves"]


class Sweep(Result):
    """Maps of many settings, side by side."""

    _command = "sweep"

    @property
    def maps(self):
        """{label: float32 [height, width]} of each setting."""
        return self._arrays()


# ---- functions --------------------------------------------------------------------------------------------

RESULTS = [Map, Curve, Bound, Explanation, Rule, Heads, Pairs, Sweep]


def options_of(command):
    """{keyword: (type, argument or choices, initial, help)} of a command's options."""
    option, found = ffi.new("module_option *"), {}
    while lib.invocation_option(command.encode(), len(found), option):
        name, *rest = (ffi.string(part).decode() if part != ffi.NULL else "" for part in (
            option.name, option.type, option.argument, option.initial, option.help, option.choices))
        kind, argument, initial, help_text, choices = rest
        found[name.replace("-", "_")] = (kind, argument or choices, initial, help_text)
    return found


OPTIONS = {result._command: options_of(result._command) for result in RESULTS}


def documented(result):
    """A decorator: the options of the result's command in the docstring."""
    def add(function):
        rows = [f"    {name} ({shown or kind}{', ' + initial if initial else ''}): {help_text}"
                for name, (kind, shown, initial, help_text) in OPTIONS[result._command].items()]
        function.__doc__ += "\n\n    Options, as of `ropemap %s`:\n\n%s\n" % (result._command, _errors.in_python("\n".join(rows)))
        return function
    return add


@documented(Map)
def map(*, session=None, progress=None, **options):
    """A map of similarity, or with measure="softmax" of attention."""
    return Map(options, session, progress)


@documented(Curve)
def curve(*, session=None, progress=None, **options):
    """Similarity against distance, in tokens."""
    return Curve(options, session, progress)


@documented(Bound)
def bound(*, progress=None, **options):
    """How far a base reaches, and which bases a context length needs."""
    return Bound(options, None, progress)


@documented(Rule)
def rule(**options):
    """The rule that options, a preset or a model make."""
    return Rule(options)


@documented(Explanation)
def explain(*, progress=None, **options):
    """What a rule does, in sentences: print it."""
    return Explanation(options, None, progress)


def model(path, **options):
    """The rule of a model's folder, config.json, params.json or GGUF file; weights are not read."""
    return Rule({"model": path, **options})


@documented(Heads)
def heads(*, session=None, progress=None, **options):
    """How real heads spread their attention: capture="FILE", or queries and keys [heads, positions, head_dim]."""
    return Heads(options, session, progress)


@documented(Pairs)
def pairs(*, progress=None, **options):
    """What each frequency does in real heads: capture="FILE", or queries and keys [heads, positions, head_dim]."""
    return Pairs(options, None, progress)


@documented(Sweep)
def sweep(*, vary, session=None, progress=None, **options):
    """Maps of every combination of vary={"base": [1e4, 5e5], "head_dim": [64, 128]}."""
    return Sweep({"vary": vary, **options}, session, progress)


__all__ = ["map", "curve", "bound", "explain", "rule", "model", "heads", "pairs", "sweep", "Session", "Map", "Curve",
           "Bound", "Explanation", "Rule", "Heads", "Pairs", "Sweep", "Error", "UsageError", "DataError", "FileError",
           "ResourceError", "CheckError", "Stopped"]
