"""Real servers whose files Reroot reaches over a real sshd on loopback."""
import pathlib
import shutil
import signal
import subprocess
import time

import pytest
from cryptography import x509

import update as steps
from authority import Authority
from console import Console
from servers import Nginx, let_through
from sshd import SSHServer, make_key

OLD, NEW = Authority("Old Root"), Authority("New Root")


class System:
    """Some nginx, each on a host of its own as far as Reroot can tell, and a console that knows them."""

    def __init__(self, folder, count=1, changes=None, **sshd):
        let_through(folder)
        self.folder = folder
        self.hosts = [SSHServer(folder / f"host{number}", **sshd).start() for number in range(count)]
        self.servers = [Nginx(folder / f"nginx{number}", OLD).start() for number in range(count)]
        self.before = [(server.files(), server.served()) for server in self.servers]
        self.components = [
            server.component(name=f"nginx{number}", target=host.target(**(changes or {})))
            for number, (server, host) in enumerate(zip(self.servers, self.hosts))
        ]
        self.console = None

    def begin(self):
        self.console = Console(self.folder / "console", components=self.components).start().set_up()
        self.client = self.console.client
        self.root = steps.import_root(self.client, NEW)
        return self

    def start(self):
        self.plan = steps.make_plan(self.client, self.root)
        self.update = steps.start(self.client, self.plan)

    def wait(self, *standings, limit=60):
        return steps.wait_for(self.client, self.update, *standings, limit=limit)

    def decide(self, decision):
        answer = steps.decide(self.client, self.update, decision)
        assert answer.status == 303, answer.text

    def expect_new(self, number=0):
        server, (before, _) = self.servers[number], self.before[number]
        served = x509.load_pem_x509_certificate(server.served().encode())
        served.verify_directly_issued_by(NEW.certificate)
        assert served == x509.load_pem_x509_certificate((server.folder / "server.pem").read_bytes())
        for name, (_, *rights) in server.files().items():
            assert rights == list(before[name][1:]), f"{name} has another owner or mode"
        self.expect_no_traces(server)

    def expect_before(self, number=0):
        server = self.servers[number]
        assert (server.files(), server.served()) == self.before[number]
        self.expect_no_traces(server)

    def expect_no_traces(self, server):
        assert not [path.name for path in server.folder.iterdir() if ".reroot" in path.name]

    def expect_no_connection(self):
        steps.wait_until(lambda: not any(host.connections() for host in self.hosts), "the end of every connection")

    def stop(self):
        if self.console:
            self.console.stop(signal.SIGKILL)
        for part in [*self.servers, *self.hosts]:
            part.stop()


@pytest.fixture
def make(tmp_path):
    made = []

    def system(**options):
        made.append(System(tmp_path, **options))
        return made[-1]

    yield system
    for system in made:
        system.stop()


def test_a_whole_update_and_its_abort_over_ssh(make):
    system = make().begin()
    system.start()
    assert f"127.0.0.1:{system.hosts[0].port} by SSH as" in system.plan.text
    system.wait("completed")
    system.expect_new()
    system.expect_no_connection()
    system.decide("abort")
    system.wait("rolledBack")
    system.expect_before()
    system.expect_no_connection()


def test_a_changed_host_key_stops_the_plan_and_says_what_to_check(make):
    system = make()
    make_key(system.folder / "other")
    other = " ".join((system.folder / "other.pub").read_text().split()[:2])
    system.components[0]["target"]["ssh"]["host_key"] = other
    system.begin()
    page = steps.make_plan(system.client, system.root)
    assert "does not show the pinned host key" in page.text
    assert "reinstalled, or somebody is between" in page.text
    assert not [form for form in page.forms() if form["action"] == "/updates"]
    system.expect_before()


def held_reload(server, holds):
    """An activation that reloads a server once a condition of the shell holds no more."""
    reload = f"while {holds}; do sleep 0.1; done; kill -HUP $(head -n 1 {server.pid_file})"
    return {"command": ["/bin/sh", "-c", reload], "time_limit": 30}


