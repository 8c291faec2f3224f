"""A component keeps its key to itself: it is made beside the key file, and only a signing request travels."""
import contextlib
import html
import pathlib
import shutil
import signal
import sqlite3

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import update as steps
from authority import Authority
from console import Console
from servers import Nginx, let_through

PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class System:
    def __init__(self, folder):
        self.old, self.new = Authority("Old Root"), Authority("New Root")
        self.server = Nginx(folder / "nginx", self.old).start()
        self.before = (self.everything(), self.server.served())
        component = self.server.component(key={"algorithm": "ecdsa-p384", "made": "on-target"})
        self.console = Console(folder / "console", components=[component]).start().set_up()
        self.client = self.console.client
        self.root = steps.import_root(self.client, self.new)

    def everything(self):
        """The files of the update, and whatever an update has left beside them."""
        beside = {path.name: path.read_bytes() for path in self.server.folder.glob(".*")}
        return self.server.files(), beside

    @property
    def waiting(self):
        return self.server.folder / ".server.key.reroot-next"

    def start(self):
        self.update = steps.start(self.client, steps.make_plan(self.client, self.root))
        return self.update

    def decide(self, decision):
        answer = steps.decide(self.client, self.update, decision)
        assert answer.status == 303, answer.text

    def expect_new(self):
        served = x509.load_pem_x509_certificate(self.server.served().encode())
        served.verify_directly_issued_by(self.new.certificate)
        assert served == x509.load_pem_x509_certificate((self.server.folder / "server.pem").read_bytes())
        key = serialization.load_pem_private_key((self.server.folder / "server.key").read_bytes(), None)
        assert key.public_key().public_bytes(*PUBLIC) == served.public_key().public_bytes(*PUBLIC)
        assert key.curve.name == "secp384r1"
        return served

    def rows(self, query):
        """What the console's database says at this moment."""
        copy = self.console.folder / "copy"
        shutil.copytree(self.console.folder / "data", copy, dirs_exist_ok=True)
        (file,) = [path for path in copy.iterdir() if path.read_bytes()[:15] == b"SQLite format 3"]
        with contextlib.closing(sqlite3.connect(file)) as database:
            return database.execute(query).fetchall()

    def restart(self):
        self.console.stop(signal.SIGKILL)
        self.console.start()
        self.client = self.console.client
        self.console.sign_in()

    def stop(self):
        self.console.stop(signal.SIGKILL)
        self.server.stop()


@pytest.fixture
def system(tmp_path):
    let_through(tmp_path)
    made = System(tmp_path)
    yield made
    made.stop()


def break_reload(server):
    """The server's pid file names nobody, so that it cannot be told to reload."""
    text = server.pid_file.read_text()
    server.pid_file.write_text("999999\n")
    return lambda: server.pid_file.write_text(text)


def test_the_key_is_made_at_the_component_and_no_copy_of_it_or_of_the_former_one_is_kept(system):
    plan = steps.make_plan(system.client, system.root)
    text = html.unescape(plan.text)
    assert "its key stays at the component" in text.lower() and ".server.key.reroot-previous" in text
    system.update = steps.start(system.client, plan)
    steps.wait_for(system.client, system.update, "completed")
    system.expect_new()
    assert system.rows("SELECT count(*), count(sealed_key), count(certificate) FROM issuances WHERE component IS NOT NULL") == [(1, 0, 1)]
    kept = dict(system.rows("SELECT file, sealed_content IS NULL FROM kept_files"))
    assert {pathlib.Path(name.split('"path":"')[1].split('"')[0].replace("\\/", "/")).name: gone for name, gone in kept.items()} == {
        "server.pem": 0, "server.key": 1, "roots.pem": 0,
    }
    former = system.server.folder / ".server.key.reroot-previous"
    assert former.read_bytes() == system.before[0][0]["server.key"][0] and former.stat().st_mode & 0o777 == 0o600
    assert not system.waiting.exists()


def test_abort_puts_the_former_key_back_from_beside_the_new_one(system):
    system.start()
    steps.wait_for(system.client, system.update, "completed")
    system.decide("abort")
    steps.wait_for(system.client, system.update, "rolledBack")
    assert (system.everything(), system.server.served()) == system.before


def test_a_second_update_makes_another_key_and_abort_returns_to_the_first_one(system):
    system.start()
    steps.wait_for(system.client, system.update, "completed")
    between = (system.server.files(), system.server.served())
    system.start()
    steps.wait_for(system.client, system.update, "completed")
    assert system.server.files()["server.key"] != between[0]["server.key"]
    system.decide("abort")
    steps.wait_for(system.client, system.update, "rolledBack")
    assert (system.server.files(), system.server.served()) == between


def test_killed_between_making_and_deploying_the_waiting_key_is_found_again_and_nothing_is_issued_twice(system):
    plan = steps.make_plan(system.client, system.root)
    mend = break_reload(system.server)
    system.update = steps.start(system.client, plan)
    steps.wait_for(system.client, system.update, "deciding")
    key = system.waiting.read_bytes()
    system.restart()
    mend()
    system.decide("retry")
    steps.wait_for(system.client, system.update, "completed")
    system.expect_new()
    assert (system.server.folder / "server.key").read_bytes() == key
    assert system.rows("SELECT count(*) FROM issuances WHERE component IS NOT NULL") == [(1,)]


def test_a_waiting_key_that_is_lost_is_made_again_with_a_certificate_of_its_own(system):
    plan = steps.make_plan(system.client, system.root)
    mend = break_reload(system.server)
    system.update = steps.start(system.client, plan)
    steps.wait_for(system.client, system.update, "deciding")
    system.waiting.unlink()
    mend()
    system.decide("retry")
    page = steps.wait_for(system.client, system.update, "completed")
    served = system.expect_new()
    assert "it was made again" in html.unescape(page.text)
    serials = [serial for (serial,) in system.rows("SELECT serial FROM issuances WHERE component IS NOT NULL ORDER BY id")]
    assert len(serials) == 2 and int(serials[1], 16) == served.serial_number
