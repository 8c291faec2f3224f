"""The command line as people and scripts use it: with pipes, and at a terminal of its own."""
import fcntl
import hashlib
import json
import os
import pty
import re
import ssl
import struct
import subprocess
import termios
import threading

import sanitizers
from console import PROGRAM, Console
from servers import wait_until

STATUSES = {
    "done": 0, "failed": 1, "completedWithErrors": 10, "waiting": 11, "rolledBack": 12, "rolledBackWithErrors": 13,
    "refused": 14, "usage": 64, "notConnected": 69,
}


class CommandLine:
    """`reroot` with a token for a console that runs, known by its fingerprint."""

    def __init__(self, folder, console: Console, role="administrator", user="ada"):
        self.folder = folder
        self.token = folder / f"{user}.{role}.token"
        # A token is made in the data folder while no server runs.
        console.stop()
        made = subprocess.run(
            [PROGRAM, "tokens", "make", f"test {user} {role}", "--user", user, "--role", role, "--days", "1",
             "--data", str(console.folder / "data")],
            capture_output=True, text=True, timeout=60,
        )
        assert made.returncode == 0, made.stderr
        self.token.write_text(made.stdout)
        self.token.chmod(0o600)
        console.start(console.port)
        pem = ssl.get_server_certificate(("127.0.0.1", console.port))
        self.fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm-256color",
            "REROOT_SERVER": f"https://127.0.0.1:{console.port}", "REROOT_TOKEN_FILE": str(self.token),
            "REROOT_FINGERPRINT": self.fingerprint, **sanitizers.SETTINGS,
        }

    def run(self, *words, status="done", input="", environment=None, timeout=120):
        """Runs a command without a terminal and expects how it ends."""
        ended = subprocess.run(
            [PROGRAM, *map(str, words)], input=input, capture_output=True, text=True, timeout=timeout,
            env={**self.environment, **(environment or {})},
        )
        assert ended.returncode == STATUSES[status], (words, ended.returncode, ended.stdout, ended.stderr)
        assert "\x1b" not in ended.stdout + ended.stderr, "colours or movements where there is no terminal"
        return ended

    def json(self, *words, **options):
        return json.loads(self.run(*words, "--json", **options).stdout)

    def lines(self, *words, **options):
        """JSON Lines."""
        return [json.loads(line) for line in self.run(*words, "--json", **options).stdout.splitlines()]

    def at_terminal(self, *words, environment=None, columns=80, rows=30):
        return AtTerminal([PROGRAM, *map(str, words)], {**self.environment, **(environment or {})}, columns, rows)


class AtTerminal:
    """A command at a terminal of its own."""

    def __init__(self, words, environment, columns, rows):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)
        self.bytes = b""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                return
            if not piece:
                return
            self.bytes += piece

    @property
    def text(self):
        return self.bytes.decode("utf-8", "replace")

    def wait_for(self, pattern, after=0, limit=60):
        """Waits for text; returns where it ends."""
        try:
            wait_until(lambda: re.search(pattern, self.text[after:]) or self.process.poll() is not None, pattern, limit)
        except AssertionError:
            raise AssertionError(f"{pattern} did not come: {self.text}") from None
        if not re.search(pattern, self.text[after:]):
            self.reader.join(10)
        found = re.search(pattern, self.text[after:])
        assert found, f"it ended without {pattern}: {self.text}"
        return after + found.end()

    def answer(self, text):
        os.write(self.master, text.encode() + b"\n")

    def end(self, status, timeout=60):
        """Waits for the end; returns what was written."""
        try:
            assert self.process.wait(timeout) == STATUSES[status], self.text
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.reader.join(10)
            os.close(self.master)
        return self.text
