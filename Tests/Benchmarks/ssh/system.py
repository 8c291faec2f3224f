"""The folders of `directories`, each on a host of its own: an address of the loopback network and the port of a real sshd."""
import os
import pwd

from directories.system import System
from places import HERE
from sshd import SSHServer, send, signal

# One sshd listens at no more addresses than these.
ADDRESSES = [f"127.0.0.{number}" for number in range(1, 17)]


class Hosts(System):
    workload = "ssh"

    def __init__(self, folder, size, form, key):
        super().__init__(folder, size, form, key)
        settings = [f"ListenAddress {address}" for address in ADDRESSES[1:]]
        # Many connections of one person are no attack.
        settings += ["MaxStartups 200", "MaxSessions 100"]
        count = -(-size // len(ADDRESSES))
        self.servers = [SSHServer(folder / f"sshd{number}", settings=settings).start() for number in range(count)]
        self.hosts = {
            name: (self.servers[number // len(ADDRESSES)], ADDRESSES[number % len(ADDRESSES)])
            for number, name in enumerate(self.names)
        }
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.write_configuration()

    def write_configuration(self):
        """What OpenSSH's client needs to know, for those who use it."""
        self.known, self.configuration = self.folder / "known_hosts", self.folder / "ssh_config"
        self.known.write_text(
            "".join(f"[{address}]:{server.port} {server.host_key}\n" for server, address in self.hosts.values()))
        hosts = "".join(
            f"Host {name}\n  HostName {address}\n  Port {server.port}\n  IdentityFile {server.folder}/user\n"
            for name, (server, address) in self.hosts.items())
        self.configuration.write_text(
            f"{hosts}Host *\n  User {self.user}\n  IdentitiesOnly yes\n  UserKnownHostsFile {self.known}\n"
            "  StrictHostKeyChecking yes\n  BatchMode yes\n")

    @property
    def script_shell(self):
        return ["sh", str(HERE / "ssh" / "far.sh"), str(self.configuration)]

    def ansible_host(self, name):
        server, address = self.hosts[name]
        return (
            f"ansible_connection=ssh ansible_host={address} ansible_port={server.port} ansible_user={self.user} "
            f"ansible_ssh_private_key_file={server.folder}/user "
            f"ansible_ssh_common_args='-o UserKnownHostsFile={self.known}'")

    def component(self, name, **changes):
        server, address = self.hosts[name]
        return super().component(name, target=server.target(host=address), **changes)

    def close(self):
        for server in self.servers:
            # Connections that a client keeps for a while end with the server.
            for number in server.below():
                send(number, signal.SIGTERM)
            server.stop()