def test_a_host_that_hangs_fails_alone_and_is_retried(make):
    system = make(count=2)
    (first, second), (hung, _) = system.servers, system.hosts
    hold = system.folder / "hold"
    hold.touch()
    files = {key: path for key, path in system.components[0]["files"].items() if key != "trust_bundle"}
    system.components[0].update(activation=held_reload(first, f"[ -e {hold} ]"), files=files)
    system.begin()
    system.start()
    steps.wait_until(lambda: any("hold" in words_of(number) for number in hung.below()), "the first activation")
    hung.freeze()
    begun = time.monotonic()
    hold.unlink()
    # The other one is finished long before this one is given up.
    steps.wait_until(lambda: second.served() != system.before[1][1], "the second host's new certificate", 12)
    page = system.wait("deciding", limit=30)
    assert time.monotonic() - begun < 30
    assert "was lost before the host had answered" in page.text
    system.expect_new(1)
    hung.thaw()
    system.decide("retry")
    system.wait("completed")
    system.expect_new(0)


def words_of(number):
    try:
        return pathlib.Path(f"/proc/{number}/cmdline").read_text()
    except OSError:
        return ""


def test_the_connection_cut_again_and_again_leaves_whole_sets_and_retry_completes(make):
    system = make()
    server, host = system.servers[0], system.hosts[0]
    hold = system.folder / "hold"
    hold.touch()
    system.components[0].update(activation=held_reload(server, f"[ -e {hold} ]"))
    system.begin()
    system.start()
    steps.wait_until(lambda: any("hold" in words_of(number) for number in host.below()), "the first activation")
    asked = 0
    for number in range(6):
        host.cut(scripts=number % 2 == 0)
        if number == 0:
            hold.unlink()
        system.wait("deciding", "completed")
        if steps.standing(system.client, system.update) == "completed":
            break
        asked += 1
        system.decide("retry")
        steps.wait_until(
            lambda: host.connections() or steps.standing(system.client, system.update) != "running", "a connection")
        time.sleep(0.03 * number)
    assert asked > 0, "no cut came in the middle of the update"
    system.wait("completed")
    system.expect_new()
    system.decide("abort")
    system.wait("rolledBack")
    system.expect_before()


def busybox_only(folder):
    """Words that run a command where the usual folders of programs hold nothing but BusyBox's applets, and an account's
    shell that is one too."""
    applets = folder / "applets"
    applets.mkdir()
    busybox = shutil.which("busybox")
    shutil.copy(busybox, applets / "busybox")
    for name in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if not (applets / name).exists():
            (applets / name).symlink_to("busybox")
    # sh and env must be there under the names that every system has; the account's shell may be bash.
    (applets / "bash").write_text('#!/usr/bin/busybox sh\nexec /usr/bin/busybox sh "$@"\n')
    (applets / "bash").chmod(0o755)
    keep = folder / "sshd"
    shutil.copy("/usr/sbin/sshd", keep)
    script = (
        f"mount --bind {applets} /usr/local/sbin; mount --bind {applets} /usr/local/bin; "
        f"mount --bind {applets} /usr/sbin; "
        f"mount --bind {applets} /usr/bin; shift; exec {keep} \"$@\""
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def test_a_host_with_nothing_but_busybox(make, tmp_path):
    system = make(inside=busybox_only(tmp_path)).begin()
    said = subprocess.run(
        ["ssh", "-F", "none", "-i", system.hosts[0].folder / "user", "-p", str(system.hosts[0].port), "-o", "BatchMode=yes",
         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "127.0.0.1", "readlink -f /bin/mv"],
        capture_output=True, text=True, timeout=20)
    assert said.stdout.strip().endswith("/busybox"), said
    system.start()
    system.wait("completed")
    system.expect_new()
    system.decide("abort")
    system.wait("rolledBack")
    system.expect_before()


def may_sudo():
    if not shutil.which("sudo"):
        return False
    return subprocess.run(["sudo", "-n", "/bin/sh", "-c", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not may_sudo(), reason="this account may not use sudo without a password")
def test_by_sudo(make):
    """The real sudo, from the account that runs the tests to root."""
    system = make(changes={"sudo": True}).begin()
    system.start()
    assert "with sudo" in system.plan.text
    system.wait("completed")
    system.expect_new()
    system.decide("abort")
    system.wait("rolledBack")
    system.expect_before()
