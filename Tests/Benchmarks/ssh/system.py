"""The folders of `directories`, each on a host of its own: 127.0.0.1, 127.0.0.2, …, at one sshd's port."""
import pwd
import os

from directories.system import System
from places import HERE
from sshd import SSHServer, send, signal


class Hosts(System):
    workload = "ssh"

    def __init__(self, folder, size, form, key):
        super().__init__(folder, size, form, key)
        self.addresses = {name: f"127.0.0.{number + 1}" for number, name in enumerate(self.names)}
        assert size < 255, "no more addresses than these are used"
        settings = [f"ListenAddress {address}" for address in list(self.addresses.values())[1:]]
        # A person's many connections are no attack.
        settings += [f"MaxStartups {2 * size}", "MaxSessions 100"]
        self.sshd = SSHServer(folder / "sshd", settings=settings).start()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.write_configuration()

    def write_configuration(self):
        """What OpenSSH's client needs to know, for those who use it."""
        self.known = self.folder / "known_hosts"
        self.known.write_text("".join(f"[{one}]:{self.sshd.port} {self.sshd.host_key}\n" for one in self.addresses.values()))
        hosts = "".join(f"Host {name}\n  HostName {address}\n" for name, address in self.addresses.items())
        self.configuration = self.folder / "ssh_config"
        self.configuration.write_text(
            f"{hosts}Host *\n  Port {self.sshd.port}\n  User {self.user}\n  IdentityFile {self.sshd.folder}/user\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.known}\n  StrictHostKeyChecking yes\n  BatchMode yes\n")

    @property
    def script_shell(self):
        return ["sh", str(HERE / "ssh" / "far.sh"), str(self.configuration)]

    def ansible_host(self, name):
        return (
            f"ansible_connection=ssh ansible_host={self.addresses[name]} ansible_port={self.sshd.port} "
            f"ansible_user={self.user} ansible_ssh_private_key_file={self.sshd.folder}/user "
            f"ansible_ssh_common_args='-o UserKnownHostsFile={self.known}'")

    def component(self, name, **changes):
        return super().component(name, target=self.sshd.target(host=self.addresses[name]), **changes)

    def close(self):
        # Connections that a client keeps for a while end with the server.
        for number in self.sshd.below():
            send(number, signal.SIGTERM)
        self.sshd.stop()
