"""The folders of `directories`, each of them an nginx's."""
import socket
import ssl
import subprocess

from cryptography import x509

from directories.system import System
from figures import Failed
from places import HERE
from servers import free_port, listens, wait_until

CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/server.pid; error_log {folder}/error.log;
events {{ worker_connections 32; }}
http {{
  access_log off;
  client_body_temp_path {folder}/temp; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp;
  uwsgi_temp_path {folder}/temp; scgi_temp_path {folder}/temp;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    ssl_client_certificate {folder}/roots.pem; ssl_verify_client optional;
    location / {{ return 200 "ok"; }}
  }}
}}
"""


class Servers(System):
    workload = "servers"

    def __init__(self, *given):
        super().__init__(*given)
        self.processes = {}
        self.ports = {}
        for name in self.names:
            self.start(name)
        for name in self.names:
            wait_until(lambda: self.is_ready(name), f"{name} listening", 60)

    def is_ready(self, name):
        # Somebody else may have taken its port since it was looked for; then it ends.
        if self.processes[name].poll() is not None:
            self.start(name)
        return listens(self.ports[name]) and self.part(name, "server.pid").exists()

    def start(self, name):
        folder, port = self.folder / "parts" / name, free_port()
        self.ports[name] = port
        (folder / "port").write_text(str(port))
        (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port))
        self.processes[name] = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def activation(self):
        """Reloads, and waits until the certificate of the file is served."""
        return [str(HERE / "nginx" / "reload.sh"), str(self.folder)]

    @property
    def floor_activation(self):
        return ["reload"]

    def component(self, name, **changes):
        endpoint = {"host": name, "addresses": ["127.0.0.1"], "port": self.ports[name]}
        activation = {"signal": "HUP", "pid_file": str(self.part(name, "server.pid"))}
        return super().component(name, usage="server", activation=activation, endpoints=[endpoint], **changes)

    def counted(self):
        """Each server serves what is in its file. A former worker may answer for a moment after a new one has."""
        for name in self.names:
            wanted = x509.load_pem_x509_certificate(self.part(name, "server.pem").read_bytes())
            try:
                wait_until(lambda: self.served(name) == wanted, "the new certificate", 5)
            except AssertionError:
                raise Failed(f"the check failed: {name} serves another certificate than that of its file") from None
        return {}

    def served(self, name):
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", self.ports[name]), timeout=10) as plain:
            with context.wrap_socket(plain) as secure:
                return x509.load_der_x509_certificate(secure.getpeercert(True))

    def close(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(30)
