"""A running `reroot demo` in a folder of its own, which may be ended and started again."""
import pathlib
import queue
import re
import signal
import ssl
import socket
import subprocess
import threading
import time

from cryptography import x509

from console import PROGRAM
from overheard import overheard

NAMES = ["Database", "MQTT broker", "Device gateway", "Management server", "Protocol adapter", "Report server"]


class Demo:
    """The console with six real sample processes around it."""

    administrator = "admin"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.process = None
        self.port = 0
        self.password = None

    def start(self):
        """Starts it, at the port that it had before: a connection that has that one meanwhile goes away."""
        end = time.monotonic() + 60
        text = self.launch()
        while self.port and re.search("Port .* is taken", text) and time.monotonic() < end:
            time.sleep(0.2)
            text = self.launch()
        assert re.search(r"^\s*Stop\s", text, re.MULTILINE), f"the demo did not start: {text}"
        self.port = int(re.search(r"https://[^\s/]+:(\d+)", text).group(1))
        self.pfx = pathlib.Path(re.search(r"Second root\s+(\S+)", text).group(1))
        self.pfx_password = re.search(r"Its password\s+(\S+)", text).group(1)
        # A new one is printed at each start until somebody has signed in.
        printed = re.search(r"Password\s+(\S.*)", text).group(1).strip()
        if not printed.startswith("as it was printed"):
            self.password = printed
        return self

    def launch(self):
        """Starts the program; returns what it has said until it is ready, or has ended."""
        words = [PROGRAM, "demo", "--data", str(self.folder), "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
        )
        lines = queue.Queue()

        def read():
            for line in self.process.stdout:
                overheard.hear("output of demo", line.encode())
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        text = ""
        end = time.monotonic() + 60
        while not re.search(r"^\s*Stop\s", text, re.MULTILINE):
            line = lines.get(timeout=max(0.1, end - time.monotonic()))
            if line is None:
                break
            text += line
        return text

    @property
    def address(self):
        return f"https://127.0.0.1:{self.port}"

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the demo did not end") from None
        return self.process.returncode if self.process else None


def served(port, timeout=10):
    """The certificate that a server on this machine shows, whatever it is worth."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        with context.wrap_socket(connection, server_hostname="localhost") as secured:
            return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))


def issuer(port):
    """The common name of the root that issued what a server shows."""
    return served(port).issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
