"""A TLS server in the test's own process, which loads its files at every connection."""
import pathlib
import socket
import ssl

from accepting import accept_all


class Watched:
    """Serves the certificate that lies in its folder at this moment."""

    def __init__(self, folder, authority, name):
        self.folder, self.name = pathlib.Path(folder), name
        authority.issue([f"{name}.example.net", "127.0.0.1"], self.folder)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        accept_all(self.listening, self.answer)

    def answer(self, connection):
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
            connection.settimeout(10)
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)
        except OSError:
            connection.close()

    def component(self, stage=1):
        return {
            "name": self.name, "stage": stage, "names": [f"{self.name}.example.net", "127.0.0.1"], "usage": "server",
            "files": {
                "certificate": str(self.folder / "server.pem"), "key": str(self.folder / "server.key"),
                "trust_bundle": str(self.folder / "roots.pem"),
            },
            "activation": {"command": ["/bin/true"], "time_limit": 10},
            "verification_time_limit": 10,
            "endpoints": [{"host": "127.0.0.1", "port": self.port}],
        }

    def stop(self):
        if self.listening.fileno() < 0:
            return
        # What waits in accept() is woken by this.
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
