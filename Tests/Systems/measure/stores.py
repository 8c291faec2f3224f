"""The servers that keep data: PostgreSQL, Mosquitto and Redis. Each requires a client certificate."""
import pathlib
import shutil
import signal
import subprocess

from servers import as_nobody, give_to_nobody

from .member import Server

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
ACTIVATION = pathlib.Path(__file__).resolve().parent / "activate-mosquitto"


class PostgreSQL(Server):
    name = "postgresql"
    stage = 2
    transport = "postgresql"

    @property
    def pid_file(self):
        return self.folder / "data" / "postmaster.pid"

    def prepare(self):
        give_to_nobody(self.folder)
        words = [str(PROGRAMS / "initdb"), "-D", str(self.folder / "data"), "-A", "trust", "-U", "postgres", "-N"]
        subprocess.run(as_nobody(words), check=True, capture_output=True, timeout=120, cwd=self.folder)
        with open(self.folder / "data" / "postgresql.conf", "a") as settings:
            settings.write(
                f"""
listen_addresses = '127.0.0.1'
port = {self.port}
unix_socket_directories = ''
fsync = off
ssl = on
ssl_cert_file = '{self.own}/server.pem'
ssl_key_file = '{self.own}/server.key'
ssl_ca_file = '{self.bundle}'
"""
            )
        (self.folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n")

    def command(self):
        return [str(PROGRAMS / "postgres"), "-D", str(self.folder / "data")]

    # A fast shutdown: SIGTERM would wait for the clients.
    ending = signal.SIGINT


class Mosquitto(Server):
    """Its activation puts the roots into the folder of its `capath` first: Mosquitto 2.0 reads a `cafile` when it
    starts and never again, but looks into that folder at each handshake."""

    name = "mosquitto"
    stage = 3

    def prepare(self):
        (self.folder / "mosquitto.conf").write_text(
            f"""pid_file {self.pid_file}
allow_anonymous true
listener {self.port} 127.0.0.1
capath {self.folder}/roots
certfile {self.own}/server.pem
keyfile {self.own}/server.key
require_certificate true
"""
        )
        shutil.copy(ACTIVATION, self.script)
        self.reload()

    @property
    def script(self):
        return self.folder / "activate"

    def command(self):
        return [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(self.folder / "mosquitto.conf")]

    def activation(self):
        words = [self.script, self.bundle, self.folder / "roots", self.pid_file]
        return {"command": [str(word) for word in words], "time_limit": 6}


class Redis(Server):
    """Is told over its local socket to load certificate, key and bundle, all in one command."""

    name = "redis"
    stage = 2

    @property
    def socket(self):
        return self.folder / "redis.sock"

    def prepare(self):
        (self.folder / "redis.conf").write_text(
            f"""bind 127.0.0.1
port 0
tls-port {self.port}
tls-cert-file "{self.own}/server.pem"
tls-key-file "{self.own}/server.key"
tls-ca-cert-file "{self.bundle}"
tls-auth-clients yes
unixsocket "{self.socket}"
dir "{self.folder}"
save ""
pidfile "{self.pid_file}"
daemonize no
"""
        )

    def command(self):
        return [shutil.which("redis-server") or "/usr/bin/redis-server", str(self.folder / "redis.conf")]

    def activation(self):
        files = ["tls-cert-file", self.certificate, "tls-key-file", self.own / "server.key"]
        # -e: without it redis-cli ends with 0 whatever the server answered.
        words = ["/usr/bin/redis-cli", "-e", "-s", self.socket, "CONFIG", "SET", *files,
                 "tls-ca-cert-file", self.bundle]
        return {"command": [str(word) for word in words]}
