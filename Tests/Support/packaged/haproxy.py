import re
import socket

from packaged.server import PackagedServer


class HAProxy(PackagedServer):
    """The packaged configuration with one TLS frontend; certificate and key are one file."""

    kind = "haproxy"
    user = reader = "haproxy"
    refusal = "unknown keyword 'nonsense'"

    def lay(self):
        self.combined = self.folder / "tls" / "combined.pem"
        self.combined.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())
        self.certificate.unlink()
        self.key.unlink()
        self.certificate = self.key = self.combined
        self.admin_socket = self.folder / "run" / "admin.sock"
        self.pid_file = self.folder / "run" / "haproxy.pid"
        self.copy_packaged("/etc/haproxy", self.etc("haproxy"), {
            "/etc/haproxy/": f"{self.etc('haproxy')}/",
            "/run/haproxy/admin.sock": self.admin_socket,
            # Only root may change its root folder and its user.
            "\tchroot /var/lib/haproxy\n": "",
            "\tuser haproxy\n\tgroup haproxy\n": "",
        })
        with open(self.configuration, "a") as text:
            text.write(
                f"\nfrontend https\n\tbind 127.0.0.1:{self.port} ssl crt {self.combined}"
                f" ca-file {self.trust_bundle} verify optional\n\thttp-request return status 200\n"
            )

    @property
    def configuration(self):
        return self.etc("haproxy", "haproxy.cfg")

    def command(self):
        return ["/usr/sbin/haproxy", "-Ws", "-f", str(self.configuration), "-p", str(self.pid_file)]

    def file_layout(self):
        return {"combined": str(self.combined)}

    def activation(self, preset):
        moved = {"/etc/haproxy/haproxy.cfg": str(self.configuration)}
        return {
            "check": [moved.get(word, word) for word in preset["check"]],
            "signal": "USR2",
            "pid_file": str(self.pid_file),
        }

    def worker(self):
        """The number of the process that serves; a reload brings another one."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.admin_socket))
            asked.sendall(b"show info\n")
            answer = b"".join(iter(lambda: asked.recv(4096), b"")).decode()
        return int(re.search(r"^Pid: (\d+)$", answer, re.MULTILINE).group(1))

    def break_configuration(self):
        return self.spoil(self.configuration, "\tnonsense on")
