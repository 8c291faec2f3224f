"""A real sshd on loopback or in a network namespace, with keys of its own."""
import os
import pathlib
import pwd
import signal
import subprocess

from servers import free_port, listens, wait_until


def processes_below(number):
    """The processes below one, the lowest first."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == number and fields[0] != "Z":
            found += processes_below(int(entry.name)) + [int(entry.name)]
    return found


class SSHServer:
    """sshd for the user that runs the tests; it neither reads nor writes that user's login files.

    `inside` are words before the command: `ip netns exec NAME`, or `unshare` with a view of its own. `settings` are further
    lines of its configuration.
    """

    def __init__(self, folder, address="127.0.0.1", port=None, inside=(), listening=None, settings=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o700)
        self.address = address
        self.port = port or free_port()
        self.inside = list(inside)
        self.listening = listening or (lambda: listens(self.port))
        for name in ["host", "user"]:
            make_key(self.folder / name)
        (self.folder / "authorized").write_text((self.folder / "user.pub").read_text())
        (self.folder / "sshd_config").write_text(
            f"""
            Port {self.port}
            ListenAddress {address}
            HostKey {self.folder}/host
            AuthorizedKeysFile {self.folder}/authorized
            PidFile none
            StrictModes no
            UsePAM no
            PermitRootLogin yes
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitUserEnvironment no
            PermitUserRC no
            PrintMotd no
            PrintLastLog no
            # Debian's bash reads ~/.bashrc for a command over SSH unless it is below another shell.
            SetEnv SHLVL=9
            LogLevel ERROR
            """
            + "\n".join(settings)
        )
        self.process = None

    @property
    def host_key(self):
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    def start(self):
        if os.getuid() == 0:
            # Where sshd puts its child away; a started system has it (sshd(8)).
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        words = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.folder / "sshd_config"), "-E", str(self.folder / "log")]
        self.process = subprocess.Popen(self.inside + words, stdin=subprocess.DEVNULL)
        wait_until(self.listening, "sshd listening")
        return self

    def target(self, **changes):
        """The target as YAML has it."""
        described = {
            "host": self.address, "port": self.port, "user": pwd.getpwuid(os.getuid()).pw_name,
            "identity_file": str(self.folder / "user"), "host_key": self.host_key,
        }
        return {"ssh": {**described, **changes}}

    def below(self):
        return processes_below(self.process.pid)

    def connections(self):
        """The processes of sshd's own that serve connections, without the scripts below them."""
        return [number for number in self.below() if name_of(number).startswith("sshd")]

    def cut(self, scripts=False):
        """Cuts every connection; the scripts go on unless they are killed too."""
        for number in self.below() if scripts else self.connections():
            send(number, signal.SIGKILL)

    def freeze(self):
        for number in self.below():
            send(number, signal.SIGSTOP)

    def thaw(self):
        for number in self.below():
            send(number, signal.SIGCONT)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.cut(scripts=True)
            self.process.kill()
            self.process.wait()


def name_of(number):
    try:
        return pathlib.Path(f"/proc/{number}/comm").read_text().strip()
    except OSError:
        return ""


def send(number, how):
    try:
        os.kill(number, how)
    except ProcessLookupError:
        pass


def make_key(path, kind="ed25519"):
    words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
