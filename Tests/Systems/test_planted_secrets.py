"""Goes through everything with planted passwords, PINs, codes and keys, and looks for them wherever they must not be."""
import base64
import re
import shutil
import signal
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

import authenticator
import console as consoles
import update as steps
from authority import Authority
from console import Console
from keystore import KeyStore
from planted import Planted
from recorder import Events, Recorder, visit_everything
from servers import Nginx, let_through, wait_until
from softhsm import LIBRARY, PIN, SoftHSM
from sshd import SSHServer

# Every program that the server starts, with all of its arguments and its environment, is written down by the kernel's own
# account of it: nothing is too short-lived to be seen.
TRACED = """#!/bin/sh
ulimit -c 4096
exec strace -D -f -qq --seccomp-bpf -e trace=execve -e signal=none -v -s 1000000 -o {log} {program} "$@"
"""


class System:
    def __init__(self, folder, monkeypatch):
        let_through(folder)
        self.folder = folder
        self.planted = Planted()
        self.password = self.planted.text("administrator's password", "Pl4nted adm1n pass zebra")
        self.pfx = self.planted.text("PFX password", "Pl4nted-pfx+pass okapi")
        self.planted.text("PIN", PIN)
        monkeypatch.setattr(consoles, "PASSWORD", self.password)
        monkeypatch.setattr(steps, "PFX_PASSWORD", self.pfx)
        self.old = Authority("Old Root")
        self.servers = [Nginx(folder / f"nginx{number}", self.old).start() for number in range(2)]
        for number, server in enumerate(self.servers):
            self.planted.key(f"first key of nginx{number}", load(server.folder / "server.key"))
        self.host = SSHServer(folder / "host").start()
        self.module = SoftHSM(folder / "softhsm").make_token("Token")
        for name, value in self.module.environment.items():
            monkeypatch.setenv(name, value)
        self.trace = folder / "programs.log"
        traced = folder / "traced"
        traced.write_text(TRACED.format(log=self.trace, program=consoles.PROGRAM))
        traced.chmod(0o755)
        self.program = consoles.PROGRAM
        monkeypatch.setattr(consoles, "PROGRAM", str(traced))
        monkeypatch.setattr(consoles, "Client", Recorder)
        Recorder.answers = []
        self.streams = []
        self.store = KeyStore(folder / "store", self.old, self.planted.text("store password", "Pl4nted-store-quagga"))
        self.planted.key("first key of the store", self.store.key())
        components = [
            self.servers[0].component(name="local"),
            self.servers[1].component(name="far", stage=2, target=self.host.target()),
            # It says what nobody should say, and fails until it is let be.
            self.store.component(
                stage=3,
                activation={
                    "command": [
                        "/bin/sh", "-c",
                        f"cat {self.servers[0].folder}/server.key; echo core limit: $(ulimit -c); test -e {folder}/mended",
                    ],
                    # The master key as it stands, in large letters, in base64 and in short lines, which the plan shows.
                    "check": [
                        "/bin/sh", "-c",
                        f"k={folder}/console/data/master.key; tail -n 1 $k; tail -n 1 $k | tr a-f A-F; base64 $k; fold -w 20 $k; "
                        f"test -e {folder}/checked",
                    ],
                },
            ),
        ]
        options = ["--log-level", "trace", "--pkcs11-module", LIBRARY]
        self.console = Console(folder / "console", *options, components=components)

    def stop(self):
        self.console.stop(signal.SIGKILL)
        for stream in self.streams:
            stream.stop()
        for part in [*self.servers, self.host]:
            part.stop()


def load(path):
    return serialization.load_pem_private_key(path.read_bytes(), None)


@pytest.fixture
def system(tmp_path, monkeypatch):
    made = System(tmp_path, monkeypatch)
    yield made
    made.stop()


def sign_in_badly(system):
    """A password that is typed wrongly is a password almost."""
    client = Recorder(system.console.port)
    wrong = system.planted.text("mistyped password", "Pl4nted mistyped gnu")
    form = client.get("/sign-in").form("/sign-in.*")
    assert client.post("/sign-in", {**form["fields"], "name": "ada", "password": wrong}).status != 200


def set_up_second_factor(system, client):
    """The secret and the recovery codes are shown once each, on the pages that are for that."""
    app, page = authenticator.begin(client, system.password)
    system.planted.random("secret of the second factor", app.key)
    shown_once(f"secret={app.secret}")
    form = page.form("/account/second-factor/secret")
    assert client.post(form["action"], {**form["fields"], "code": "000000"}).status == 422
    shown_once(f"secret={app.secret}")
    codes = authenticator.confirm(client, page, app)
    for number, code in enumerate(codes):
        plant_code(system.planted, f"recovery code {number}", code)
    shown_once(codes[0])
    return codes


def shown_once(text):
    """Takes the last answer off the list: it is the one that shows the text."""
    _, _, answer = Recorder.answers.pop()
    assert text.encode() in answer


