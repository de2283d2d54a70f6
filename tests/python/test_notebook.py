#!/usr/bin/env python3
# test_notebook.py - the notebook runs from its first cell to its last, and is kept without what it printed
# SPDX-License-Identifier: MIT
"""In a plain interpreter: a cell's last expression is shown as a notebook would show it, by _repr_png_ or repr."""
import ast
import json
import os
import pathlib
import sys
import unittest

SOURCE = pathlib.Path(os.environ["ROPEMAP_SOURCE"])
NOTEBOOK = SOURCE / "tools/python/distance.ipynb"
os.environ["CAPTURE"] = str(SOURCE / "tests/data/captures/smollm2.safetensors")


def run(cell, names):
    """Runs a cell and shows its last expression."""
    body = ast.parse(cell).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    picture = getattr(value, "_repr_png_", None)
    return picture() if picture else repr(value)


class Notebook(unittest.TestCase):
    def test_it_runs(self):
        cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
        self.assertTrue(all(not cell["outputs"] and cell["execution_count"] is None for cell in cells))
        names = {"__name__": "__main__"}
        shown = [run("".join(cell["source"]), names) for cell in cells]
        self.assertEqual(sum(isinstance(one, bytes) and one.startswith(b"\x89PNG") for one in shown), 4)
        zeros = {label: int((values < 0).argmax()) for label, values in names["decay"].curves.items()}
        self.assertEqual(zeros["base 10,000"], 1707)
        self.assertEqual(zeros["base 500,000"], 18438)
        self.assertFalse(names["verdict"])
        self.assertEqual(names["verdict"].by_position[-1]["last"], 131071)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"] if len(sys.argv) == 1 else sys.argv)
