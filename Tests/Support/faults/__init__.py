"""A program that is killed, or whose calls fail, at one of its durable calls. The library is in faults.c beside."""
import ctypes
import functools
import mmap
import os
import pathlib
import re
import subprocess
import tempfile

PREFIX, LINE, LINES, NAME, SUFFIX = 512, 128, 8190, 16, 64
NOTHING, KILL, TEAR, FAIL = range(4)


class Control(ctypes.Structure):
    """As `struct control` in faults.c."""

    NUMBERS = ("armed", "at", "lasting", "act", "error", "count", "matched", "struck", "where")
    _fields_ = [(name, ctypes.c_int) for name in NUMBERS] + [
        ("name", ctypes.c_char * NAME),
        ("suffix", ctypes.c_char * SUFFIX),
        ("prefix", ctypes.c_char * PREFIX),
        ("lines", (ctypes.c_char * LINE) * LINES),
    ]


@functools.cache
def library():
    """The compiled library."""
    source = pathlib.Path(__file__).with_name("faults.c")
    made = pathlib.Path(tempfile.mkdtemp(prefix="reroot-faults-")) / "faults.so"
    words = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(made), str(source), "-ldl"]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return made


class Faults:
    """What is to happen to one program; under `prefix` lie the files whose calls count."""

    def __init__(self, folder, prefix):
        self.path = pathlib.Path(folder) / "faults"
        self.path.write_bytes(bytes(ctypes.sizeof(Control)))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.control = Control.from_buffer(self.map)
        self.prefix = str(prefix)

    @property
    def environment(self):
        return {
            **os.environ, "LD_PRELOAD": str(library()), "FAULTS_PROGRAM": "reroot", "FAULTS_CONTROL": str(self.path),
        }

    def arm(self, at=0, act=NOTHING, error=0, lasting=False, prefix=None, only=("", "")):
        """From now on calls count; at number `at` of those of one function on files of one ending something happens."""
        control = self.control
        control.armed = 0
        control.prefix = (prefix or self.prefix).encode()
        control.at, control.act, control.error, control.lasting = at, act, error, lasting
        control.name, control.suffix = (word.encode() for word in only)
        control.count = control.matched = control.struck = control.where = 0
        control.armed = 1

    def disarm(self):
        self.control.armed = 0

    @property
    def calls(self):
        """The calls since it was armed, as `name path`."""
        return [self.control.lines[index].value.decode("utf-8", "replace") for index in range(self.counted)]

    @property
    def counted(self):
        return min(self.control.count, LINES)

    @property
    def struck(self):
        return self.control.struck

    @property
    def last(self):
        """The last call that something happened at."""
        where = self.control.where
        return self.control.lines[where - 1].value.decode("utf-8", "replace") if 0 < where <= LINES else ""


def kind(call):
    """The function of a call and the ending of its file: (`rename`, `.journal`), (`fsync`, `/key`)."""
    function, path = call.split(" ", 1)
    name = path.rsplit("/", 1)[-1]
    transaction = re.match(r"\.reroot-[0-9a-f]{16}(\.[0-9]+)?(\..*)$", name)
    return function, transaction.group(2) if transaction else f"/{name}"
