"""What every server has that is run from the configuration which its Debian package lays down."""
import grp
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess

from packaged.preset import preset_activation
from packaged.snakeoil import make_snakeoil
from servers import free_port, wait_until

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class PackagedServer:
    """One server, as its package's own user, with everything that it reads and writes in `folder`.

    `lay` puts the packaged configuration there, its paths moved into the folder and TLS turned on in the way that the
    package's own comments propose; the certificate is a self-signed one, as the package ssl-cert makes it.
    """

    kind = ""
    user = ""
    transport = "tls"
    stop_signal = signal.SIGTERM

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.process = None
        for name in ("etc", "run", "log", "lib", "tls"):
            (self.folder / name).mkdir(parents=True)
        self.certificate = self.folder / "tls" / "server.pem"
        self.key = self.folder / "tls" / "server.key"
        self.trust_bundle = self.folder / "tls" / "roots.pem"
        make_snakeoil(self.certificate, self.key)
        shutil.copy(self.certificate, self.trust_bundle)
        self.lay()
        self.give()

    # What each server says of itself

    def lay(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def environment(self):
        """What the server and its tools need in their environment beside the search path."""
        return {}

    def activation(self, preset):
        """What differs here from the words of the preset's own check and command: paths and ports, and a signal where the preset
        has systemd send it."""
        raise NotImplementedError


    def break_configuration(self):
        """Makes the configuration one that the server's own check refuses; returns what undoes it."""
        raise NotImplementedError

    has_check = True
    """Whether the server has a check of its own. One that has none is refused a key that its user cannot read."""

    refused_by = "CHECK_REFUSED"
    """The code of the failure: by the check before the activation, or by the activation itself."""

    refusal = ""
    """What the check, or the server itself, says of a broken configuration or of an unreadable key."""

    reader = None
    """Who must own the files so that the server can read them, where the preset's owner is root."""

    # Folders, owners and users

    def etc(self, *parts):
        return self.folder.joinpath("etc", *parts)

    def copy_packaged(self, source, target, moves):
        """Copies the package's folder, with each of `moves` replaced in every file of it."""
        shutil.copytree(source, target, symlinks=True)
        met = set()
        for path in target.rglob("*"):
            if path.is_symlink():
                self.move_link(path, source, target)
            elif path.is_file():
                text = path.read_bytes().decode("utf-8", "surrogateescape")
                for old, new in moves.items():
                    if old in text:
                        met.add(old)
                        text = text.replace(old, str(new))
                path.write_bytes(text.encode("utf-8", "surrogateescape"))
        missing = set(moves) - met
        assert not missing, f"the packaged configuration in {source} does not have {missing}"

    def move_link(self, link, source, target):
        """A link into the package's folder becomes one into the copy."""
        aim = os.readlink(link)
        if aim.startswith(f"{source}/"):
            link.unlink()
            link.symlink_to(target / aim.removeprefix(f"{source}/"))

    def edit(self, path, *changes):
        """Replaces texts in a file, each of which must be there."""
        text = path.read_text()
        for old, new in changes:
            assert old in text, f"{path} does not have {old!r}"
            text = text.replace(old, str(new))
        path.write_text(text)

    def spoil(self, path, line):
        """Adds a line that no server understands; returns what takes it away again."""
        text = path.read_bytes()
        path.write_bytes(text + line.encode() + b"\n")
        return lambda: path.write_bytes(text)

    def give(self):
        """The folder to the server's user; the certificate and its key as ssl-cert has them, to root and readable by the group."""
        if os.getuid() != 0:
            return
        user = pwd.getpwnam(self.user)
        for path in [self.folder, *self.folder.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        for path, mode in ((self.certificate, 0o644), (self.key, 0o640), (self.trust_bundle, 0o644)):
            os.chown(path, 0, user.pw_gid)
            path.chmod(mode)

    def as_user(self, words):
        if os.getuid() != 0:
            return words
        user = pwd.getpwnam(self.user)
        return ["/usr/bin/setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--", *words]

    def with_environment(self, words):
        """The words of a command that Reroot runs, which gives it no environment of ours."""
        return ["/usr/bin/env", *(f"{name}={value}" for name, value in self.environment().items()), *words]

    # Running

    def run(self, words):
        """Runs a tool of the server's as its user until it ends."""
        done = subprocess.run(
            self.as_user(words), env={**os.environ, **self.environment()}, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )
        assert done.returncode == 0, f"{words} ended with {done.returncode}: {done.stdout.decode('utf-8', 'replace')}"

    def begin(self):
        """Starts the server's process without waiting until it answers."""
        with open(self.folder / "output.log", "ab") as log:
            self.process = subprocess.Popen(
                self.as_user(self.command()), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                env={**os.environ, **self.environment()}, start_new_session=True,
            )

    def await_answer(self):
        def answers():
            assert self.process.poll() is None, f"{self.kind} ended: {self.log()}"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                return False
            return True

        wait_until(answers, f"{self.kind} listening", 90)

    def log(self):
        """The end of what the server wrote."""
        texts = []
        for path in [self.folder / "output.log", *(self.folder / "log").rglob("*")]:
            if path.is_file():
                texts.append(f"{path}:\n{path.read_text(errors='replace')[-2000:]}")
        return "\n".join(texts)

    def stop(self):
        """Ends the server and whatever it started: all of it is in one session."""
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    # What Reroot is told, and what is seen

    def component(self, owner=None, trust=True):
        """The component as YAML has it: its kind, and only what differs from the preset."""
        owner = owner or self.reader
        rights = {"owner": owner, "group": grp.getgrgid(pwd.getpwnam(owner).pw_gid).gr_name} if owner else {}
        files = {**self.file_layout(), **({"trust_bundle": str(self.trust_bundle)} if trust else {})}
        endpoint = {"host": "127.0.0.1", "port": self.port, "server_name": "localhost"}
        return {
            "name": self.kind,
            "kind": self.kind,
            "names": ["localhost", "127.0.0.1"],
            "files": {**files, **rights},
            "activation": self.activation(preset_activation(self.kind, files)),
            "endpoints": [endpoint],
        }

    def file_layout(self):
        return {"certificate": str(self.certificate), "key": str(self.key)}

    def files(self):
        """Content, owner, group and mode of every file that an update touches."""
        found = {}
        for path in (self.certificate, self.key, self.trust_bundle):
            status = path.stat()
            found[path.name] = (
                path.read_bytes(), pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name,
                oct(status.st_mode),
            )
        return found

    def served(self):
        """The certificate on the wire, PEM."""
        text = self.handshake()
        assert BEGIN in text, f"{self.kind} served no certificate: {text} {self.log()}"
        return text[text.index(BEGIN) : text.index(END) + len(END)] + "\n"

    def accepts(self, authority):
        """Whether it accepts the client certificates of an authority, as it announces itself."""
        return f"CN = {authority.name}" in self.announced()

    def announced(self):
        """The names of the authorities whose client certificates it says that it accepts."""
        lines = self.handshake().partition("Acceptable client certificate CA names\n")[2].splitlines()
        return list(itertools.takewhile(lambda line: "=" in line and ":" not in line, lines))

    def handshake(self):
        """What `openssl s_client` says of a connection."""
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", "localhost"]
        protocol = {"tls": None, "postgresql": "postgres", "mariadb": "mysql"}.get(self.transport, self.transport)
        if protocol:
            words += ["-starttls", protocol]
        done = subprocess.run(words, input=b"", capture_output=True, timeout=20)
        return (done.stdout + done.stderr).decode("utf-8", "replace")
