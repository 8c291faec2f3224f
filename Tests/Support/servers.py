"""Real servers as unprivileged processes on loopback, each with its files in a folder of its own."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import time

from sanitizers import PATIENCE

NOBODY = pwd.getpwnam("nobody")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, limit=30):
    """Asks again and again until a condition holds; there is nothing to be notified by."""
    end = time.monotonic() + limit * PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {limit * PATIENCE} s")


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def as_nobody(words):
    """Servers refuse to run as root, or should; under another user they run as that user."""
    if os.getuid() != 0:
        return words
    return ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups", "--"] + words


def give_to_nobody(folder):
    if os.getuid() != 0:
        return
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)


def let_through(folder):
    """The servers are other users than the one whose folder this is in."""
    for above in [folder, *folder.parents]:
        if above.owner() == "root" and str(above).startswith("/tmp/"):
            above.chmod(0o755)


class RealServer:
    """A server with its certificate, key and bundle in `folder`, made by `authority` at first."""

    kind = ""
    transport = "tls"

    def __init__(self, folder, authority):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.first = authority.issue(["localhost", "127.0.0.1"], self.folder)
        self.prepare()
        give_to_nobody(self.folder)
        self.process = None

    def prepare(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    @property
    def pid_file(self):
        return self.folder / "server.pid"

    def start(self):
        log = open(self.folder / "output.log", "ab")
        self.process = subprocess.Popen(
            as_nobody(self.command()), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
        )
        log.close()
        wait_until(lambda: listens(self.port), f"{self.kind} listening", 60)
        wait_until(self.pid_file.exists, f"{self.kind}'s pid file")
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def component(self, stage=1, **changes):
        """The component as YAML has it."""
        described = {
            "name": self.kind,
            "stage": stage,
            "names": ["localhost", "127.0.0.1"],
            "usage": "server",
            "files": {
                "certificate": str(self.folder / "server.pem"),
                "key": str(self.folder / "server.key"),
                "trust_bundle": str(self.folder / "roots.pem"),
            },
            "activation": {"signal": "HUP", "pid_file": str(self.pid_file), "time_limit": 10},
            "endpoints": [{"host": "127.0.0.1", "port": self.port, "server_name": "localhost"}],
            "verification_time_limit": 10,
        }
        if self.transport != "tls":
            described["endpoints"][0]["transport"] = self.transport
        described.update(changes)
        return described

    def files(self):
        """Content, owner and mode of every file that an update touches."""
        return {
            name: (
                (self.folder / name).read_bytes(),
                (self.folder / name).stat().st_uid,
                (self.folder / name).stat().st_gid,
                oct((self.folder / name).stat().st_mode),
            )
            for name in ["server.pem", "server.key", "roots.pem"]
        }

    def served(self):
        """The certificate on the wire, PEM, as `openssl s_client` sees it."""
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", "localhost"]
        if self.transport == "postgresql":
            words += ["-starttls", "postgres"]
        done = subprocess.run(words, input=b"", capture_output=True, timeout=20)
        text = done.stdout.decode("ascii", "replace")
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        assert begin in text, f"{self.kind} served no certificate: {text} {done.stderr!r}"
        return text[text.index(begin) : text.index(end) + len(end)] + "\n"


class Nginx(RealServer):
    kind = "nginx"

    def prepare(self):
        (self.folder / "temp").mkdir()
        (self.folder / "nginx.conf").write_text(
            f"""
            daemon off; worker_processes 1; pid {self.pid_file}; error_log {self.folder}/error.log;
            events {{ worker_connections 64; }}
            http {{
              access_log off;
              client_body_temp_path {self.folder}/temp/body; proxy_temp_path {self.folder}/temp/proxy;
              fastcgi_temp_path {self.folder}/temp/fastcgi; uwsgi_temp_path {self.folder}/temp/uwsgi;
              scgi_temp_path {self.folder}/temp/scgi;
              server {{
                listen 127.0.0.1:{self.port} ssl;
                ssl_certificate {self.folder}/server.pem; ssl_certificate_key {self.folder}/server.key;
                ssl_client_certificate {self.folder}/roots.pem; ssl_verify_client optional;
                location / {{ return 200 "ok"; }}
              }}
            }}
            """
        )

    def command(self):
        return [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"),
                "-e", str(self.folder / "error.log")]


class PostgreSQL(RealServer):
    kind = "postgresql"
    transport = "postgresql"
    programs = pathlib.Path("/usr/lib/postgresql/15/bin")

    @property
    def pid_file(self):
        return self.folder / "data" / "postmaster.pid"

    def prepare(self):
        give_to_nobody(self.folder)
        words = [str(self.programs / "initdb"), "-D", str(self.folder / "data"), "-A", "trust", "-U", "postgres", "-N"]
        subprocess.run(as_nobody(words), check=True, capture_output=True, timeout=120, cwd=self.folder)
        with open(self.folder / "data" / "postgresql.conf", "a") as settings:
            settings.write(
                f"""
listen_addresses = '127.0.0.1'
port = {self.port}
unix_socket_directories = ''
ssl = on
fsync = off
ssl_cert_file = '{self.folder}/server.pem'
ssl_key_file = '{self.folder}/server.key'
ssl_ca_file = '{self.folder}/roots.pem'
"""
            )

    def command(self):
        return [str(self.programs / "postgres"), "-D", str(self.folder / "data")]


class Mosquitto(RealServer):
    kind = "mosquitto"

    def prepare(self):
        (self.folder / "mosquitto.conf").write_text(
            f"""pid_file {self.pid_file}
allow_anonymous true
listener {self.port} 127.0.0.1
cafile {self.folder}/roots.pem
certfile {self.folder}/server.pem
keyfile {self.folder}/server.key
require_certificate false
"""
        )

    def command(self):
        return [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(self.folder / "mosquitto.conf")]


class WrongServer:
    """Answers on a port with a certificate that nobody asked for."""

    def __init__(self, folder, authority):
        self.folder = pathlib.Path(folder)
        authority.issue(["wrong.example"], self.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        self.context = context
