"""What every server of the measured system has in common."""
import shlex
import signal
import subprocess

from servers import as_nobody, free_port, give_to_nobody, listens, wait_until

NAMES = ["localhost", "127.0.0.1"]


class Member:
    """A component of the system, with its own certificate and key in `own` and its bundle in `trust`.

    The two folders are apart so that a fault can strike the one and leave the other alone.
    """

    name = ""
    stage = 1
    usage = "server"
    names = NAMES
    is_combined = False

    def __init__(self, folder, authority):
        self.folder = folder / self.name.replace(" ", "-")
        self.own = self.folder / "own"
        self.trust = self.folder / "trust"
        self.trust.mkdir(parents=True)
        self.bundle = self.trust / "roots.pem"
        self.receive(authority)
        give_to_nobody(self.folder)

    def receive(self, authority):
        """Writes a certificate with its key, and a bundle with nothing but its root: how the system is set up, and what
        a plain replacement does."""
        authority.issue(self.names, self.own, bundle="issuer.pem")
        if self.is_combined:
            (self.own / "combined.pem").write_bytes(
                (self.own / "server.pem").read_bytes() + (self.own / "server.key").read_bytes()
            )
            (self.own / "combined.pem").chmod(0o600)
            (self.own / "server.pem").unlink()
            (self.own / "server.key").unlink()
        (self.own / "issuer.pem").replace(self.bundle)
        give_to_nobody(self.own)
        give_to_nobody(self.trust)

    @property
    def combined(self):
        return self.own / "combined.pem"

    @property
    def certificate(self):
        """The file whose content is the component's certificate."""
        return self.combined if self.is_combined else self.own / "server.pem"

    def files(self):
        """Content, owner, group and mode of each file that an update touches."""
        paths = [self.bundle, self.certificate] + ([] if self.is_combined else [self.own / "server.key"])
        return {
            path: (path.read_bytes(), found.st_uid, found.st_gid, oct(found.st_mode))
            for path in paths for found in [path.stat()]
        }

    def component(self):
        """The component as the console's YAML has it."""
        files = {"trust_bundle": str(self.bundle)}
        if self.is_combined:
            files["combined"] = str(self.combined)
        else:
            files |= {"certificate": str(self.certificate), "key": str(self.own / "server.key")}
        return {
            "name": self.name, "stage": self.stage, "names": self.names, "usage": self.usage, "files": files,
            "verification_time_limit": 10,
        }


class Server(Member):
    """A member that listens."""

    transport = "tls"
    ending = signal.SIGTERM

    def __init__(self, folder, authority):
        self.port = free_port()
        self.process = None
        super().__init__(folder, authority)
        self.prepare()
        give_to_nobody(self.folder)

    @property
    def pid_file(self):
        return self.folder / "server.pid"

    @property
    def log(self):
        return self.folder / "output.log"

    def prepare(self):
        """Writes the server's configuration."""
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def activation(self):
        return {"signal": "HUP", "pid_file": str(self.pid_file)}

    def activation_words(self):
        """The activation as a command, whether it is one or a signal."""
        activation = self.activation()
        if "command" in activation:
            return activation["command"]
        return ["sh", "-c", f"kill -{activation['signal']} $(head -n 1 {self.pid_file})"]

    def late_activation(self, seconds):
        """A command that ends at once, after which the server is told in its own time to load its files."""
        return ["/usr/bin/setsid", "--fork", "sh", "-c", f"sleep {seconds}; exec {shlex.join(self.activation_words())}"]

    def reload(self):
        """Lets the server load its files again, as its activation does."""
        subprocess.run(self.activation_words(), check=True, capture_output=True, timeout=30)

    def component(self):
        endpoint = {"host": "127.0.0.1", "port": self.port, "server_name": "localhost", "transport": self.transport}
        return super().component() | {
            "activation": {"time_limit": 10} | self.activation(), "endpoints": [endpoint],
        }

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                as_nobody(self.command()), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
            )
        wait_until(lambda: listens(self.port) or self.process.poll() is not None, f"{self.name} listening", 60)
        assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()}"
        wait_until(self.pid_file.exists, f"{self.name}'s pid file")
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.ending)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
