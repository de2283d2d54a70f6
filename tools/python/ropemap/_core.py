# _core.py - what the program's commands compute, as functions whose keyword arguments are the commands' options
# SPDX-License-Identifier: MIT
import contextlib
import inspect
import itertools
import json
import os
import tempfile
import threading
import types
import warnings

import numpy

from . import VERSION, _arrays
from ._errors import (DataError, Error, FileError, ResourceError, Stopped, UsageError, call, check,  # noqa: F401
                      in_python)
from ._native import ffi, lib

if ffi.string(lib.ropemap_version()).decode() != VERSION:
    raise ImportError(f"ropemap's modules are of version {VERSION}, its extension of "
                      f"{ffi.string(lib.ropemap_version()).decode()}: install both anew, of one version")


# ---- calls ------------------------------------------------------------------------------------------------


def keep(kind, error, traceback):
    """What a progress function raised, or Ctrl-C before it was called, is for the caller."""
    ffi.from_handle(traceback.tb_frame.f_locals["user"]).raised = error
    return 1


@ffi.def_extern(onerror=keep)
def tell(user, stage, done, total):
    """Called without a progress function too, so that Ctrl-C is seen."""
    progress = ffi.from_handle(user).progress
    return bool(progress and progress(ffi.string(stage).decode(), done, total))


@ffi.def_extern()
def warn(user, text):
    ffi.from_handle(user).warnings.append(in_python(ffi.string(text).decode(errors="replace")))


class Closing:
    """What `with` closes."""

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: "object") -> "None":
        self.close()


class Session(Closing):
    """What computing has to start - a GPU's library, streams, memory of threads - kept for the next call.

    Give it as `session=` of several maps; `with ropemap.Session() as session` closes it. After a fork the child has
    a session of its own."""

    def __init__(self):
        self._open()

    def _open(self):
        made, process = ffi.new("ropemap_session **"), os.getpid()
        call(lib.ropemap_session_open, made)

        def end(handle):
            if process == os.getpid():
                lib.ropemap_session_close(handle)
        self._process, self._handle = process, ffi.gc(made[0], end)

    def _use(self):
        """What a call keeps while it runs: closing waits for it."""
        if self._handle and self._process != os.getpid():
            self._open()
        handle = self._handle
        if handle is None:
            raise UsageError("session: it is closed; open another one")
        return handle

    def close(self) -> "None":
        """Ends it once the calls that use it are done."""
        self._handle = None


# ---- options ----------------------------------------------------------------------------------------------

PROGRAM = {"output", "json", "quiet", "verbose", "force", "dry_run", "frames", "presets",  # what it prints, and when
           "work", "shards", "keep_work", "steal",
           "from"}  # a word of Python's own: preset and model name the same
BETWEEN = {lib.OPTION_RANGE: ":", lib.OPTION_INTERVAL: ":", lib.OPTION_SIZE: "x"}


def text_of(pointer):
    return ffi.string(pointer).decode() if pointer else ""


def keyword(row):
    return text_of(row.name).replace("-", "_")


def blocks_of(command):
    return itertools.takewhile(lambda block: block.rows, command.blocks)


def options_of(command):
    """{keyword: row of the command's table}"""
    rows = (block.rows + i for block in blocks_of(command)
            for i in itertools.takewhile(lambda i: block.rows[i].name, itertools.count()))
    return {keyword(row): row for row in rows if keyword(row) not in PROGRAM}


COMMANDS = {text_of(command.name): command
            for command in itertools.takewhile(bool, map(lib.command_at, itertools.count())) if command.result}
OPTIONS = {name: options_of(command) for name, command in COMMANDS.items()}


def is_range(row):
    return row.type == lib.OPTION_RANGE or row.type == lib.OPTION_CUSTOM and text_of(row.argument) == "RANGE"


def item(value):
    """The text of a number, whole ones without a point, or of a name."""
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    return repr(int(value) if isinstance(value, (int, numpy.integer)) else float(value)).removesuffix(".0")


def encoded(name, text):
    """A text for C."""
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise UsageError(f"{name}: {text!r:.80} has a zero byte or half a character; leave that out")
    return encoded


def items(values):
    return [values] if isinstance(values, str) else [item(value) for value in values]


