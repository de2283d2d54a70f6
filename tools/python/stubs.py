# stubs.py - ropemap/__init__.pyi, for editors and type checkers, from the module itself
# SPDX-License-Identifier: MIT
"""python stubs.py BUILD/python"""
import inspect
import sys

sys.path[0] = sys.argv[1]  # in place of this script's folder, where the package has no extension
import ropemap  # noqa: E402
from ropemap._core import Closing, Result  # noqa: E402

HEAD = """from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

from numpy.typing import NDArray
from typing_extensions import Self
"""
SHOWN = ("__enter__", "__exit__", "__array__")


def members(kind):
    for name, value in vars(kind).items():
        if isinstance(value, property):
            yield f"    @property\n    def {name}{inspect.signature(value.fget)}: ..."
        elif inspect.isfunction(value) and (name in SHOWN or not name.startswith("_")):
            yield f"    def {name}{inspect.signature(value)}: ..."
    yield from (f"    {name}: {annotation}" for name, annotation in vars(kind).get("__annotations__", {}).items())


def stub(value):
    if not inspect.isclass(value):
        return f"def {value.__name__}{inspect.signature(value)}: ..."
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    return "\n".join([f"class {value.__name__}{f'({bases})' if bases else ''}:", *(list(members(value)) or ["    ..."])])


with open(f"{sys.argv[1]}/ropemap/__init__.pyi", "w", encoding="utf-8") as file:
    file.write("\n\n".join([HEAD, stub(Closing), stub(Result), *(stub(getattr(ropemap, name)) for name in dir(ropemap))]) + "\n")
