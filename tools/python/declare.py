# declare.py - the C source of ropemap's Python extension, from the headers as they are
# SPDX-License-Identifier: MIT
"""
    python declare.py ROOT OUTPUT.c CC [FLAG...]

What the preprocessor makes of the public headers, and of those of the program's commands, is what cffi is given to declare:
every function, field, enumeration and option comes from there, and the compiler checks each of them in the extension.
"""
import re
import subprocess
import sys

import cffi

root, output, *compiler = sys.argv[1:]
PUBLIC = [f"host/ropemap{room}.h" for room in ("", "_attention", "_capture", "_decay", "_figure", "_machine", "_model",
                                               "_verify")]
PROGRAM = [f"tools/ropemap/{part}.h" for part in ("command_info", "failure", "documents", "options/tensor_options", "run")]
SOURCE = "".join(f'#include "{header}"\n' for header in [*PUBLIC, *PROGRAM])
BEFORE = "typedef struct json_t json_t;\n"  # jansson's
AFTER = ('\nextern "Python" int tell(void *user, const char *stage, double done, double total);'
         '\nextern "Python" void warn(void *user, const char *text);')

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
ffi.cdef(BEFORE + "\n".join(kept) + AFTER)
ffi.set_source("ropemap._native", SOURCE)
ffi.emit_c_code(output)
