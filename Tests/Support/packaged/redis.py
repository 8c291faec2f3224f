import socket
import ssl
import tempfile

from packaged.server import PackagedServer
from servers import free_port


class Redis(PackagedServer):
    """The packaged configuration with its commented `tls-` lines in force."""

    kind = "redis"
    user = "redis"
    has_check = False
    refused_by = "COMMAND_FAILED"
    refusal = "Unable to update TLS configuration"

    def lay(self):
        self.plain_port = free_port()
        self.copy_packaged("/etc/redis", self.etc("redis"), {
            "bind 127.0.0.1 -::1": "bind 127.0.0.1",
            "\nport 6379\n": f"\nport {self.plain_port}\n",
            "daemonize yes": "daemonize no",
            "/run/redis/": f"{self.folder}/run/",
            "/var/log/redis/": f"{self.folder}/log/",
            "dir /var/lib/redis": f"dir {self.folder}/lib",
            "# tls-port 6379\n": f"tls-port {self.port}\n",
            "# tls-cert-file redis.crt": f"tls-cert-file {self.certificate}",
            "# tls-key-file redis.key": f"tls-key-file {self.key}",
            "# tls-ca-cert-file ca.crt": f"tls-ca-cert-file {self.trust_bundle}",
            "# tls-auth-clients optional": "tls-auth-clients optional",
        })

    def command(self):
        return ["/usr/bin/redis-server", str(self.etc("redis", "redis.conf"))]

    def activation(self, preset):
        program, *words = preset["command"]
        return {"command": [program, "-p", str(self.plain_port), *words]}

    def accepts(self, authority):
        """It names no authorities, so a client with a certificate tries."""
        context = ssl._create_unverified_context()
        with tempfile.TemporaryDirectory() as folder:
            authority.issue(["client"], folder)
            context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
        try:
            with context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=10)) as client:
                client.sendall(b"PING\r\n")
                return client.recv(64) == b"+PONG\r\n"
        except (ConnectionResetError, ssl.SSLEOFError):
            return False
        except ssl.SSLError as error:
            assert "UNKNOWN_CA" in str(error), error
            return False