def plant_code(planted, name, code):
    """As it is shown, and as it is read."""
    planted.text(name, code)
    planted.text(f"{name} without hyphens", code.replace("-", ""))


def sign_in_by_code(system, codes):
    """A browser without the phone: a recovery code that is mistyped, and one that is right."""
    client = Recorder(system.console.port)
    form = client.get("/sign-in").form("/sign-in")
    page = client.post("/sign-in", {**form["fields"], "name": "ada", "password": system.password})
    wrong = codes[0][:-1] + ("2" if codes[0][-1] != "2" else "3")
    plant_code(system.planted, "mistyped recovery code", wrong)
    for code, status in [(wrong, 422), (codes[1], 200)]:
        form = page.form("/sign-in/code")
        page = client.post(form["action"], {**form["fields"], "code": code})
        assert page.status == status, page.text
    assert "9 are left" in page.text


def import_roots(system, client):
    """A root with a wrong password and the right one, one in a hardware module with a wrong PIN and the right one."""
    root = system.root = Authority("New Root")
    system.planted.key("root's key", root.key)
    form = client.get("/roots/import").form("/roots/import")
    wrong = system.planted.text("wrong PFX password", "Pl4nted-wrong-pfx ibex")
    files = [("file", "root.pfx", root.pfx(system.pfx))]
    assert client.upload(form["action"], {**form["fields"], "password": wrong}, files).status == 422
    path = steps.import_root(client, root)
    module_root = Authority("Module Root")
    system.planted.key("module root's key", module_root.key)
    system.module.put("Token", "key", module_root.key)
    wrong = system.planted.text("wrong PIN", "Pl4nted-wrong-pin")
    for pin, status in [(wrong, 422), (PIN, 200)]:
        form = client.get("/roots/module").form("/roots/module")
        fields = {**form["fields"], "name": "Module", "library": LIBRARY, "uri": "pkcs11:token=Token;object=key", "pin": pin}
        page = client.upload(form["action"], fields, [("file", "root.pem", module_root.pem)])
        assert page.status == status, page.text
    return path


def add_server_certificates(system, client):
    """One as a PFX file, with a wrong password and the right one, and one as a pair of PEM files."""
    folder = system.folder / "given"
    certificate = system.root.issue(["console.example"], folder)
    key = system.planted.key("server certificate's key", load(folder / "server.key"))
    encryption = serialization.BestAvailableEncryption(system.pfx.encode())
    pfx = pkcs12.serialize_key_and_certificates(b"s", key, certificate, None, encryption)
    for password, status in [("Pl4nted-wrong-pfx ibex", 422), (system.pfx, 200)]:
        form = client.get("/trust-store/certificates/add").form("/trust-store/certificates/add")
        page = client.upload(form["action"], {**form["fields"], "name": "PFX", "password": password}, [("file", "s.pfx", pfx)])
        assert page.status == status, page.text
    form = client.get("/trust-store/certificates/add").form("/trust-store/certificates/add")
    files = [(name, f"s.{name}", (folder / f"server.{end}").read_bytes()) for name, end in [("certificate", "pem"), ("key", "key")]]
    assert client.upload(form["action"], {**form["fields"], "name": "PEM"}, files).status == 200
    # A key where a certificate belongs, and the other way round: the refusals must not repeat what was sent.
    files = [("certificate", "s.pem", (folder / "server.key").read_bytes()), ("key", "s.key", (folder / "server.pem").read_bytes())]
    assert client.upload(form["action"], {**form["fields"], "name": "Other"}, files).status == 422
    shutil.rmtree(folder)


def set_up_notifications(system, client):
    """A webhook and a mail server, whose certificates nobody trusts: first with what is no secret, then a test of each."""
    secret = system.planted.random("key of the webhook", bytes(range(100, 132)))
    written = system.planted.text("secret of the webhook", "whsec_" + base64.b64encode(secret).decode())
    password = system.planted.text("password of the mail server", 'Pl4nted mail "pass" gaur')
    wrong = system.planted.text("mistyped secret of the webhook", "Pl4nted whsec nyala")
    port = system.servers[0].port
    for given, status in [(wrong, 422), (written, 200)]:
        form = client.get("/settings/notifications").form("/settings/notifications")
        fields = {
            "notify_webhook": f"https://127.0.0.1:{port}/hook", "notify_webhook_secret": given,
            "notify_email_to": "ada@example.net", "notify_smtp": f"smtps://127.0.0.1:{port}", "notify_smtp_user": "reroot",
            "notify_smtp_password": password,
        }
        assert client.post(form["action"], {**form["fields"], **fields}).status == status
    for channel in ["webhook", "email"]:
        form = client.get("/settings/notifications").form("/settings/notifications/tests", channel=channel)
        page = client.post(form["action"], form["fields"])
        assert page.status == 200 and "curl: (60)" in page.text, page.text


