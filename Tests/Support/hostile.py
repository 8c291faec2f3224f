"""Servers that behave until they are turned, and then mean no good."""
import os
import pathlib
import select
import socket
import ssl
import struct
import threading
import time

from accepting import accept_all

BEHAVIOURS = ["mute", "drips", "floods", "garbage", "closes", "resets", "hello_requests"]


class HostileServer:
    """A TLS server with a certificate of `authority` in `folder`. Once the file `turned` is there, and `good` is not, it
    behaves as told to every connection."""

    def __init__(self, folder, authority, behaviour):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        authority.issue(["localhost", "127.0.0.1"], self.folder)
        self.behaviour = behaviour
        self.turned, self.good = self.folder / "turned", self.folder / "good"
        self.before = self.files()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listening.getsockname()[1]
        self.turned_connections = 0

    def start(self):
        accept_all(self.listening, self.answer)
        return self

    def files(self):
        return {name: (self.folder / name).read_bytes() for name in ["server.pem", "server.key", "roots.pem"]}

    def component(self, command=None, **changes):
        """The component as YAML has it; its activation turns the server."""
        turn = f"[ -e {self.good} ] || touch {self.turned}"
        described = {
            "name": self.folder.name, "names": ["localhost", "127.0.0.1"], "usage": "server",
            "files": {
                "certificate": str(self.folder / "server.pem"), "key": str(self.folder / "server.key"),
                "trust_bundle": str(self.folder / "roots.pem"),
            },
            "activation": {"command": command or ["/bin/sh", "-c", turn], "time_limit": 2},
            "endpoints": [{"host": "127.0.0.1", "port": self.port, "server_name": "localhost"}],
            "verification_time_limit": 2,
        }
        described.update(changes)
        return described

    def answer(self, connection):
        connection.settimeout(60)
        try:
            if self.turned.exists() and not self.good.exists():
                self.turned_connections += 1
                getattr(self, self.behaviour)(connection)
            else:
                with self.context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(1)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def mute(self, connection):
        while connection.recv(4096):
            pass

    def drips(self, connection):
        for byte in bytes.fromhex("16030340000200 3ffc".replace(" ", "")) + bytes(10_000):
            connection.send(bytes([byte]))
            time.sleep(0.05)

    def floods(self, connection):
        while True:
            connection.send(os.urandom(1 << 16))

    def garbage(self, connection):
        connection.recv(4096)
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n\x00\xff\x1b[31m")

    def closes(self, connection):
        connection.recv(4096)
        connection.send(bytes.fromhex("160303002a"))

    def resets(self, connection):
        connection.recv(64)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def hello_requests(self, connection):
        """A flood of what a client in a handshake has to ignore (RFC 5246, section 7.4.1.1)."""
        record = bytes.fromhex("1603034000") + bytes(1 << 14)
        while True:
            connection.send(record)

    def stop(self):
        self.listening.close()


class HeldSocket:
    """A Unix socket in front of another one. What begins with `held_word` is accepted and gets no answer until `let_go`
    is called; then it is passed on, late."""

    def __init__(self, path, behind):
        self.path, self.behind = pathlib.Path(path), behind
        self.held_word = None
        self.held, self.ended = 0, 0
        self.late = threading.Event()
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.path))
        self.listening.listen(16)

    def start(self):
        accept_all(self.listening, self.answer)
        return self

    def answer(self, connection):
        with connection, socket.socket(socket.AF_UNIX) as behind:
            said = connection.recv(1 << 16)
            is_held = self.held_word is not None and said.startswith(self.held_word.encode())
            if is_held:
                self.held += 1
                self.late.wait(120)
            try:
                behind.connect(str(self.behind))
                behind.sendall(said)
                self.pass_on(connection, behind)
            except OSError:
                pass
        self.ended += is_held

    def pass_on(self, connection, behind):
        """Both ways until one side closes."""
        other = {connection: behind, behind: connection}
        while True:
            for side in select.select(list(other), [], [], 120)[0]:
                part = side.recv(1 << 16)
                if not part:
                    return
                other[side].sendall(part)

    def let_go(self):
        self.held_word = None
        self.late.set()

    def stop(self):
        self.let_go()
        # What waits in accept() is woken by this.
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
