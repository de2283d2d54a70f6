# fake_driver.py - a CUDA driver that reports GPUs and can do nothing with them, for machines that have none
# SPDX-License-Identifier: MIT
"""
A library of the driver's name with the eight functions that ask about devices, compiled by the C compiler. The
program is copied to a place without a CUDA backend: then a GPU is reported that cannot be used.
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

DRIVER = r"""
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text != NULL ? atoi(text) : otherwise;
}

int cuInit(unsigned flags) {
    return flags == 0 ? number("FAKE_INIT", 0) : 1;
}

int cuDriverGetVersion(int *version) {
    *version = 12080;
    return 0;
}

int cuDeviceGetCount(int *count) {
    *count = number("FAKE_GPUS", 2);
    return 0;
}

int cuDeviceGet(int *device, int index) {
    *device = 10 + index;
    return index == number("FAKE_LOST", -1) ? 999 : 0;
}

int cuDeviceGetName(char *name, int size, int device) {
    const char *text = device == 10 ? "Make\033Believe" : "Make Believe II";
    if ((size_t)size <= strlen(text)) {
        return 1;
    }
    strcpy(name, text);
    return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)device;
    *value = attribute == 16 ? 132 : attribute == 38 ? 50 << 20 : attribute == 75 ? 9 : attribute == 76 ? 1 : -1;
    return 0;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
    *bytes = (size_t)(device == 10 ? 80 : 40) << 30;
    return 0;
}

int cuGetErrorString(int code, const char **text) {
    *text = code == 999 ? "made up" : "other";
    return 0;
}
"""


def compile_library(folder, name, source):
    """The path of a shared library of that C source."""
    path = os.path.join(folder, name)
    subprocess.run([COMPILER, "-shared", "-fPIC", "-I", REPOSITORY, "-x", "c", "-", "-o", path],
                   input=source.encode(), check=True, timeout=60)
    return path


def install(folder):
    """The path of a program that sees the fake driver and no CUDA backend, and the environment to run it in."""
    compile_library(folder, "libcuda.so.1", DRIVER)
    shutil.copy(os.path.realpath(PROGRAM), folder)
    path = os.environ.get("LD_LIBRARY_PATH")
    environment = {**os.environ, "LD_LIBRARY_PATH": folder + (":" + path if path else "")}
    return os.path.join(folder, os.path.basename(os.path.realpath(PROGRAM))), environment
