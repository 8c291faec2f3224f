"""The master key from a file, a systemd credential and a passphrase, and its change, as an administrator does them."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

import update as steps
from authority import Authority
from console import PROGRAM, Console

FIRST, SECOND = "the first passphrase", "the second passphrase"


def run(*words, text="", **environment):
    """Runs the program; returns its status and what it said."""
    done = subprocess.run(
        [PROGRAM, *words], input=text, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path):
    """A data folder with a root in it, on which no server runs."""
    console = Console(tmp_path / "console").start().set_up()
    try:
        steps.import_root(console.client, Authority("R"))
    finally:
        console.stop()
    return tmp_path / "console" / "data"


def opens(folder, *words, text="", **environment):
    """Whether a command that opens the folder does; what it says otherwise."""
    status, said = run("components", "export", "--data", str(folder), *words, text=text, **environment)
    return None if status == 0 else said


def test_the_key_goes_from_a_file_to_a_passphrase_and_back(folder):
    data = ["--data", str(folder)]
    status, said = run("master-key", "rotate", *data)
    assert status == 0 and re.search(r"\d+ secrets are sealed with the new one", said), said
    assert opens(folder) is None
    former = (folder / "master.key").read_text()

    status, said = run("master-key", "rotate", *data, "--to-passphrase", text=FIRST + "\n")
    assert status == 0 and "Delete it, unless copies of the folder made before need it" in said, said
    assert "derived from a passphrase" in opens(folder)
    assert "not the one of this data folder" in opens(folder, "--master-key-passphrase", text="something else\n")
    assert opens(folder, "--master-key-passphrase", text=FIRST + "\n") is None

    status, said = run("master-key", "rotate", *data, "--master-key-passphrase", text=f"{FIRST}\n{SECOND}\n")
    assert status == 0, said
    assert opens(folder, "--master-key-passphrase", text=SECOND + "\n") is None

    file = folder.parent / "new.key"
    words = ["--master-key-passphrase", "--to-file", str(file)]
    status, said = run("master-key", "rotate", *data, *words, text=SECOND + "\n")
    assert status == 0, said
    assert file.stat().st_mode & 0o777 == 0o600
    assert opens(folder, "--master-key-file", str(file)) is None
    assert "does not belong to this data folder" in opens(folder)
    assert (folder / "master.key").read_text() == former


def test_the_key_comes_from_a_systemd_credential(folder, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    # As systemd shows a file that the service's user may read by an access control list.
    key = credentials / "reroot-master-key"
    shutil.move(folder / "master.key", key)
    key.chmod(0o440)
    with_it = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert opens(folder, **with_it) is None
    assert opens(folder, "--master-key-credential", "reroot-master-key", **with_it) is None
    assert "is not there" in opens(folder)
    assert "There is no systemd credential “other”" in opens(folder, "--master-key-credential", "other", **with_it)
    assert "cannot be the name" in opens(folder, "--master-key-credential", "../other", **with_it)
    assert "CREDENTIALS_DIRECTORY is not set" in opens(folder, "--master-key-credential", "reroot-master-key")
    status, said = run("master-key", "rotate", "--data", str(folder), **with_it)
    assert status == 64 and "only you can replace" in said, said
    file = tmp_path / "next.key"
    status, said = run("master-key", "rotate", "--data", str(folder), "--to-file", str(file), **with_it)
    assert status == 0, said
    shutil.copy(file, key)
    assert opens(folder, **with_it) is None
    # A key that is made for a credential before the first start.
    made = tmp_path / "made.key"
    assert run("master-key", "make", str(made))[0] == 0
    assert "never overwritten" in run("master-key", "make", str(made))[1]
    assert opens(tmp_path / "fresh", "--master-key-file", str(made)) is None


def test_a_running_server_keeps_the_key_from_being_changed(folder):
    console = Console(folder.parent).start()
    try:
        before = (folder / "master.key").read_text()
        status, said = run("master-key", "rotate", "--data", str(folder))
        assert status == 1 and "Another Reroot is running" in said, said
        assert (folder / "master.key").read_text() == before
    finally:
        console.stop()
    assert run("master-key", "rotate", "--data", str(folder))[0] == 0


def test_the_change_can_be_killed_at_any_moment(folder, tmp_path):
    """Kills it after a random time, again and again; whatever is left opens, and a change that is let finish works."""
    killed = 0
    for number in range(12):
        process = subprocess.Popen(
            [PROGRAM, "master-key", "rotate", "--data", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            # Through the time of a whole change, step by step.
            process.wait(0.02 * number)
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
        process.communicate()
        assert opens(folder) is None, number
        assert not (folder / "master.key.next").exists()
    assert killed >= 3
    print(f"figure: changes of the master key killed: {killed}; folders that did not open: 0")
    assert run("master-key", "rotate", "--data", str(folder))[0] == 0
    assert opens(folder) is None


def test_the_server_asks_for_the_passphrase_at_a_terminal_and_does_not_show_it(tmp_path):
    """A new passphrase is asked for twice, a known one once, and a wrong one is one sentence."""
    data = tmp_path / "data"
    assert "are not the same" in at_terminal(data, [FIRST, SECOND])
    assert "12 characters or more" in at_terminal(data, ["short", "short"])
    assert "Reroot serves" in at_terminal(data, [FIRST, FIRST])
    assert "not the one of this data folder" in at_terminal(data, [SECOND])
    assert "Reroot serves" in at_terminal(data, [FIRST])
    assert not (data / "master.key").exists()


def at_terminal(data, answers):
    """Starts a server at a terminal of its own, types the answers, and returns what stood on it, to the first outcome."""
    words = [PROGRAM, "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--master-key-passphrase"]
    number, terminal = pty.fork()
    if number == 0:
        os.execv(words[0], words)
    shown, left, end = "", list(answers), time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                shown += os.read(terminal, 4096).decode()
            except OSError:
                break
            if left and shown.count("master key") > len(answers) - len(left) and shown.rstrip("\r\n").endswith(": "):
                os.write(terminal, (left.pop(0) + "\n").encode())
            if "Reroot serves" in shown:
                break
    finally:
        os.kill(number, signal.SIGTERM)
        os.waitpid(number, 0)
        os.close(terminal)
    assert left == [], shown
    assert not any(answer in shown for answer in answers), shown
    return shown