def texts(name, row, value):
    """The texts of an option's value, as on the command line; [None] of a flag that is set. `row` may be None."""
    if value is None or isinstance(value, (bool, numpy.bool_)):
        return [None] if value else []
    try:
        if isinstance(value, dict) and name in ("vary", "lines", "diff"):
            return [f"{key.replace('_', '-')}={','.join(items(values))}" for key, values in value.items()]
        if isinstance(value, dict):
            pairs = ",".join(f"{key.replace('_', '-')}={item(one)}" for key, one in value.items() if key != "rule")
            return [f"{value.get('rule', '')}:{pairs}" if pairs else value.get("rule", "")]
        if isinstance(value, range):
            return [f"{value.start}:{len(value)}:{value.step}"]
        if isinstance(value, (list, tuple, numpy.ndarray)):
            between = ":" if row and is_range(row) else BETWEEN.get(row and row.type, ",")
            return items(value) if row and row.type == lib.OPTION_TEXTS else [between.join(items(value))]
        return [item(value)]
    except (AttributeError, TypeError, ValueError):
        raise UsageError(f"{name}: {type(value).__name__} {value!r:.80}; give a number, a text or a list of "
                         "them") from None


# ---- results ----------------------------------------------------------------------------------------------

KINDS = {lib.OUTPUT_PNG: ".png", lib.OUTPUT_SVG: ".svg", lib.OUTPUT_PDF: ".pdf", lib.OUTPUT_NPY: ".npy",
         lib.OUTPUT_CSV: ".csv"}


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


def put(arrays, name, value):
    """Under a name of its own: settings may have the same."""
    arrays[name if name not in arrays else f"{name} ({len(arrays)})"] = value
    return value


