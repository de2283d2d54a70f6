# __init__.py - the package of ropemap's Python modules
# SPDX-License-Identifier: MIT
"""Maps of rotary position embedding at long context: what `ropemap` the program computes, as arrays and figures.

    import ropemap
    m = ropemap.map(base=5e5, positions=131072)   # keyword arguments are the program's options
    m.array                                       # float32 [1024, 1024], rows are queries
    m.save("map.png")

Nothing is loaded before it is used, so that `python -m ropemap.capture` needs no extension.
"""
import importlib
import os
import sys

VERSION = "0.2.0"  # of the modules; the extension's has to be the same


def main():
    """The program, as a wheel has it."""
    os.execv(os.path.join(os.path.dirname(__file__), "ropemap"), ["ropemap", *sys.argv[1:]])


def exported():
    """{name: the module that has it}"""
    homes = [importlib.import_module("ropemap." + home) for home in ("_core", "_verify", "_explorer")]
    return {name: home for home in homes for name in home.__all__}


def __getattr__(name):
    if name == "capture":
        return importlib.import_module("ropemap.capture")
    if not name.startswith("_") and name in exported():
        return getattr(exported()[name], name)
    raise AttributeError(f"module 'ropemap' has no attribute '{name}'")


def __dir__():
    return sorted(exported())
