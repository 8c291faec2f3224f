"""Where the programs of the benchmark are built and where the work is done: on the disk of the project, since what is
flushed to a file system in memory costs nothing."""
import contextlib
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
BUILD = PROJECT / ".build" / "benchmarks"
SUPPORT = HERE.parent / "Support"

sys.path.insert(0, str(SUPPORT))

PROGRAMS = {
    "watch": (["tools/watch.c", "tools/watch_stream.c", "tools/watch_marks.c"], ["-lssl", "-lcrypto"]),
    "fanout": (["tools/fanout.c"], ["-lmicrohttpd", "-pthread"]),
    "launch": (["tools/launch.c"], []),
    "activate": (["tools/activate.c"], ["-static"]),
    "floor": (
        [f"floor/{name}.c" for name in ("floor", "certificate", "files", "activation", "server")],
        ["-lssl", "-lcrypto", "-pthread"],
    ),
}


def program(name):
    return str(BUILD / name)


def prepare(chosen):
    """Builds the C programs, which takes a second."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for name, (sources, flags) in PROGRAMS.items():
        files = [str(HERE / source) for source in sources]
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program(name), *files, *flags], check=True)


@contextlib.contextmanager
def folder(name):
    """An empty folder, which is removed afterwards."""
    path = BUILD / "work" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
