"""The web tier: nginx at the edge, HAProxy in between, nginx inside. Every hop verifies both sides."""
import shutil

from .member import Server


class Nginx(Server):
    def server_block(self):
        raise NotImplementedError

    def prepare(self):
        (self.folder / "temp").mkdir()
        temporary = " ".join(
            f"{kind}_temp_path {self.folder}/temp/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            f"""
            daemon off; worker_processes 2; pid {self.pid_file}; error_log {self.folder}/error.log info;
            events {{ worker_connections 256; }}
            http {{
              access_log off; client_body_temp_path {self.folder}/temp/body; {temporary}
              server {{
                listen 127.0.0.1:{self.port} ssl;
                ssl_certificate {self.own}/server.pem; ssl_certificate_key {self.own}/server.key;
                ssl_client_certificate {self.bundle}; ssl_verify_client on;
                {self.server_block()}
              }}
            }}
            """
        )

    def command(self):
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        folder = str(self.folder)
        return [program, "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]

    def reloads(self):
        """How often it has loaded its configuration again."""
        return (self.folder / "error.log").read_text().count(", reconfiguring")


class Inner(Nginx):
    """Answers requests, and gives out a download that takes two seconds."""

    name = "nginx inside"
    stage = 1

    def server_block(self):
        (self.folder / "download").write_bytes(b"." * 20_000)
        return f"""
                location / {{ return 200 "ok"; }}
                location /download {{ root {self.folder}; limit_rate 10k; }}"""


class HAProxy(Server):
    """Between the two; one PEM file is its certificate on both sides."""

    name = "haproxy"
    stage = 3
    usage = "both"
    is_combined = True

    def __init__(self, folder, authority, inner):
        self.inner = inner
        super().__init__(folder, authority)

    def prepare(self):
        # No retries and no reuse: a refused handshake behind it must show, and each request makes one.
        certificate = f"ssl crt {self.combined} ca-file {self.bundle} verify required"
        name = "verifyhost localhost sni str(localhost)"
        (self.folder / "haproxy.cfg").write_text(
            f"""
global
  log stdout format raw local0
  hard-stop-after 10s
defaults
  mode http
  log global
  option dontlog-normal
  retries 0
  http-reuse never
  timeout connect 10s
  timeout client 30s
  timeout server 30s
listen between
  bind 127.0.0.1:{self.port} {certificate}
  server inner 127.0.0.1:{self.inner.port} {certificate} {name} no-ssl-reuse
"""
        )

    def command(self):
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        return [program, "-W", "-f", str(self.folder / "haproxy.cfg"), "-p", str(self.pid_file)]

    def activation(self):
        return {"signal": "USR2", "pid_file": str(self.pid_file)}

    def reloads(self):
        """How often it has loaded its configuration again."""
        return self.log.read_text().count("New worker") - 1


class Edge(Nginx):
    """What the web clients connect to. Each request makes a new connection, with a whole handshake, to HAProxy."""

    name = "nginx at the edge"
    stage = 4
    usage = "both"

    def __init__(self, folder, authority, haproxy):
        self.haproxy = haproxy
        super().__init__(folder, authority)

    def server_block(self):
        return f"""
                location / {{
                  proxy_pass https://127.0.0.1:{self.haproxy.port}; proxy_buffering off;
                  proxy_ssl_certificate {self.own}/server.pem; proxy_ssl_certificate_key {self.own}/server.key;
                  proxy_ssl_trusted_certificate {self.bundle}; proxy_ssl_verify on; proxy_ssl_name localhost;
                  proxy_ssl_server_name on; proxy_ssl_session_reuse off;
                }}"""
