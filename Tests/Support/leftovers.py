"""Looks through what the suites have left behind for passwords that they typed, and for keys; 0 when there are none.

    leftovers.py SINCE      folders of pytest that were changed after this moment, in seconds since 1970
"""
import getpass
import os
import pathlib
import sys
import tempfile

import console
import softhsm
import update
from planted import text_forms

# Typed by the tests; PASSWORD of console.py is the administrators'.
TYPED = {"an administrator's password": console.PASSWORD, "the password of a PFX file": update.PFX_PASSWORD}
TYPED |= {"a PIN": softhsm.PIN, "the password of a Java store": "changeit-2026"}
MARKS = {"a private key": {b"PRIVATE KEY-----"}}


def roots(since):
    """The base folders of pytest's runs."""
    parent = pathlib.Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()) / f"pytest-of-{getpass.getuser()}"
    return [path for path in parent.glob("pytest-*") if path.is_dir() and path.stat().st_mtime >= since]


def data_folders(root):
    """Every folder in which a server kept what it remembers."""
    for folder, _, names in os.walk(root):
        if "reroot.sqlite" in names:
            yield pathlib.Path(folder)


def main(since):
    forms = MARKS | {name: text_forms(text) for name, text in TYPED.items()}
    places, hits = 0, []
    for folder in {folder for root in roots(since) for folder in data_folders(root)}:
        key = folder / "master.key"
        own = dict(forms)
        if key.exists():
            digits = key.read_text().split("\n")[1].strip()
            own["the master key"] = {digits.encode(), bytes.fromhex(digits)}
        for path in folder.iterdir():
            if path.is_file() and path != key:
                places += 1
                content = path.read_bytes()
                hits += [f"{name} in {path}" for name, found in own.items() if any(form in content for form in found)]
    print(f"files of data folders searched: {places}, hits: {len(hits)}")
    for hit in hits:
        print(hit)
    # Where nothing was looked at nothing was shown.
    return 0 if places and not hits else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
