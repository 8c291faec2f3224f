"""A root whose key stays in a hardware module (SoftHSM2): import, what can go wrong, and a whole update."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import update as steps
from authority import Authority
from commandline import CommandLine
from console import Console
from program import Program
from servers import Nginx, let_through, wait_until
from softhsm import LIBRARY, PIN, SPY, SoftHSM

HANGING = pathlib.Path(__file__).resolve().parents[1] / "Support" / "hangingmodule.c"
OLD = Authority("Old Root")
TOKEN = "Root CA"
ADDRESS = "pkcs11:token=Root%20CA;object=root-key"
KEYS = {
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
}


class System:
    """A console that may load SoftHSM2, and a token with the key of a root."""

    def __init__(self, folder, monkeypatch, key=None, library=LIBRARY, options=()):
        let_through(folder)
        self.folder = folder
        self.library = library
        self.root = Authority("Module Root", key=key or KEYS["P-256"]())
        self.module = SoftHSM(folder / "softhsm").make_token(TOKEN)
        self.module.put(TOKEN, "root-key", self.root.key)
        for name, value in self.module.environment.items():
            monkeypatch.setenv(name, value)
        self.nginx = None
        self.options = ["--pkcs11-module", library, *options]
        self.console = None

    def begin(self, server=False, components=()):
        self.nginx = Nginx(self.folder / "nginx", OLD).start() if server else None
        components = [self.nginx.component()] if server else list(components)
        self.console = Console(self.folder / "console", *self.options, components=components).start().set_up()
        self.client = self.console.client
        return self

    def add(self, certificate=None, **changes):
        """Fills the form; returns the page that follows."""
        form = self.client.get("/roots/module").form("/roots/module")
        fields = {**form["fields"], "name": "Module Root", "library": self.library, "uri": ADDRESS, "pin": PIN, **changes}
        files = [("file", "root.pem", certificate or self.root.pem)]
        return self.client.upload(form["action"], fields, files)

    def give_pin(self, path, pin):
        form = self.client.get(f"{path}/pin").form(f"{path}/pin")
        return self.client.post(form["action"], {**form["fields"], "pin": pin})

    def stop(self):
        if self.console:
            self.console.stop(signal.SIGKILL)
        if self.nginx:
            self.nginx.stop()


@pytest.fixture
def make(tmp_path, monkeypatch):
    made = []

    def system(**options):
        made.append(System(tmp_path, monkeypatch, **options))
        return made[-1]

    yield system
    for one in made:
        one.stop()


def secret_forms(key):
    """The private numbers of a key as they stand in DER, and the lines of its PEM that tell it from others."""
    numbers = key.private_numbers()
    secrets = [numbers.d, numbers.p, numbers.q] if isinstance(key, rsa.RSAPrivateKey) else [numbers.private_value]
    return [number.to_bytes((number.bit_length() + 7) // 8, "big") for number in secrets]


@pytest.mark.parametrize("kind", ["RSA", "P-256"])
def test_a_whole_update_is_signed_in_the_module(make, kind):
    system = make(key=KEYS[kind]()).begin(server=True)
    page = system.add()
    assert page.status == 200 and "stays in the hardware module Root CA" in page.text, page.text
    root = system.client.location
    plan = steps.make_plan(system.client, root)
    assert "signed in the hardware module Root CA" in plan.text, plan.text
    update = steps.start(system.client, plan)
    steps.wait_for_end(system.client, update, "completed")
    served = x509.load_pem_x509_certificate(system.nginx.served().encode())
    served.verify_directly_issued_by(system.root.certificate)
    # The program has never seen the key: it is nowhere in the folder, and what is there signs nothing without the token.
    searched = 0
    for path in (system.folder / "console").rglob("*"):
        if path.is_file():
            searched += 1
            content = path.read_bytes()
            assert not any(form in content for form in [*secret_forms(system.root.key), PIN.encode()]), path
    assert searched >= 3
    system.module.remove()
    plan = steps.make_plan(system.client, root)
    assert "has no token “Root CA”" in plan.text


def test_a_program_imports_it_and_gives_another_pin(make):
    system = make().begin()
    program = Program(system.client)
    fields = {"name": "Module Root", "library": system.library, "uri": ADDRESS, "pin": "000000"}
    status, answer = program.upload("/module-roots", fields, {"file": system.root.pem})
    assert status == 422 and answer["errors"][0]["pointer"] == "/pin", answer
    assert answer["code"] == "TOKEN_PIN_WRONG", answer
    status, answer = program.upload("/module-roots", fields | {"pin": PIN}, {"file": system.root.pem})
    assert status == 201 and answer["keyPlace"] == "hardwareModule", answer
    path = f"/roots/{answer['id']}/pin"
    status, answer = program.send("PUT", path, {"pin": "000000"})
    assert status == 422 and answer["errors"][0]["pointer"] == "/pin", answer
    assert program.send("PUT", path, {"pin": PIN}) == (204, None)
    events = [json.loads(line).get("event") for line in system.client.get("/audit/export.jsonl").text.splitlines()]
    assert events.count("root.refused") == 2 and events.count("root.pin") == 1, events


def test_a_script_imports_it_and_gives_another_pin(make):
    system = make().begin()
    reroot = CommandLine(system.folder, system.console)
    file = system.folder / "module-root.pem"
    file.write_bytes(system.root.pem)
    words = ["roots", "import-module", file, "--name", "Module Root", "--library", system.library, "--uri", ADDRESS]
    refused = reroot.run(*words, input="000000\n", status="refused")
    assert "PIN" in refused.stderr and PIN not in refused.stderr
    assert reroot.run(*words, input=PIN + "\n").stdout == "Imported “Module Root”, number 1.\n"
    pin = system.folder / "pin"
    pin.touch(mode=0o600)
    pin.write_text(PIN)
    reroot.run("roots", "change-pin", "Module Root", "--pin-file", "-", input="000000", status="refused")
    changed = reroot.run("roots", "change-pin", "Module Root", "--pin-file", pin)
    assert changed.stdout == "“Module Root” has another PIN.\n"


def test_a_key_on_a_longer_curve_signs_too(make):
    system = make(key=KEYS["P-384"]()).begin()
    assert "stays in the hardware module" in system.add().text


def test_what_can_be_wrong_is_said_in_a_sentence_at_its_field_and_stores_nothing(make):
    system = make().begin()
    other = Authority("Another Root")
    rows = [
        ({"uri": "pkcs11:token=Elsewhere;object=root-key"}, "uri", "has no token “Elsewhere”, only “Root CA”"),
        ({"uri": "pkcs11:token=Root%20CA;object=none"}, "uri", "has no private key of this address"),
        ({"uri": "pkcs11:object=root-key"}, "uri", "names no token"),
        ({"uri": f"{ADDRESS}?pin-value={PIN}"}, "uri", "It holds the PIN"),
        ({"uri": f"{ADDRESS}?module-path=/tmp/x.so"}, "uri", "chosen in its own field"),
        ({"library": "/tmp/evil.so"}, "library", "Choose one of the hardware modules"),
        ({"pin": ""}, "pin", "Type the PIN"),
        ({"certificate": other.pem}, "file", "is another one than that of the certificate"),
        ({"certificate": b"nothing"}, "file", "certificate"),
    ]
    for changes, field, sentence in rows:
        page = system.add(**changes)
        assert page.status == 422, (changes, page.text)
        assert sentence in page.text and f'href="#{field}"' in page.text, (changes, page.text)
        assert PIN not in page.text, changes
    system.module.configure("slots.mechanisms = CKM_RSA_PKCS")
    assert "does not sign by CKM_ECDSA" in system.add().text
    system.module.configure()
    assert "No root certificate yet" in system.client.get("/roots").text
    system.add()
    assert "stays in the hardware module" in system.client.get("/roots/1").text


def logins(log):
    return len(re.findall(r"^\d+: C_Login$", log.read_text(errors="replace"), re.MULTILINE)) if log.exists() else 0


def test_a_refused_pin_is_tried_once_and_retry_works_with_a_new_one(make, monkeypatch):
    log = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"spy-{os.getpid()}.log"
    monkeypatch.setenv("PKCS11SPY", LIBRARY)
    monkeypatch.setenv("PKCS11SPY_OUTPUT", str(log))
    try:
        system = make(library=SPY).begin(server=True)
        before = logins(log)
        assert "refused the PIN" in system.add(pin="wrong-pin-1").text
        assert logins(log) == before + 1
        system.add()
        root = system.client.location
        plan = steps.make_plan(system.client, root)
        system.module.change_pin(TOKEN, PIN, "another-pin-22")
        before = logins(log)
        update = steps.start(system.client, plan)
        page = steps.wait_for_end(system.client, update, "deciding")
        assert any("refused the PIN" in sentence for _, sentence in steps.failures(page)), steps.failures(page)
        assert logins(log) == before + 1
        # Retry does not try it again: it is forgotten.
        assert steps.decide(system.client, update, "retry").status == 303
        page = steps.wait_for_end(system.client, update, "deciding")
        assert any("not known any more" in sentence for _, sentence in steps.failures(page)), steps.failures(page)
        assert logins(log) == before + 1
        assert "refused the PIN" in system.give_pin(root, "wrong-pin-2").text
        assert "The PIN is kept, sealed" in system.give_pin(root, "another-pin-22").text
        assert steps.decide(system.client, update, "retry").status == 303
        steps.wait_for_end(system.client, update, "completed")
    finally:
        log.unlink(missing_ok=True)


@pytest.mark.parametrize("what, sentence", [
    ("for (;;) pause();", "has not answered within 1 second"),
    ("abort();", "ended its process without an answer"),
    ("return 5;", "C_GetFunctionList failed"),
])
def test_a_module_that_hangs_or_crashes_costs_nobody_else_anything(make, tmp_path, what, sentence):
    source = tmp_path / "bad.c"
    source.write_text(
        "#include <stdlib.h>\n#include <unistd.h>\nunsigned long C_GetFunctionList(void **list) { (void)list; " + what + " }\n"
    )
    library = compiled(source, tmp_path)
    system = make(library=str(library), options=["--pkcs11-time-limit", "1"]).begin()
    began = time.monotonic()
    page = system.add()
    assert page.status == 422 and sentence in page.text, page.text
    assert time.monotonic() - began < 15
    assert system.client.get("/roots").status == 200
    # Nothing of it is left running.
    assert workers(system) == []


def test_a_module_that_hangs_does_not_outlive_the_console_however_that_ends(hanging):
    hanging.begin()
    hanging.add()
    root = hanging.client.location

    def ask():
        with contextlib.suppress(OSError, http.client.HTTPException):
            hanging.give_pin(root, PIN)

    hanging.hold.touch()
    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: workers(hanging), "a module that hangs")
    (worker,) = workers(hanging)
    hanging.console.stop(signal.SIGKILL)
    asking.join()
    wait_until(lambda: is_gone(worker), "its end", 10)


def is_gone(path):
    """Whether there is no such process, or only its number until somebody asks for its end."""
    try:
        return path.read_bytes() == b""
    except OSError:
        return True


def compiled(source, folder):
    """A module from its source."""
    library = folder / f"{source.stem}.so"
    compiler = shutil.which("cc") or shutil.which("clang")
    subprocess.run([compiler, "-Wall", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    return library


def workers(system):
    """The processes in which the console lets a module sign now."""
    parent = system.console.process.pid
    return [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if is_worker(path, parent)]


def is_worker(path, parent):
    try:
        fields = (path.parent / "stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[1]) == parent and b"module-worker" in path.read_bytes()
    except OSError:
        return False


@pytest.fixture
def hanging(make, tmp_path, monkeypatch):
    """A system whose module hangs in a signature for as long as the file `hold` is there."""
    hold, begun = tmp_path / "hold", tmp_path / "begun"
    for name, value in {"BEHIND": LIBRARY, "HOLD": hold, "BEGUN": begun}.items():
        monkeypatch.setenv(f"HANGING_{name}", str(value))
    system = make(library=str(compiled(HANGING, tmp_path)), options=["--pkcs11-time-limit", "120"])
    system.hold, system.begun = hold, begun
    yield system
    hold.unlink(missing_ok=True)


@pytest.mark.parametrize("where", ["for a component", "to show that it is trusted"])
def test_abort_is_answered_at_once_while_the_module_hangs_in_a_signature(hanging, tmp_path, where):
    near, far = servers = [Nginx(tmp_path / name, OLD).start() for name in ["near", "far"]]
    try:
        # By its first activation a component has the trust bundle, and is then asked whether it accepts the new root.
        hold = "" if where == "for a component" else f"[ -e {hanging.begun} ] || echo > {hanging.hold}; "
        command = ["/bin/sh", "-c", f"{hold}kill -HUP $(head -n 1 {near.pid_file})"]
        hanging.begin(components=[
            near.component(name="near", activation={"command": command, "time_limit": 10}), far.component(name="far"),
        ])
        hanging.add()
        root = hanging.client.location
        plan = steps.make_plan(hanging.client, root)
        before = [(server.files(), server.served()) for server in servers]
        if not hold:
            hanging.hold.touch()
        update = steps.start(hanging.client, plan)
        wait_until(hanging.begun.exists, "a signature that hangs")
        steps.abort_at_once(hanging.client, update)
        steps.wait_for_end(hanging.client, update, "rolledBack")
        assert [(server.files(), server.served()) for server in servers] == before
        # Nothing is left that would sign once the module goes on.
        wait_until(lambda: not workers(hanging), "the end of the process that hangs")
        hanging.hold.unlink()
        assert [(server.files(), server.served()) for server in servers] == before
        assert steps.standing(hanging.client, update) == "rolledBack"
        update = steps.start(hanging.client, steps.make_plan(hanging.client, root))
        steps.wait_for_end(hanging.client, update, "completed")
    finally:
        for server in servers:
            server.stop()


def test_without_the_option_there_is_no_form(make):
    system = make()
    system.options = []
    system.begin()
    assert system.client.get("/roots/module").status == 404
    assert "hardware module" not in system.client.get("/roots").text
