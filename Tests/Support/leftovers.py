"""Looks through what the suites have left behind for passwords that they typed, for keys of components and for master
keys, and adds up what was heard while they ran; 0 when there is nothing that must not be.

    leftovers.py SINCE      folders of pytest that were changed after this moment, in seconds since 1970
"""
import contextlib
import getpass
import gzip
import json
import os
import pathlib
import re
import shutil
import sqlite3
import sys
import tempfile
import zlib

# Each says what is typed where it is used.
import console  # noqa: F401
import keystore  # noqa: F401
import overheard
import softhsm  # noqa: F401
import update  # noqa: F401

HEARD = "overheard.json"
# The one list of files that hold a secret by right, by the ends of their paths, and why. Nothing in a data folder is among
# them but the master key's own file.
ALLOWED = [
    ("a private key", r"(server|batch)\.key|combined\.pem|own\.pem", "a component's own key file"),
    (
        "a private key", r"\.server\.key\.reroot-(previous|next)",
        "the same beside it, as it was or will be; its test was over before the update",
    ),
    ("a private key", r"sample-system/[\w-]+/tls/(key|server)\.pem", "a component of the demo has its key there"),
    ("a private key", r"host|user|other|sshd", "an SSH server, and the keys of its host and of its user"),
    ("a private key", r"disk\.img", "the file system that lies in it has components' key files"),
    ("a PIN", r"pin", "a test gives it to a command in a file"),
    ("an administrator's password", r"password|secret", "a test gives it to a command in a file"),
    ("the password of a PFX file", r"password", "a test gives it to a command in a file"),
    ("the password of a Java store", r"password", "the store's own password file"),
    ("the master key", r"master\.key.*|.*master-key|(\w+\.)?key", "the file that it is read from"),
    ("the master key", r"disk\.img", "the file system that lies in it has that file"),
]
# The programs of a distribution that a test installs, with the words that open a key in PEM.
PROGRAMS = "/root/usr"


def roots(since):
    """The base folders of pytest's runs."""
    parent = pathlib.Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()) / f"pytest-of-{getpass.getuser()}"
    found = [path for path in parent.glob("pytest-*") if path.is_dir() and not path.is_symlink()]
    return [path for path in found if path.stat().st_mtime >= since]


def tests(root):
    """The folder of each test, or of what several share; a process of several that ran the tests has one of its own."""
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            yield from tests(path) if path.name.startswith("popen-") else [path]


def files(folder):
    for place, below, names in os.walk(folder):
        below[:] = [name for name in below if not os.path.join(place, name).endswith(PROGRAMS)]
        for name in names:
            path = pathlib.Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path


def allows(name, path, is_data):
    if is_data and not path.name.startswith("master.key"):
        return False
    return any(name == allowed and re.search(rf"/({where})$", str(path)) for allowed, where, _ in ALLOWED)


def unpacked(path):
    """What is compressed in a database. One that a test has damaged holds what is in its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        # A copy, with the log beside it: to open a database writes to it.
        for name in (path.name, f"{path.name}-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(path.with_name(name), folder)
        try:
            with contextlib.closing(sqlite3.connect(f"{folder}/{path.name}")) as database:
                return [gzip.decompress(packed) for packed, in database.execute("SELECT packed FROM plans") if packed]
        except (sqlite3.DatabaseError, OSError, EOFError, zlib.error):
            return []


def search(folder):
    """How many files there are in a test's folder, how many of them in data folders, and what is found in which."""
    found = list(files(folder))
    secrets = dict(overheard.SECRETS)
    secrets["the master key"] = {
        form for path in found if path.name == "master.key" for form in overheard.key_forms(path)
    }
    data = {path.parent for path in found if path.name == "reroot.sqlite"}
    hits = []
    for path in found:
        content = path.read_bytes()
        if path.name == "reroot.sqlite":
            content += b"".join(unpacked(path))
        for name, forms in secrets.items():
            if any(form in content for form in forms) and not allows(name, path, path.parent in data):
                hits.append(f"{name} in {path}")
    return len(found), sum(path.parent in data for path in found), hits


def main(since):
    count, of_data, heard, hits = 0, 0, 0, []
    for root in roots(since):
        for folder in tests(root):
            more, more_of_data, new = search(folder)
            count, of_data, hits = count + more, of_data + more_of_data, hits + new
        for file in [*root.glob(HEARD), *root.glob(f"popen-*/{HEARD}")]:
            told = json.loads(file.read_text())
            heard, hits = heard + told["places"], hits + told["hits"]
    print(
        f"files searched: {count}, in data folders: {of_data}; answers, lines of streams and of output searched: {heard}; "
        f"hits: {len(hits)}"
    )
    for hit in hits:
        print(hit)
    # Where nothing was looked at nothing was shown.
    return 0 if of_data and heard and not hits else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
