# gpu_program.py - the program that tools/gpu-check runs: where it comes from, what it needs, how it is run
# SPDX-License-Identifier: MIT
import glob
import gzip
import os
import pathlib
import re
import shutil
import signal
import site
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD_SECONDS = 900


class Skipped(Exception):
    """A step cannot run here; says why."""


class Failed(Exception):
    """A check does not hold; says which. `output`: what the program had printed before."""

    def __init__(self, words, output=""):
        super().__init__(words)
        self.output = output


def run(command, seconds, log, env=None):
    """The finished process; it and its children are killed when the time is over."""
    log.write("\n$ %s\n" % " ".join(map(str, command)))
    begin = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=env, text=True, errors="replace", start_new_session=True)
    try:
        out, err = process.communicate(timeout=max(seconds, 1))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        log.write("%s%s\nkilled after %.0f s\n" % (out[-20000:], err[-20000:], seconds))
        raise Failed("still running after %.0f s" % seconds, out) from None
    log.write("%s%sexit code %d after %.1f s\n" % (out[-20000:], err[-20000:], process.returncode,
                                                   time.monotonic() - begin))
    log.flush()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def find_tool(name, *places):
    found = shutil.which(name)
    return found or next((path for place in places for path in sorted(glob.glob(place + "/" + name))), None)


def build(log):
    """The bundle of what was built here; Skipped where it cannot be."""
    if not (ROOT / "CMakePresets.json").exists():
        raise Skipped("there are no sources here")
    for tool, places in (("cmake", []), ("nvcc", ["/usr/local/cuda*/bin"])):
        if not find_tool(tool, *places):
            raise Skipped("there is no " + tool)
    folder = ROOT / "build/gpu-bundle-here"
    shutil.rmtree(folder, ignore_errors=True)
    for command in ([HERE / "setup", "--check"], [HERE / "gpu-bundle", folder]):
        done = run(command, BUILD_SECONDS, log)
        if done.returncode != 0 and not folder.exists():  # one that is too large to carry will do here
            raise Skipped("%s: %s" % (command[0].name, last_line(done.stderr)))
    return folder


def unpack(bundle):
    """Libraries that a bundle carries compressed, once."""
    for packed in sorted(bundle.glob("lib/*.gz")):
        library = packed.with_suffix("")
        if not library.exists():
            part = library.with_name(library.name + ".part")
            with gzip.open(packed) as stream, open(part, "wb") as to:
                shutil.copyfileobj(stream, to)
            part.rename(library)


def find_program(arguments, log):
    """The folder with the program, ready to run, and how it was come by."""
    bundle, origin = choose_program(arguments, log)
    unpack(bundle)
    return bundle, origin


def choose_program(arguments, log):
    if arguments.bundle is not None:
        if not (arguments.bundle / "ropemap").is_file():
            sys.exit("gpu-check: there is no ropemap in %s" % arguments.bundle)
        return arguments.bundle.resolve(), "given"
    if (HERE / "ropemap").is_file():  # not the sources' folder of that name
        return HERE, "beside this script"
    carried = ROOT / "build/gpu-bundle"
    if carried.exists():  # first: building may take longer than the machine is there
        return carried, "carried in %s" % carried
    try:
        return build(log), "built here"
    except (Skipped, Failed) as reason:
        sys.exit("gpu-check: nothing to check: %s, and no bundle in %s (tools/gpu-bundle)" % (reason, carried))


def cublas_folder(bundle):
    """Where the cuBLAS lies that the backend was built with; "" where the system finds it or none is needed."""
    try:
        needed = re.search(rb"libcublas\.so\.\d+", (bundle / "libropemap-cuda.so").read_bytes())
    except OSError:
        return ""
    if needed is None or (bundle / "lib" / needed[0].decode()).exists():
        return ""
    name = needed[0].decode()
    ldconfig = find_tool("ldconfig", "/sbin", "/usr/sbin")
    if ldconfig and name in subprocess.run([ldconfig, "-p"], stdout=subprocess.PIPE, text=True).stdout:
        return ""
    places = ["/usr/local/cuda*/lib64", "/usr/local/cuda*/targets/*/lib"]
    places += [path + "/nvidia/*/lib" for path in [*sys.path, *site.getsitepackages()] if path]
    found = find_tool(name, *places)
    return os.path.dirname(found) if found else ""


def last_line(text):
    return (text.strip().splitlines() or ["no message"])[-1][:200]


def has_module(name):
    return subprocess.run([sys.executable, "-c", "import " + name], stderr=subprocess.DEVNULL).returncode == 0
