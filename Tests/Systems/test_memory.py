"""What is left of keys and passwords in the memory of the running server, and that no dump of it is made."""
import os
import pathlib
import resource
import signal
import subprocess
import time
import urllib.parse

import pytest
from cryptography.hazmat.primitives import serialization

import console as consoles
import memory
import update as steps
from authority import Authority
from console import Console
from servers import wait_until

pytestmark = pytest.mark.plain

SIGN_IN = "sign-in planted Qx7 ümlaut zebra"
PFX = "pfx planted Wv3 giraffe 2026"
WRONG = "wrong planted Ty9 ocelot 2026"


def forms(name, text):
    """A password as it may stand in memory."""
    return {
        name: text.encode(),
        f"{name}, URL-encoded": urllib.parse.quote_plus(text).encode(),
        f"{name}, UTF-16": text.encode("utf-16-be"),
    }


def number_of(key):
    """The private number of a key as DER has it, and as OpenSSL holds it, least significant byte first."""
    value = key.private_numbers().private_value
    return {"key": value.to_bytes(32, "big"), "key, reversed": value.to_bytes(32, "little")}


@pytest.fixture
def console(tmp_path, monkeypatch):
    monkeypatch.setattr(consoles, "PASSWORD", SIGN_IN)
    started = Console(tmp_path / "console").start().set_up()
    yield started
    started.stop(signal.SIGKILL)


def test_passwords_and_keys_are_gone_from_memory_once_they_have_done_their_work(console, monkeypatch):
    client = console.client
    authority = Authority("Memory Root")
    page = upload(client, authority, WRONG)
    assert page.status == 422, page.text
    monkeypatch.setattr(steps, "PFX_PASSWORD", PFX)
    steps.import_root(client, authority)
    server = Authority("Server")
    folder = console.folder / "server"
    server.issue(["localhost"], folder)
    key = serialization.load_pem_private_key((folder / "server.key").read_bytes(), None)
    form = client.get("/trust-store/certificates/add").form("/trust-store/certificates/add")
    files = [(name, f"server.{end}", (folder / f"server.{end}").read_bytes()) for name, end in [("certificate", "pem"), ("key", "key")]]
    page = client.upload(form["action"], {**form["fields"], "name": "Server"}, files)
    assert page.status == 200, page.text

    lines = (folder / "server.key").read_text().splitlines()
    needles = {
        **forms("sign-in password", SIGN_IN), **forms("PFX password", PFX), **forms("wrong password", WRONG),
        **{f"root's {name}": value for name, value in number_of(authority.key).items()},
        **{f"server's {name}": value for name, value in number_of(key).items()},
        "server's key in PEM": lines[2].encode(),
        # What is certainly there, so that the search is seen to find.
        "control": str(console.folder / "data").encode(),
    }
    # Connections are closed and their threads at rest a moment after the last answer; what stays longer stays.
    end = time.monotonic() + 5
    while True:
        hits, searched = memory.search(console.process.pid, needles)
        left = {name: count for name, count in hits.items() if count and name != "control"}
        if not left or time.monotonic() > end:
            break
    print(f"figure: memory searched: {searched >> 20} MiB, forms of secrets: {len(needles) - 1}, hits: {sum(left.values())} {left or ''}")
    assert hits["control"] > 0 and searched > 1 << 20
    assert left == {}


def upload(client, authority, password):
    """Uploads a root with a password that is not the file's."""
    form = client.get("/roots/import").form("/roots/import")
    return client.upload(
        form["action"], {**form["fields"], "password": password}, [("file", "root.pfx", authority.pfx(PFX))]
    )


def crash(words, number, folder, output, ready=lambda: None):
    """Lets a process crash where it may dump its memory; whether it did, and what it said."""

    def allow():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    with open(output, "wb") as said:
        process = subprocess.Popen(words, cwd=folder, preexec_fn=allow, stdout=said, stderr=said)
    ended = {}
    try:
        ready()
        process.send_signal(number)
        # Popen would throw away whether there was a dump.

        def has_ended():
            number, ended["status"] = os.waitpid(process.pid, os.WNOHANG)
            return number != 0

        wait_until(has_ended, "the crash")
    finally:
        process.returncode = 0 if ended.get("status") else None
        process.kill()
    status = ended["status"]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == number
    return os.WCOREDUMP(status), output.read_text()


def test_a_crash_dumps_no_memory(tmp_path):
    output = tmp_path / "output"
    dumped, _ = crash(["sleep", "60"], signal.SIGABRT, tmp_path, output)
    assert dumped, "no process dumps its memory here, so that it cannot be seen whether the server would"
    words = [consoles.PROGRAM, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    for number in [signal.SIGABRT, signal.SIGSEGV]:
        # Where its pages are found.
        place = pathlib.Path(__file__).parents[2]
        dumped, said = crash(
            words, number, place, output, lambda: wait_until(lambda: "Reroot serves" in output.read_text(), "the start")
        )
        assert not dumped
        # Neither a backtrace, which shows what the registers point at.
        assert "Registers" not in said and "rax" not in said, said
