"""A component on another machine keeps its key: that machine's openssl makes it, and neither key nor copy comes to Reroot."""
import base64
import html
import shlex
import signal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import update as steps
from authority import Authority
from console import Console
from servers import Nginx, let_through
from sshd import SSHServer
from test_kept_key import PUBLIC, break_reload
from test_ssh import busybox_only

# Writes down all that goes through a session of sshd, in both directions.
LISTENER = """#!/bin/bash
tee {folder}/in.$$ | /bin/sh -c "$SSH_ORIGINAL_COMMAND" 2> >(tee {folder}/err.$$ >&2) | tee {folder}/out.$$
exit "${{PIPESTATUS[1]}}"
"""


class System:
    def __init__(self, folder, listens=True, algorithm="ecdsa-p256", **sshd):
        let_through(folder)
        self.travelled = folder / "travelled"
        self.travelled.mkdir()
        listener = folder / "listener"
        listener.write_text(LISTENER.format(folder=shlex.quote(str(self.travelled))))
        listener.chmod(0o755)
        self.old, self.new = Authority("Old Root"), Authority("New Root")
        settings = [f"ForceCommand {listener}"] if listens else []
        self.host = SSHServer(folder / "host", settings=settings, **sshd).start()
        self.server = Nginx(folder / "nginx", self.old).start()
        self.keys = [self.key()]
        self.before = (self.everything(), self.server.served())
        component = self.server.component(
            key={"algorithm": algorithm, "made": "on-target"}, target=self.host.target())
        self.console = Console(folder / "console", components=[component]).start().set_up()
        self.client = self.console.client
        self.root = steps.import_root(self.client, self.new)

    def key(self):
        return (self.server.folder / "server.key").read_bytes()

    def everything(self):
        """The files of the update, and whatever an update has left beside them."""
        return self.server.files(), {path.name: path.read_bytes() for path in self.server.folder.glob(".*")}

    def start(self):
        self.update = steps.start(self.client, steps.make_plan(self.client, self.root))

    def wait(self, standing):
        return steps.wait_for(self.client, self.update, standing)

    def decide(self, decision):
        answer = steps.decide(self.client, self.update, decision)
        assert answer.status == 303, answer.text

    def expect_new(self):
        served = x509.load_pem_x509_certificate(self.server.served().encode())
        served.verify_directly_issued_by(self.new.certificate)
        assert served == x509.load_pem_x509_certificate((self.server.folder / "server.pem").read_bytes())
        key = serialization.load_pem_private_key(self.key(), None)
        assert key.public_key().public_bytes(*PUBLIC) == served.public_key().public_bytes(*PUBLIC)
        self.keys.append(self.key())

    def stop(self):
        self.console.stop(signal.SIGKILL)
        self.server.stop()
        self.host.stop()


@pytest.fixture
def make(tmp_path):
    made = []

    def system(**options):
        made.append(System(tmp_path, **options))
        return made[-1]

    yield system
    for system in made:
        system.stop()


def traces(pem):
    """What would tell that a key was there: its text, its bytes, and both in base64, wherever that begins."""
    key = serialization.load_pem_private_key(pem, None)
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    inner = b"".join(line for line in pem.splitlines() if not line.startswith(b"-"))
    again = [base64.b64encode(pem[40 + shift :])[:60] for shift in range(3)]
    return [secret, secret.hex().encode(), inner[:64], pem.splitlines()[1], *again]


def test_an_update_its_abort_and_a_second_update_leave_the_keys_where_they_are(make):
    system = make()
    system.start()
    system.wait("completed")
    system.expect_new()
    former = system.server.folder / ".server.key.reroot-previous"
    assert former.read_bytes() == system.keys[0] and former.stat().st_mode & 0o777 == 0o600
    system.decide("abort")
    system.wait("rolledBack")
    assert (system.everything(), system.server.served()) == system.before
    system.start()
    system.wait("completed")
    system.expect_new()
    assert len(set(system.keys)) == 3

    sessions = [path.read_bytes().replace(b"\n", b"") for path in system.travelled.iterdir()]
    kept = [path.read_bytes() for path in system.console.folder.rglob("*") if path.is_file()]
    # That the listener hears what travels, and that the database is among the files, is shown by what must be there.
    sent = (system.server.folder / "server.pem").read_bytes().splitlines()[1]
    assert any(sent in part for part in sessions)
    assert any(part.startswith(b"SQLite format 3") for part in kept)
    for key in system.keys:
        for trace in traces(key):
            assert not any(trace in part for part in sessions), trace
            assert not any(trace in part for part in kept), trace


def test_a_waiting_key_is_found_again_after_the_console_was_killed(make):
    system = make(listens=False, algorithm="ed25519")
    plan = steps.make_plan(system.client, system.root)
    mend = break_reload(system.server)
    system.update = steps.start(system.client, plan)
    system.wait("deciding")
    key = (system.server.folder / ".server.key.reroot-next").read_bytes()
    system.console.stop(signal.SIGKILL)
    system.console.start()
    system.client = system.console.client
    system.console.sign_in()
    mend()
    system.decide("retry")
    system.wait("completed")
    system.expect_new()
    assert system.key() == key


def test_a_host_without_openssl_is_told_of_in_the_plan(make, tmp_path):
    system = make(listens=False, inside=busybox_only(tmp_path))
    page = html.unescape(steps.make_plan(system.client, system.root).text)
    assert "The program openssl is missing, which has to make and look at the component's key there." in page
    assert (system.everything(), system.server.served()) == system.before