class Result:
    """What a command made. Inputs in memory are kept as long as it, and as its arrays."""

    _command, _shared = "", None  # _shared: the lock of pictures that are drawn in memory of all

    def __init__(self, options, session=None, progress=None):
        if session is not None and not isinstance(session, Session):
            raise UsageError(f"session: {type(session).__name__}; give a ropemap.Session")
        if progress is not None and not callable(progress):
            raise UsageError(f"progress: {type(progress).__name__}; give a function of stage, done and total")
        self._row, self._document, self._ran, self._hidden = COMMANDS[self._command], None, None, ""
        self._lock = self._shared or threading.Lock()
        self._open()
        with contextlib.ExitStack() as self._folders:
            self._take(options)
            self._run(session._use() if session else ffi.NULL, progress)

    def _open(self):
        row, options = self._row, lib.options_new(self._row)
        if not options:
            raise ResourceError(f"{self._command}: no memory for the options")
        kept, given = [], []  # which the options borrow

        def free(made, kept=(kept, given)):
            if row.result.free:
                row.result.free(made)
            lib.options_free(row, options)
        self._options, self._kept, self._given = options, kept, given
        self._made = ffi.gc(ffi.new("int64_t[]", row.result.size // 8 + 1), free)

    def _take(self, options):
        """Sets the options, and lends queries and keys that are arrays; order, batch and heads tell how these lie."""
        sides = [options.get(name) for name in ("queries", "keys")]
        files = [side is None or isinstance(side, (str, os.PathLike)) for side in sides]
        lent = None if all(files) or "queries" not in OPTIONS[self._command] else self._lend(files, **options)
        for name, value in options.items():
            if not lent or name not in ("queries", "keys", "order", "batch", "heads"):
                self._set(name, value)
        if lent:
            at = next(block.offset for block in blocks_of(self._row) if block.rows == ffi.addressof(lib.tensor_rows, 0))
            tensors = ffi.cast("tensor_options *", ffi.cast("char *", self._options) + at)
            tensors.queries, tensors.keys, tensors.lent = self._kept[0]
            call(lib.tensor_lent_place, tensors)

    def _lend(self, files, /, queries=None, keys=None, order=None, batch=None, heads=None, rotary_first=None, **_):
        if any(files):
            raise UsageError("queries and keys: one is an array, the other is not; give two arrays or two files")
        if rotary_first:
            raise UsageError(f"rotary_first: {rotary_first}, which is for files; give numpy.roll(queries, -{rotary_first}, "
                             "axis=-1), and keys alike")
        if order not in (None, "hsd", "shd"):
            raise UsageError(f"order: {order!r}; give 'hsd' or 'shd'")
        packed = tuple(heads) if isinstance(heads, (list, tuple)) else (heads, heads)
        if len(packed) != 2:
            raise UsageError(f"heads: {heads!r:.80}; give their number, or two: of queries and of keys")
        queries = _arrays.vectors("queries", queries, order, batch or 0, packed[0] or 0)
        keys = _arrays.vectors("keys", keys, order, batch or 0, packed[1] or 0)
        lent = ffi.new("tensor_lent *", {"queries": queries[0], "query_heads": queries[1], "keys": keys[0],
                                         "key_heads": keys[1]})
        self._kept += [(ffi.new("char[]", b"queries"), ffi.new("char[]", b"keys"), lent), queries, keys]
        return lent

    def _set(self, name, value):
        row = OPTIONS[self._command].get(name)
        if name in PROGRAM:
            raise UsageError(f"{name} is of the program; here results have save()")
        if row and self._ran and (row.group != lib.GROUP_OUTPUT or row.computed):
            raise UsageError(f"{name} is for computing, which is done; compute again with it")
        if row and name in ARRAYS and not isinstance(value, (str, os.PathLike, bool, type(None))):
            array = _arrays.numbers_of(name, value)
            self._hidden = self._hidden or self._folders.enter_context(tempfile.TemporaryDirectory()) + "/"
            value = f"{self._hidden}{name}.npy"
            numpy.save(value, array, allow_pickle=False)
        for text in texts(name, row, value) if row else [None]:  # an unknown option is refused, whatever its value
            text = ffi.NULL if text is None else ffi.new("char[]", encoded(name, text))
            self._given.append((row, text))
            call(lib.options_set, self._row, name.replace("_", "-").encode(), text, self._options)

    def _run(self, session, progress):
        told = types.SimpleNamespace(progress=progress, raised=None, warnings=[])
        error, user = ffi.new("ropemap_error *"), ffi.new_handle(told)
        asked = ffi.new("cli_call *", {"session": session, "progress": lib.tell, "user": user})
        try:
            lib.warnings_take(lib.warn, user)
            status = lib.result_make(self._row, self._options, asked, self._made, error)
        finally:
            lib.warnings_take(ffi.NULL, ffi.NULL)
        self._ran = bytes(ffi.buffer(ffi.cast("char *", self._options), self._row.size))
        if told.raised is not None:
            raise told.raised
        lib.options_name(self._row, error)
        check(status, error, self._hidden)
        for text in told.warnings:
            warnings.warn(text.replace(self._hidden, ""), stacklevel=4)

    def _arrays(self):
        """{name: array} of the result, or {group: {name: array}}, without a copy; each keeps the result alive."""
        arrays, last, found, made = {}, ffi.NULL, ffi.new("cli_array *"), self._made
        home = arrays
        for index in itertools.count():
            if not self._row.result.array or not self._row.result.array(made, index, found):
                return arrays
            if found.group != last:
                home, last = put(arrays, text_of(found.group), {}), found.group
            shape = tuple(found.shape[0:found.rank])
            data = ffi.gc(ffi.cast("char *", found.data), lambda _: made)  # the buffer keeps `data`, and that `made`
            data = ffi.buffer(data, int(numpy.prod(shape)) * found.item)
            array = put(home, text_of(found.name), numpy.frombuffer(data, NUMBERS.get(found.item) or PAIR).reshape(shape))
            array.flags.writeable = False

    @property
    def document(self) -> "dict[str, Any]":
        """Everything of the result, as the program prints it with --json."""
        with self._lock:
            if self._document is None and self._row.result.document:
                text = ffi.new("ropemap_bytes *")
                call(lib.document_bytes, self._row.result.document(self._options, self._made), text)
                self._document = json.loads(taken(text).decode().replace(self._hidden, ""))
            return self._document or {}

    def encode(self, name: "str | PathLike[str]", **options: "Any") -> "bytes":
        """The bytes of a file of that name, "a.png" or ".svg"; options are those of the figure."""
        kind, can = lib.output_kind_of(encoded("name", name)), self._row.result.kinds
        if not can >> kind & 1:
            able = ", ".join(ending for one, ending in KINDS.items() if can >> one & 1)
            raise UsageError(f"{os.fspath(name)!r:.200}: not a kind of file that {self._command} makes; "
                             + (f"give {able}" if able else "it has no picture"))
        data = ffi.new("ropemap_bytes *")
        with self._lock:
            given = len(self._given)
            try:
                for option, value in options.items():
                    self._set(option, value)
                call(lib.result_encode, self._row, self._options, self._made, kind, data)
                return taken(data)
            finally:
                ffi.memmove(self._options, self._ran, len(self._ran))
                del self._given[given:]

    def save(self, *paths: "str | PathLike[str]", force: "bool" = False, **options: "Any") -> "None":
        """Writes .png, .svg, .pdf, .npy or .csv files, all of them or none; force=True replaces files. Options are
        those of the figure: cmap, clim, width="88mm", dark, ..."""
        contents = [self.encode(path, **options) for path in paths]
        outputs = ffi.gc(ffi.new("cli_outputs *"), lib.outputs_free)
        call(lib.ropemap_outputs_new, ffi.addressof(outputs, "set"))
        for row, text in self._given:
            call(lib.outputs_note, outputs, row, text)
        for path in paths:
            call(lib.ropemap_outputs_add, outputs.set, os.fsencode(path), force)
        call(lib.ropemap_outputs_check, outputs.set)
        for index, content in enumerate(contents):
            data = ffi.new("ropemap_bytes *", {"data": ffi.from_buffer("uint8_t[]", content), "size": len(content)})
            call(lib.ropemap_outputs_write, outputs.set, index, data)
        call(lib.ropemap_outputs_finish, outputs.set)

    def __reduce__(self):
        raise TypeError(f"a ropemap.{type(self).__name__} cannot be copied or pickled; its arrays and document can")

    def _repr_png_(self):
        return self.encode(".png")

    def __repr__(self):
        parts = [f"{name}: {list(part) if isinstance(part, dict) else part.shape}" for name, part in self._arrays().items()]
        return f"<ropemap.{type(self).__name__} {', '.join(parts) or self.document}>"


def part(name, text):
    """A property: that array of the result, without a copy."""
    def get(self) -> "NDArray[Any]":
        return self._arrays()[name]
    return property(get, doc=text)


class Map(Result):
    """A map of similarity, or with measure="softmax" of attention: every query position (rows) with every key position
    (columns)."""

    _command = "map"

    array = part("cells", "The cells, float32 [height, width]; row 0 is the first query range. Read only, without a copy.")

    def __array__(self, dtype: "Any" = None, copy: "bool | None" = None) -> "NDArray[Any]":
        return self.array.astype(dtype or "f4", copy=bool(copy))

    def __repr__(self):
        return "<ropemap.Map {}x{}, {min} to {max}, {method} on {backend}>".format(*self.array.shape, **self.document)


class Curve(Result):
    """Similarity of two tokens against their distance, for one setting or, with vary={...}, several."""

    _command = "curve"

    distances = part("distances", "Tokens apart, float64 [count].")

    @property
    def curves(self) -> "Mapping[str, NDArray[Any]]":
        """{label: float64 [count]} of each setting."""
        return dict(list(self._arrays().items())[1:])

    @property
    def array(self) -> "NDArray[Any]":
        """float64 [settings, count]; of one setting [count], without a copy."""
        curves = list(self.curves.values())
        return curves[0] if len(curves) == 1 else numpy.stack(curves)


class Bound(Result):
    """How far a base reaches, and which bases a context length needs: `document` has the numbers."""

    _command, _shared = "bound", threading.Lock()

    def _repr_png_(self):
        try:
            return super()._repr_png_()
        except UsageError:  # neither a table nor a card: it shows as text
            return None


class Plan(Result):
    """Which base, or which factor of a scaling rule, a context length needs, with the flags of transformers, vLLM and
    llama.cpp: `document` has the numbers."""

    _command, _repr_png_ = "plan", None

    @property
    def choices(self) -> "Mapping[str, Mapping[str, Any]]":
        """{change: ...} of the base, and of each rule's factor: value, windows, half, first_negative, flags, ..."""
        return {choice["change"]: choice for choice in self.document["choices"]}


class Explanation(Result):
    """What a rule does, in sentences: print it."""

    _command, _repr_png_ = "explain", None

    def __str__(self):
        return "\n".join(self.document["sentences"])

    __repr__ = __str__


class Rule(Result):
    """The rule that options, a preset or a model make: what each pair of dimensions does, and where each number came
    from (`document`)."""

    _command, _shared = "info", threading.Lock()

    frequencies = part("frequencies", "Radians a token, float64 [rotary_dim / 2].")


class Heads(Result):
    """How real heads spread their attention, means over their queries: of capture="FILE", or of queries and keys
    [heads, positions, head_dim]."""

    _command = "heads"

    @property
    def array(self) -> "NDArray[Any]":
        """One record a head: layer, head, key_head, sink, recent, entropy (nats), keys, distance (tokens), ..."""
        rows = self.document["heads"]
        kinds = [(name, "f8" if name in ("sink", "recent", "entropy", "keys", "distance") else "i8") for name in rows[0]]
        missing = {"f8": numpy.nan, "i8": -1}
        return numpy.array([tuple(missing[kind] if row[name] is None else row[name] for name, kind in kinds)
                            for row in rows], kinds)


class Pairs(Result):
    """What each rotary pair of real heads does, before the rotation: of capture="FILE", or of queries and keys
    [heads, positions, head_dim]."""

    _command = "pairs"

    array = part("pairs", "Records [layers, heads, pairs] of a ropemap_pair: frequency (radians a token), query and key "
                          "(norm, x, y, resultant), angle (radians), mean, variance, share.")

    curves = part("curves", 'With picture="curve" float64 [layers, heads, 2, distances]: the mean logit, and what the means '
                            "predict.")


class Sweep(Result):
    """Maps side by side, of every combination of vary={"base": [1e4, 5e5], "head_dim": [64, 128]}."""

    _command = "sweep"

    @property
    def maps(self) -> "Mapping[str, NDArray[Any]]":
        """{label: float32 [height, width]} of each setting."""
        return self._arrays()


class CurveSweep(Result):
    """Plots side by side, of every combination of vary={...}, with a line in each for every one of lines={...}."""

    _command = "sweep curve"

    @property
    def distances(self) -> "NDArray[Any]":
        """Tokens apart, float64 [count], of the longest curve; others end before."""
        return max((next(iter(plot.values())) for plot in self._arrays().values()), key=len)

    @property
    def curves(self) -> "Mapping[str, Mapping[str, NDArray[Any]]]":
        """{label of a plot: {label of a line: float64 [count]}}"""
        return {label: dict(list(plot.items())[1:]) for label, plot in self._arrays().items()}


# ---- functions --------------------------------------------------------------------------------------------

FUNCTIONS = {"map": Map, "curve": Curve, "bound": Bound, "plan": Plan, "explain": Explanation, "rule": Rule, "heads": Heads,
             "pairs": Pairs, "sweep": Sweep, "sweep_curve": CurveSweep}
RANGE, PATH = "int | str | range | Sequence[int]", "str | PathLike[str]"
ARRAYS = ("queries", "keys", "frequencies", "positions_from")  # or in a file
TYPES = {lib.OPTION_FLAG: "bool", lib.OPTION_INT: "int | str", lib.OPTION_INT32: "int | str",
         lib.OPTION_REAL: "float | str", lib.OPTION_TEXT: "str", lib.OPTION_TEXTS: "str | Sequence[str]",
         lib.OPTION_INTERVAL: "str | Sequence[float]", lib.OPTION_SIZE: "int | str | Sequence[int]",
         lib.OPTION_CHOICE: "str", lib.OPTION_WORD: "str",
         lib.OPTION_CUSTOM: "str | float | Sequence[str | float] | Mapping[str, object]"}

MEANINGS = """session: a Session that is used again; progress: a function of stage, done and total, which stops by returning true.
Options take numbers or the program's texts, and size=(80, 60), rows=range(0, 99), scaling={"rule": "yarn", "factor": 4},
vary={"base": [1e4, 5e5]} in place of such."""


def described(row):
    """The choices of an option, or the word for its value, and what it is unless given."""
    choices = ffi.new("char[]", 400)
    if row.choices:
        lib.option_list_choices(row, choices, 400)
    return ", ".join(filter(None, (text_of(row.argument) or text_of(choices) or "flag", text_of(row.initial),
                                   "or an array" if keyword(row) in ARRAYS else "")))


def function_of(name, result):
    """The function that makes a command's result, its signature and docstring from the table of options."""
    def function(*, session=None, progress=None, **options):
        return result(options, session, progress)
    rows = OPTIONS[result._command]
    types = {option: RANGE if is_range(row) else f"{PATH} | Any" if option in ARRAYS else
             PATH if row.reads != lib.READS_NOTHING else TYPES[row.type] for option, row in rows.items()}
    types = {"session": "Session", "progress": "Callable[[str, float, float], object]", **types}
    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.Signature([
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=f"{kind} | None")
        for option, kind in types.items()], return_annotation=result.__name__)
    function.__doc__ = in_python(f"{result.__doc__}\n\n{MEANINGS}\n\nOptions, as of `ropemap {result._command}`:\n\n" + "\n".join(
        f"    {option} ({described(row)}): {text_of(row.help)}" for option, row in rows.items()))
    return function


def model(path, **options):
    """The rule of a model's folder, config.json, params.json or GGUF file; weights are not read."""
    return Rule(dict(model=os.fspath(path), **options))


globals().update({name: function_of(name, result) for name, result in FUNCTIONS.items()})
model.__signature__ = inspect.Signature(
    [inspect.Parameter("path", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=PATH),
     *list(inspect.signature(globals()["rule"]).parameters.values())[3:]], return_annotation="Rule")  # 3: session, progress, model
__all__ = [*FUNCTIONS, "model", "Session", *(result.__name__ for result in FUNCTIONS.values()), "Error", "UsageError",
           "DataError", "FileError", "ResourceError", "Stopped"]
