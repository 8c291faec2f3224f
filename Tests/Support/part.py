"""A component of own making: its files, a TLS server that loads them when it is told to, and an activation that fails
as often as it is told to."""
import os
import shutil
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from accepting import accept_all
from servers import NOBODY, wait_until

PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Server:
    """A TLS server that loads its files when the file `reload` beside them is touched, as its activation does."""

    def __init__(self, folder):
        self.folder = folder
        self.context = None
        self.loaded = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        accept_all(self.listener, self.answer)

    def load(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "key" / "server.key")
        context.load_verify_locations(self.folder / "roots.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.context = context

    def current(self):
        touched = self.folder / "reload"
        moment = touched.stat().st_mtime_ns if touched.exists() else None
        if moment != self.loaded:
            self.loaded = moment
            self.load()
        return self.context

    def start_anew(self):
        """As after a restart of the component itself."""
        touched = self.folder / "reload"
        self.loaded = touched.stat().st_mtime_ns if touched.exists() else None
        self.load()

    def answer(self, connection):
        try:
            connection.settimeout(5)
            with self.current().wrap_socket(connection, server_side=True) as secure:
                while secure.recv(1024):
                    pass
        except (OSError, ssl.SSLError):
            connection.close()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Part:
    """One component: its files, a server unless it is only a client, and an activation that fails when told to."""

    def __init__(self, folder, authority, is_server=True, stage=1):
        self.folder, self.name, self.stage = folder, folder.name, stage
        authority.issue(["localhost", "127.0.0.1"], folder)
        # In a folder of its own, so that a replacement spans two.
        (folder / "key").mkdir()
        (folder / "server.key").rename(folder / "key" / "server.key")
        shutil.copy(folder / "server.pem", folder / "first.pem")
        os.chown(folder / "server.pem", NOBODY.pw_uid, NOBODY.pw_gid)
        (folder / "server.pem").chmod(0o640)
        self.server = Server(folder) if is_server else None
        if self.server:
            self.server.start_anew()

    def component(self):
        # It fails once it has its new certificate, and only as often as it was told.
        script = (
            f"cd {self.folder} && if [ -e fail ] && ! cmp -s server.pem first.pem; "
            "then rm fail; echo refused >&2; exit 1; fi; touch reload"
        )
        described = {
            "name": self.name, "stage": self.stage, "names": ["localhost", "127.0.0.1"],
            "usage": "both" if self.server else "client",
            "files": {
                "certificate": str(self.folder / "server.pem"),
                "key": str(self.folder / "key" / "server.key"),
                "trust_bundle": str(self.folder / "roots.pem"),
            },
            "activation": {"command": ["/bin/sh", "-c", script], "time_limit": 10},
            "verification_time_limit": 5,
        }
        if self.server:
            described["endpoints"] = [
                {"host": "127.0.0.1", "port": self.server.port, "server_name": "localhost"}
            ]
        return described

    @property
    def paths(self):
        return [self.folder / "server.pem", self.folder / "key" / "server.key", self.folder / "roots.pem"]

    def files(self):
        """Content, owner, group and mode of its files, and the names of whatever stands beside them."""
        found = {}
        for path in self.paths:
            status = path.stat()
            found[path.name] = (path.read_bytes(), status.st_uid, status.st_gid, oct(status.st_mode))
        return found

    def traces(self):
        return [path.name for path in self.folder.rglob(".*")]

    def expect_no_traces(self):
        """They are cleared away at the end, which is told a moment before."""
        wait_until(lambda: not self.traces(), f"clearing away {self.traces()}", 20)

    def leaf(self):
        return x509.load_pem_x509_certificate((self.folder / "server.pem").read_bytes())

    def expect_pair(self):
        """The key in its file belongs to the certificate in its file."""
        key = serialization.load_pem_private_key((self.folder / "key" / "server.key").read_bytes(), None)
        mine, its = key.public_key().public_bytes(*PUBLIC), self.leaf().public_key().public_bytes(*PUBLIC)
        assert mine == its, f"{self.name} has a key without its certificate"

    def served(self):
        return served(self.server.port) if self.server else None


def served(port):
    """The certificate on the wire."""
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            return x509.load_der_x509_certificate(secure.getpeercert(True))
