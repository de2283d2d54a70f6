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

VERSION = "0.2.0"  # of the modules; the extension's has to be the same


HOMES = {"verify": "ropemap._verify", "Verification": "ropemap._verify", "show": "ropemap._explorer",
         "Explorer": "ropemap._explorer"}


def __getattr__(name):
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    core = importlib.import_module("ropemap._core") if not name.startswith("_") else None
    if core is None or name not in core.__all__:
        raise AttributeError(f"module 'ropemap' has no attribute '{name}'")
    return getattr(core, name)


def __dir__():
    return sorted([*globals(), *HOMES, *importlib.import_module("ropemap._core").__all__])
