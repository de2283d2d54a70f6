# declare.py - the C source of ropemap's Python extension, from the headers as they are
# SPDX-License-Identifier: MIT
"""
    python declare.py ROOT OUTPUT.c CC [FLAG...]

The preprocessor's output of the public headers and of invocation.h is what cffi is given to declare: every function, field,
enumeration and default comes from there, and the compiler checks each of them when it builds the extension.
"""
import re
import subprocess
import sys

import cffi

root, output, *compiler = sys.argv[1:]
HEADERS = [f"host/ropemap{room}.h" for room in ("", "_attention", "_capture", "_decay", "_figure", "_machine", "_model",
                                                "_verify")]
SOURCE = "".join(f'#include "{header}"\n' for header in [*HEADERS, "tools/python/invocation.h"])

# Without the compiler's own name the headers use none of its attributes.
text = subprocess.run([*compiler, "-E", "-U__GNUC__", f"-I{root}", "-xc", "-"], input=SOURCE, text=True, check=True,
                      stdout=subprocess.PIPE).stdout
ours, kept = False, []
for line in text.splitlines():
    marker = re.match(r'# \d+ "([^"]*)"', line)
    if marker:
        ours = marker[1].startswith(root)
    elif ours:
        kept.append(line)

ffi = cffi.FFI()
ffi.cdef("\n".join(kept) + '\nextern "Python" int tell(void *user, const char *stage, double done, double total);')
ffi.set_source("ropemap._native", SOURCE)
ffi.emit_c_code(output)