def listen(system, client, update):
    stream = Events(client, f"{update}/events", system.folder / f"events-{len(system.streams)}")
    system.streams.append(stream)


def run_updates(system, client, path):
    """A failing update that is retried in vain and taken back, and one that succeeds when it is retried."""
    plan = steps.make_plan(client, path, https="issue")
    assert plan.text.count("[master key left out]") > 0 and "refuses its configuration" in plan.text
    (system.folder / "checked").touch()
    update = steps.start(client, plan, in_spite_of_problems=True)
    listen(system, client, update)
    for decision in ["retry", "abort"]:
        page = steps.wait_for_end(client, update, "deciding")
        assert "PRIVATE KEY" not in page.text
        # What a command starts may dump as before: only Reroot itself may not.
        assert "core limit: 4096" in page.text
        assert steps.decide(client, update, decision).status == 303
    # Putting back is activated as well, and fails as well.
    steps.wait_for_end(client, update, "deciding")
    (system.folder / "mended").touch()
    assert steps.decide(client, update, "retry").status == 303
    steps.wait_for_end(client, update, "rolledBack")
    (system.folder / "mended").unlink()
    update = steps.start(client, steps.make_plan(client, path), in_spite_of_problems=True)
    listen(system, client, update)
    steps.wait_for_end(client, update, "deciding")
    (system.folder / "mended").touch()
    assert steps.decide(client, update, "retry").status == 303
    steps.wait_for_end(client, update, "completed")


def search_folder(system, folder):
    """Every file that is left, but for the components' own keys and what the test itself wrote."""
    own = {
        **{server.folder / "server.key": None for server in system.servers},
        system.store.folder / "password": None, system.trace: None,
    }
    excluded = [system.module.folder, system.folder / "host"]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in own and not any(parent in excluded for parent in path.parents):
            system.planted.search(path.read_bytes(), path.relative_to(system.folder))


@pytest.mark.plain
def test_no_planted_secret_is_found_anywhere(system):
    planted = system.planted
    system.console.start().set_up()
    client = system.console.client
    sign_in_badly(system)
    sign_in_by_code(system, set_up_second_factor(system, client))
    path = import_roots(system, client)
    add_server_certificates(system, client)
    set_up_notifications(system, client)
    run_updates(system, client, path)
    visit_everything(client)
    client.get("/nowhere")
    client.post("/roots/import", {"password": "x"})
    backup(system)
    for number, server in enumerate(system.servers):
        planted.key(f"new key of nginx{number}", load(server.folder / "server.key"))
    master_key = (system.console.folder / "data" / "master.key").read_text().split("\n")[1]
    planted.text("master key", master_key)
    planted.text("master key in large letters", master_key.upper())
    planted.text("a part of the master key", master_key[:20])
    # While it runs, with the write-ahead log; the master key's own file is what opens it.
    snapshot = system.folder / "running"
    shutil.copytree(system.console.folder / "data", snapshot, ignore=shutil.ignore_patterns("master.key", "*.lock"))
    assert any(path.name.endswith("-wal") and path.stat().st_size for path in snapshot.iterdir())
    system.console.stop()
    (system.console.folder / "data" / "master.key").unlink()

    for what, _, answer in Recorder.answers:
        planted.search(answer, what)
    planted.search(system.console.text().encode(), "the log")
    assert "root.imported" in system.console.text()
    for stream in system.streams:
        stream.stop()
        assert stream.file.stat().st_size > 1000
    wait_until(lambda: b"execve" in system.trace.read_bytes(), "the record of started programs")
    programs = system.trace.read_bytes().split(b"\n")
    started = [line for line in programs if b"execve(" in line]
    for program in [b"/ssh", b"module-worker", b"/curl"]:
        assert any(program in line for line in started), program
    for line in started:
        planted.search(line, "arguments and environment of " + line[:120].decode(errors="replace"))
    search_folder(system, system.folder)
    print(
        f"figure: secrets planted: {len(planted.forms)}, forms of them: {sum(map(len, planted.forms.values()))}, places searched: "
        f"{planted.places} ({planted.bytes >> 20} MiB), programs started: {len(started)}, hits: {len(planted.hits)}"
    )
    assert planted.hits == []
    expect_search_finds(planted)


def backup(system):
    """Makes a backup of the running server; it stays in the folder that is searched."""
    file = system.folder / "reroot.backup"
    words = [system.program, "backup", str(file), "--data", str(system.console.folder / "data")]
    passphrase = system.planted.text("passphrase of the backup", "Pl4nted backup words gnu")
    done = subprocess.run(words, input=f"{passphrase}\n".encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    system.planted.search(done.stdout + done.stderr, "what the backup says")


def expect_search_finds(planted):
    """The search itself: each secret is found in each of its forms, in the middle of something else."""
    for name, forms in planted.forms.items():
        for form in forms:
            before = len(planted.hits)
            planted.search(b"before " + form + b" behind", "a trial")
            assert len(planted.hits) > before, (name, form)
