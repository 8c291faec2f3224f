"""Three hosts in network namespaces, each behind a link of its own that is cut at chosen moments."""
import ipaddress
import os
import signal
import subprocess

import pytest
from cryptography import x509

import update as steps
from authority import Authority
from console import Console
from servers import Nginx, as_nobody, let_through
from sshd import SSHServer
from test_ssh import held_reload

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="network namespaces take root")

OLD, NEW = Authority("Old Root"), Authority("New Root")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Host:
    """A network namespace with sshd and nginx, at one end of a link; Reroot is at the other."""

    def __init__(self, number, folder):
        self.name = f"reroot{os.getpid() % 10000}h{number}"
        self.link = f"rr{os.getpid() % 10000}h{number}"
        # Of the range for such tests (RFC 2544), four addresses a link, others for every run.
        first = ipaddress.ip_address("198.18.0.0") + (os.getpid() % 8000 * 4 + number) * 4
        self.address = str(first + 2)
        ip("netns", "add", self.name)
        ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("addr", "add", f"{first + 1}/30", "dev", self.link)
        ip("link", "set", self.link, "up")
        for words in [["addr", "add", f"{self.address}/30", "dev", "eth0"], ["link", "set", "eth0", "up"],
                      ["link", "set", "lo", "up"]]:
            ip("-n", self.name, *words)
        inside = ["ip", "netns", "exec", self.name]
        self.ssh = SSHServer(
            folder / f"ssh{number}", address=self.address, port=22, inside=inside, listening=lambda: self.answers(22))
        self.ssh.start()
        self.server = FarNginx(folder / f"nginx{number}", OLD, inside, self).start()
        self.before = (self.server.files(), self.server.served())
        # While the first is there no activation ends, while the second is there none of another certificate than
        # before: so a cut comes in the middle of one for certain.
        self.hold, self.hold_new = folder / f"hold{number}", folder / f"hold-new{number}"
        self.former = folder / f"former{number}.pem"
        self.former.write_bytes((self.server.folder / "server.pem").read_bytes())

    def answers(self, port):
        return subprocess.run(
            ["ip", "netns", "exec", self.name, "bash", "-c", f"</dev/tcp/{self.address}/{port}"],
            capture_output=True).returncode == 0

    def cut(self):
        """Nothing passes any more, and nobody is told."""
        ip("link", "set", self.link, "down")

    def join(self):
        ip("link", "set", self.link, "up")

    def component(self):
        return self.server.component(
            name=f"nginx-{self.name}", target=self.ssh.target(),
            endpoints=[{"host": self.address, "port": self.server.port, "server_name": "localhost"}],
            activation=held_reload(
                self.server,
                f"[ -e {self.hold} ] || {{ [ -e {self.hold_new} ] && ! cmp -s {self.former} "
                f"{self.server.folder / 'server.pem'}; }}"))

    def stop(self):
        self.server.stop()
        self.ssh.stop()
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)
        subprocess.run(["ip", "link", "del", self.link], capture_output=True)


class FarNginx(Nginx):
    def __init__(self, folder, authority, inside, host):
        self.inside, self.host = inside, host
        super().__init__(folder, authority)

    def prepare(self):
        super().prepare()
        config = self.folder / "nginx.conf"
        config.write_text(config.read_text().replace("127.0.0.1:", f"{self.host.address}:"))

    def start(self):
        self.process = subprocess.Popen(
            self.inside + as_nobody(self.command()), cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        steps.wait_until(lambda: self.host.answers(self.port), "nginx listening")
        steps.wait_until(self.pid_file.exists, "nginx's pid file")
        return self

    def served(self):
        done = subprocess.run(
            self.inside + ["openssl", "s_client", "-connect", f"{self.host.address}:{self.port}", "-servername", "localhost"],
            input=b"", capture_output=True, timeout=20)
        text = done.stdout.decode("ascii", "replace")
        end = "-----END CERTIFICATE-----"
        return text[text.index("-----BEGIN CERTIFICATE-----") : text.index(end) + len(end)] + "\n"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("hosts")
    let_through(tmp_path)
    hosts, console = [], None
    try:
        for number in range(1, 4):
            hosts.append(Host(number, tmp_path))
        console = Console(tmp_path / "console", components=[host.component() for host in hosts]).start().set_up()
        yield hosts, console.client, steps.import_root(console.client, NEW)
    finally:
        if console:
            console.stop(signal.SIGKILL)
        for host in hosts:
            host.stop()


def decide(client, update, decision):
    answer = steps.decide(client, update, decision)
    assert answer.status == 303, answer.text


def expect_new(host):
    served = x509.load_pem_x509_certificate(host.server.served().encode())
    served.verify_directly_issued_by(NEW.certificate)
    assert served == x509.load_pem_x509_certificate((host.server.folder / "server.pem").read_bytes())


def test_the_link_of_a_host_is_cut_in_the_middle_of_an_update_and_retry_completes_it(system):
    hosts, client, root = system
    cut = hosts[1]
    cut.hold.touch()
    update = steps.start(client, steps.make_plan(client, root))
    # Its trust bundle is replaced and not activated, so its connection stands.
    steps.wait_until(lambda: cut.server.files() != cut.before[0], "the first new file")
    cut.cut()
    steps.wait_for_end(client, update, "deciding", limit=60)
    cut.join()
    cut.hold.unlink()
    decide(client, update, "retry")
    steps.wait_for_end(client, update, "completed", limit=60)
    for host in hosts:
        expect_new(host)
    decide(client, update, "abort")
    steps.wait_for(client, update, "rolledBack", limit=60)
    for host in hosts:
        assert (host.server.files(), host.server.served()) == host.before


def test_after_a_cut_abort_puts_back_every_file_byte_for_byte(system):
    hosts, client, root = system
    cut = hosts[2]
    cut.hold_new.touch()
    update = steps.start(client, steps.make_plan(client, root))
    steps.wait_until(lambda: cut.server.files()["server.pem"] != cut.before[0]["server.pem"], "the new certificate")
    cut.cut()
    steps.wait_for_end(client, update, "deciding", limit=60)
    cut.join()
    cut.hold_new.unlink()
    decide(client, update, "abort")
    steps.wait_for(client, update, "rolledBack", limit=60)
    for host in hosts:
        assert (host.server.files(), host.server.served()) == host.before
