# _errors.py - the library's failures as exceptions
# SPDX-License-Identifier: MIT
import re

from ._native import ffi, lib


class Error(Exception):
    """A failure of ropemap: the text names the argument, its value and what to do."""


class UsageError(Error, ValueError):
    """An argument out of its range, or arguments that do not go together."""


class DataError(Error, ValueError):
    """A file or an array that does not hold what it should."""


class FileError(Error, OSError):
    """The file system refused."""


class ResourceError(Error, MemoryError):
    """Memory or a device is missing."""


class Stopped(Error):
    """The progress callback returned something true."""


CLASSES = {lib.ROPEMAP_USAGE: UsageError, lib.ROPEMAP_DATA: DataError, lib.ROPEMAP_IO: FileError,
           lib.ROPEMAP_RESOURCES: ResourceError, lib.ROPEMAP_STOPPED: Stopped}


def in_python(text):
    """Options are called as their keyword arguments."""
    text = re.sub(r"'ropemap (\w+)( \w+)? --help'", lambda of: "help(ropemap." + "_".join(of[0][9:-8].split()) + ")", text)
    text = text.replace("help(ropemap.info)", "help(ropemap.rule)")
    return re.sub(r"(?<!ropemap info )--([a-z][a-z0-9-]*)", lambda name: name[1].replace("-", "_"), text)


def check(status, error, hidden=""):
    """Raises what the status stands for; `hidden` is left out of the text."""
    if status != lib.ROPEMAP_OK:
        raise CLASSES.get(status, Error)(in_python(ffi.string(error.text).decode(errors="replace").replace(hidden, "")))


def call(function, *arguments):
    """Calls a function of the library, whose last argument is the error, and raises that."""
    error = ffi.new("ropemap_error *")
    check(function(*arguments, error), error)
