# stubs.py - ropemap/__init__.pyi, for editors and type checkers, from the module itself
# SPDX-License-Identifier: MIT
"""python stubs.py BUILD/python"""
import inspect
import sys

sys.path[0] = sys.argv[1]  # in place of this script's folder, where the package has no extension
import ropemap  # noqa: E402
from ropemap import _core  # noqa: E402

TYPES = {"bool": "bool", "int": "int | str", "float": "float | str", "choice": "str", "path": "str | PathLike[str]",
         "text": "str", "texts": "str | Sequence[str]", "range": "int | str | range | Sequence[int]",
         "interval": "str | Sequence[float]", "size": "int | str | Sequence[int]"}
ANY = "str | float | Sequence[str | float] | Mapping[str, object]"
RETURNS = {"array": "NDArray", "distances": "NDArray", "frequencies": "NDArray", "curves": "Mapping[str, NDArray]",
           "maps": "Mapping[str, NDArray]", "document": "dict[str, Any]"}
ARRAYS = ("queries", "keys")  # which may be in memory


def stub_of(name, function):
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name not in ("options", "vary")]
    parts = ["path: str | PathLike[str]"] if name == "model" else []
    result = {"rule": "Rule", "model": "Rule", "explain": "Explanation"}.get(name, name.capitalize())
    parts += ["*"] + [f"{p.name}: {'Session' if p.name == 'session' else 'Callable[[str, float, float], object]'} | None = ..."
                      for p in parameters if p.name != "path"]
    for option, (kind, *_) in _core.OPTIONS[getattr(_core, result)._command].items():
        type_of = f"{TYPES['path']} | Any" if option in ARRAYS else TYPES.get(kind, ANY)
        parts.append(f"{option}: {type_of} | None = ...")
    return f"def {name}({', '.join(parts)}) -> {result}: ...\n"


def stub_of_class(name, kind):
    bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object)
    lines = [f"class {name}{f'({bases})' if bases else ''}:\n"]
    lines += [f"    {member}: {kind_of}\n" for member, kind_of in vars(kind).get("__annotations__", {}).items()]
    for member, value in vars(kind).items():
        if isinstance(value, property):
            returns = "NDArray" if kind is _core.Pairs and member == "curves" else RETURNS[member]
            lines.append(f"    @property\n    def {member}(self) -> {returns}: ...\n")
        elif inspect.isfunction(value) and (not member.startswith("_") or member == "__enter__"):
            lines.append(f"    def {member}{inspect.signature(value)}: ...\n")
    return "".join(lines) if len(lines) > 1 else lines[0].rstrip() + " ...\n"


text = ("from collections.abc import Callable, Mapping, Sequence\nfrom os import PathLike\nfrom typing import Any\n\n"
        "from numpy.typing import NDArray\n\n")
classes = [name for name in _core.__all__ if inspect.isclass(getattr(_core, name))]
text += stub_of_class("Result", _core.Result)
text += "".join(stub_of_class(name, getattr(_core, name)) for name in classes)
text += "".join(stub_of(name, getattr(_core, name)) for name in _core.__all__ if name not in classes)
others = {name: getattr(ropemap, name) for name in ropemap.HOMES}
text += "".join(stub_of_class(name, value) for name, value in others.items() if inspect.isclass(value))
text += "".join(f"def {name}{str(inspect.signature(value)).replace('**rule', '**rule: Any').replace('**options', '**options: Any')} -> "
                f"{'Verification' if name == 'verify' else 'Explorer'}: ...\n"
                for name, value in others.items() if inspect.isfunction(value))
with open(f"{sys.argv[1]}/ropemap/__init__.pyi", "w", encoding="utf-8") as file:
    file.write(text)
