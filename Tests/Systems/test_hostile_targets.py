"""Components that hang, flood, lie and break off: each costs its limit, and Abort is answered at once."""
import pathlib
import re
import signal
import time

import pytest
from cryptography import x509

import update as steps
from authority import Authority
from console import Console
from hostile import BEHAVIOURS, HostileServer
from sanitizers import PATIENCE, ROOM
from servers import Nginx, let_through, wait_until
from sshd import SSHServer

OLD, NEW = Authority("Old Root"), Authority("New Root")


class System:
    """Servers of the old root and a console that knows them, with the new root imported."""

    def __init__(self, folder):
        let_through(folder)
        self.folder = folder
        self.parts = []
        self.console = None

    def nginx(self, name="nginx"):
        return self.keep(Nginx(self.folder / name, OLD).start())

    def hostile(self, name, behaviour="mute"):
        return self.keep(HostileServer(self.folder / name, OLD, behaviour).start())

    def keep(self, part):
        self.parts.append(part)
        return part

    def begin(self, components, policy):
        self.console = Console(self.folder / "console", components=components).start().set_up()
        self.client = self.console.client
        root = steps.import_root(self.client, NEW)
        plan = steps.make_plan(self.client, root, policy=policy)
        assert "found beforehand" not in plan.text, re.findall(r'class="problem[^>]*>.*?</', plan.text, re.DOTALL)
        self.update = steps.start(self.client, plan)

    def memory(self):
        """The most memory that the console has ever had, in MiB."""
        status = pathlib.Path(f"/proc/{self.console.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) // 1024

    def stop(self):
        if self.console:
            self.console.stop(signal.SIGKILL)
        for part in self.parts:
            part.stop()


@pytest.fixture
def system(tmp_path):
    made = System(tmp_path)
    yield made
    made.stop()


def test_each_hostile_component_costs_its_limit_and_the_others_go_on(system):
    healthy = system.nginx()
    servers = {behaviour: system.hostile(behaviour, behaviour) for behaviour in BEHAVIOURS}
    lies, hangs, floods = (system.hostile(name) for name in ["lies", "hangs", "flooding-command"])
    components = [server.component() for server in servers.values()] + [
        lies.component(["/bin/true"]),
        hangs.component(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"]),
        floods.component(["/usr/bin/yes"]),
        healthy.component(),
    ]
    begun = time.monotonic()
    system.begin(components, policy="continue")
    page = steps.wait_for_end(system.client, system.update, "completedWithErrors", limit=90)
    took, memory = time.monotonic() - begun, system.memory()
    x509.load_pem_x509_certificate(healthy.served().encode()).verify_directly_issued_by(NEW.certificate)
    failed = dict.fromkeys(component["name"] for component in components)
    for what, sentence in steps.failures(page):
        name = next((name for name in failed if re.search(rf"\b{name} failed$", what) or f"of {name} " in what), None)
        assert name, what
        failed[name] = sentence
    assert failed.pop("nginx") is None, "the healthy one has failed"
    print(f"{len(failed)} hostile components and one good one: {took:.1f} s, {memory} MiB at most")
    for name, sentence in failed.items():
        assert sentence and sentence.endswith((".", "trying.")), (name, sentence)
    assert "did not end within 2 seconds" in page.text
    assert "talks without end" in failed["hello_requests"]
    assert took < 75 * PATIENCE and memory < 400 * ROOM
    # Each is asked again and again for as long as its limit allows, and not without end.
    for behaviour, server in servers.items():
        assert 0 < server.turned_connections < 300, (behaviour, server.turned_connections)


def test_abort_is_answered_at_once_whatever_hangs(system):
    healthy = system.nginx()
    mute, deaf, far = system.hostile("mute"), system.hostile("deaf"), system.nginx("far")
    host = system.keep(SSHServer(system.folder / "host").start())
    begun, hold = system.folder / "begun", system.folder / "hold"
    hold.touch()
    deafly = f"trap '' TERM; [ -e {deaf.good} ] && exit 0; echo > {begun}; while :; do sleep 1; done"
    farly = f"while [ -e {hold} ]; do sleep 0.1; done; kill -HUP $(head -n 1 {far.pid_file})"
    components = [
        healthy.component(),
        mute.component(verification_time_limit=600),
        deaf.component(["/bin/sh", "-c", deafly], activation={
            "command": ["/bin/sh", "-c", deafly], "time_limit": 600}),
        far.component(name="far", target=host.target(), activation={
            "command": ["/bin/sh", "-c", farly], "time_limit": 600}),
    ]
    before = {server: server.files() for server in [healthy, far]}
    system.begin(components, policy="stop")
    wait_until(begun.exists, "the deaf command")
    wait_until(lambda: mute.turned_connections > 0, "the mute endpoint")
    wait_until(lambda: any("hold" in words(number) for number in host.below()), "the far command")
    # The page names three that are in flight: with the healthy one there would be four.
    seen = 'data-kind="trust" data-state="succeeded"'
    wait_until(lambda: seen in system.client.get(system.update).text, "the healthy component")
    host.freeze()
    try:
        page = steps.abort_at_once(system.client, system.update)
        for name in ["mute", "deaf", "far"]:
            assert re.search(rf"waiting for .*\b{name}\b", page.text), name
    finally:
        host.thaw()
    for server in [mute, deaf]:
        server.good.touch()
    hold.unlink()
    page = steps.wait_for_end(system.client, system.update, "rolledBack", limit=60)
    assert "was told to end" in page.text
    for server, files in before.items():
        assert server.files() == files
    for server in [mute, deaf]:
        assert server.files() == server.before


def words(number):
    try:
        return pathlib.Path(f"/proc/{number}/cmdline").read_text()
    except OSError:
        return ""
