# fake_driver.py - a program that sees the stand-in for a CUDA driver, and libraries that tests compile
# SPDX-License-Identifier: MIT
"""
The program is copied to where no CUDA backend is next to it: then GPUs are reported that cannot be used.
"""
import os
import shutil
import subprocess

from harness import PROGRAM
from harness import SOURCE as REPOSITORY

COMPILER = shutil.which(os.environ.get("CC", "cc"))

# A CUDA backend that describes itself and computes nothing.
PLUGIN = r"""
#include "host/device/plugin.h"
#include <string.h>

ropemap_status ropemap_cuda_backend(int32_t abi, rm_plugin_table *table, ropemap_error *error) {
    if (abi != RM_PLUGIN_ABI) {
        error->status = ROPEMAP_RESOURCES;
        return error->status;
    }
    strcpy(table->about.runtime, "CUDA 1.2");
    strcpy(table->about.blas, "cuBLAS 3.4.5");
    strcpy(table->about.architectures, "67 89");
    return ROPEMAP_OK;
}
"""

DRIVER = os.environ.get("ROPEMAP_FAKE_DRIVER", "")  # the stand-in for libcuda.so.1 of tests/emu
GPUS = "devices=2,name=Make\033Believe,processors=132,minor=1,cache=50M,memory=80G,driver=12080"


def compile_library(folder, name, source):
    """The path of a shared library of that C source."""
    path = os.path.join(folder, name)
    subprocess.run([COMPILER, "-shared", "-fPIC", "-I", REPOSITORY, "-x", "c", "-", "-o", path],
                   input=source.encode(), check=True, timeout=600)
    return path


def install(folder):
    """The path of a program that sees two GPUs and no CUDA backend, and the environment to run it in."""
    shutil.copy(DRIVER, os.path.join(folder, "libcuda.so.1"))
    shutil.copy(os.path.realpath(PROGRAM), folder)
    path = os.environ.get("LD_LIBRARY_PATH")
    environment = {**os.environ, "ROPEMAP_FAKE_CUDA": GPUS, "LD_LIBRARY_PATH": folder + (":" + path if path else "")}
    return os.path.join(folder, os.path.basename(os.path.realpath(PROGRAM))), environment


def changed(environment, **settings):
    """The environment with other settings of the GPUs: the first of a name counts."""
    first = ",".join("%s=%s" % setting for setting in settings.items())
    return {**environment, "ROPEMAP_FAKE_CUDA": first + "," + GPUS}
