"""What is left of keys and passwords in the memory of the running server, and that no dump of it is made."""
import base64
import hashlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import time
import urllib.parse

import pytest
from cryptography.hazmat.primitives import serialization

import authenticator
import console as consoles
import memory
import planted
import update as steps
from authority import Authority
from console import Client, Console
from keystore import KeyStore
from program import Program
from servers import Nginx, let_through, wait_until

pytestmark = pytest.mark.plain

# Random, as much as they can be remembered: what tests of the same program type elsewhere is not taken for one of them.
SIGN_IN = "sign-in planted Qx7 ümlaut zebra"
OTHER = "other planted Lm2 pangolin 2026"
PFX = "pfx planted Wv3 giraffe 2026"
WRONG = "wrong planted Ty9 ocelot 2026"
STORE = "store-planted-Hd4-quagga-2026"
MAIL = 'mail planted Rb8 "gaur" 2026'
# No row of bytes, which stands in tables of characters.
HOOK = hashlib.sha256(b"webhook planted Zn1").digest()
PASSPHRASE = "master planted Kc5 narwhal 2026"


class Needles:
    """What is looked for, by its name: each secret in the forms in which a server that works with it may hold it."""

    def __init__(self):
        self.all = {}

    def text(self, name, secret):
        """A password or a code: as it is, as a form sends it, and as a PFX file wants it."""
        self.add(name, {secret.encode(), urllib.parse.quote_plus(secret).encode(), secret.encode("utf-16-be")})

    def bytes(self, name, secret):
        self.add(name, {secret, *planted.base64_forms(secret)})

    def key(self, name, key):
        """Its number as DER has it and as OpenSSL holds it, least significant byte first, and as PEM has it."""
        number = key.private_numbers().private_value
        self.bytes(name, number.to_bytes(32, "big"))
        self.add(f"{name}, reversed", {number.to_bytes(32, "little")})

    def add(self, name, forms):
        self.all |= {f"{name}, form {number}": form for number, form in enumerate(sorted(forms))}


@pytest.fixture
def needles():
    return Needles()


class System:
    """A console, its master key derived from a passphrase, with nginx and a key store with a password of its own."""

    def __init__(self, folder):
        old = Authority("Old Root")
        self.nginx = Nginx(folder / "nginx", old).start()
        self.store = KeyStore(folder / "store", old, STORE)
        activation = {"command": ["/bin/true"]}
        components = [self.nginx.component(), self.store.component(stage=2, activation=activation)]
        self.console = Console(folder / "console", components=components)
        self.console.passphrase = PASSPHRASE

    def keys(self):
        """The components' keys as they are in force now."""
        nginx = serialization.load_pem_private_key((self.nginx.folder / "server.key").read_bytes(), None)
        return {"nginx": nginx, "the store": self.store.key()}

    def stop(self):
        self.console.stop(signal.SIGKILL)
        self.nginx.stop()


@pytest.fixture
def system(tmp_path, monkeypatch):
    let_through(tmp_path)
    monkeypatch.setattr(consoles, "PASSWORD", SIGN_IN)
    monkeypatch.setattr(steps, "PFX_PASSWORD", PFX)
    made = System(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def client(system):
    return system.console.start().set_up().client


def import_root(client, needles):
    """Once with a password that is not the file's."""
    authority = Authority("Memory Root")
    form = client.get("/roots/import").form("/roots/import")
    files = [("file", "root.pfx", authority.pfx(PFX))]
    page = client.upload(form["action"], {**form["fields"], "password": WRONG}, files)
    assert page.status == 422, page.text
    needles.text("PFX password", PFX)
    needles.text("wrong password", WRONG)
    needles.key("root's key", authority.key)
    return steps.import_root(client, authority)


def add_server_certificate(client, folder, needles):
    Authority("Server").issue(["localhost"], folder)
    needles.key("server's key", serialization.load_pem_private_key((folder / "server.key").read_bytes(), None))
    form = client.get("/trust-store/certificates/add").form("/trust-store/certificates/add")
    ends = {"certificate": "pem", "key": "key"}
    files = [(name, f"server.{end}", (folder / f"server.{end}").read_bytes()) for name, end in ends.items()]
    page = client.upload(form["action"], {**form["fields"], "name": "Server"}, files)
    assert page.status == 200, page.text


def update_components(system, client, root, needles):
    """The keys that the update takes the place of are read and kept, too, so that Abort could put them back."""
    for name, key in system.keys().items():
        needles.key(f"first key of {name}", key)
    update = steps.start(client, steps.make_plan(client, root))
    steps.wait_for_end(client, update, "completed")
    for name, key in system.keys().items():
        needles.key(f"new key of {name}", key)
    needles.text("store password", STORE)


def use_second_factor(system, client, needles):
    """Sets it up, signs in by a code of the app, and by a recovery code. The secret stays, sealed, in the database."""
    app, page = authenticator.begin(client, SIGN_IN)
    codes = authenticator.confirm(client, page, app)
    needles.bytes("secret of the second factor", app.key)
    needles.text("secret of the second factor in base32", app.secret)
    for number, code in enumerate(codes):
        needles.text(f"recovery code {number}", code)
        needles.text(f"recovery code {number} without hyphens", code.replace("-", ""))
    for code in [app.code(), codes[0]]:
        browser = Client(system.console.port)
        form = browser.get("/sign-in").form("/sign-in")
        page = browser.post("/sign-in", {**form["fields"], "name": "ada", "password": SIGN_IN})
        form = page.form("/sign-in/code")
        assert browser.post("/sign-in/code", {**form["fields"], "code": code}).status == 200
    needles.text("sign-in password", SIGN_IN)


def use_token(client, needles):
    program = Program(client)
    assert program.send("GET", "/components")[0] == 200
    needles.text("token of the API", program.token)


def use_link(system, client, needles):
    """Somebody chooses a password over a link that works once."""
    form = client.get("/users/new").form("/users/new")
    page = client.post(form["action"], {**form["fields"], "name": "bea", "role": "viewer"})
    link = re.search(r'<code id="link">https://[^/]+(/password/[^<]+)</code>', page.text).group(1)
    browser = Client(system.console.port)
    form = browser.get(link).form("/password/.*")
    page = browser.post(form["action"], {**form["fields"], "password": OTHER, "password_again": OTHER})
    assert page.status == 200 and browser.location == "/sign-in", page.text
    assert browser.get(link).status == 404
    needles.text("link to choose a password", link.rsplit("/", 1)[1])
    needles.text("password that was chosen over a link", OTHER)


def send_notifications(system, client, needles):
    """A webhook and a mail server: the secrets are read again, and used, for each message."""
    written = "whsec_" + base64.b64encode(HOOK).decode()
    form = client.get("/settings/notifications").form("/settings/notifications")
    fields = {
        "notify_webhook": f"https://127.0.0.1:{system.nginx.port}/hook", "notify_webhook_secret": written,
        "notify_email_to": "ada@example.net", "notify_smtp": f"smtps://127.0.0.1:{system.nginx.port}",
        "notify_smtp_user": "reroot", "notify_smtp_password": MAIL,
    }
    assert client.post(form["action"], {**form["fields"], **fields}).status == 200
    for channel in ["webhook", "email"]:
        form = client.get("/settings/notifications").form("/settings/notifications/tests", channel=channel)
        page = client.post(form["action"], form["fields"])
        assert page.status == 200 and "curl: (60)" in page.text, page.text
    needles.bytes("secret of the webhook", HOOK)
    needles.text("secret of the webhook as it is written", written)
    needles.text("password of the mail server", MAIL)
    # As a mail server is told it.
    needles.bytes("credentials for the mail server", f"\0reroot\0{MAIL}".encode())


def search(console, needles):
    """Looks until nothing is left, or it stays: connections are closed, and threads rest, a moment after the last answer."""
    # What is certainly there, so that the search is seen to find.
    wanted = {**needles.all, "control": str(console.folder / "data").encode()}
    end = time.monotonic() + 10
    while True:
        hits, searched = memory.search(console.process.pid, wanted)
        left = {name: count for name, count in hits.items() if count and name != "control"}
        if not left or time.monotonic() > end:
            break
    assert hits["control"] > 0 and searched > 1 << 20
    return left, searched


# Not looked for is what a server that runs cannot be without: the master key itself, the key of the console's own HTTPS
# certificate, and the hashes of sessions, of tokens and of the sign-in names that failed.
def test_passwords_and_keys_are_gone_from_memory_once_they_have_done_their_work(system, client, needles, tmp_path):
    needles.text("passphrase of the master key", PASSPHRASE)
    root = import_root(client, needles)
    add_server_certificate(client, tmp_path / "server", needles)
    use_second_factor(system, client, needles)
    update_components(system, client, root, needles)
    use_token(client, needles)
    use_link(system, client, needles)
    send_notifications(system, client, needles)
    needles.text("session", client.cookies["__Host-reroot"])
    needles.text("link of the first start", re.search(r"/setup/(\S+)", system.console.text()).group(1))
    left, searched = search(system.console, needles)
    print(
        f"figure: memory searched: {searched >> 20} MiB, forms of secrets: {len(needles.all)}, hits: {sum(left.values())} "
        f"{left or ''}"
    )
    assert left == {}


def crash(words, number, folder, output, ready=lambda: None):
    """Lets a process crash where it may dump its memory; whether it did, and what it said."""

    def allow():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    with open(output, "wb") as said:
        process = subprocess.Popen(words, cwd=folder, preexec_fn=allow, stdout=said, stderr=said)
    ended = {}
    try:
        ready()
        process.send_signal(number)
        # Popen would throw away whether there was a dump.

        def has_ended():
            number, ended["status"] = os.waitpid(process.pid, os.WNOHANG)
            return number != 0

        wait_until(has_ended, "the crash")
    finally:
        process.returncode = 0 if ended.get("status") else None
        process.kill()
    status = ended["status"]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == number
    return os.WCOREDUMP(status), output.read_text()


def test_a_crash_dumps_no_memory(tmp_path):
    output = tmp_path / "output"
    dumped, _ = crash(["sleep", "60"], signal.SIGABRT, tmp_path, output)
    assert dumped, "no process dumps its memory here, so that it cannot be seen whether the server would"
    words = [consoles.PROGRAM, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    for number in [signal.SIGABRT, signal.SIGSEGV]:
        # Where its pages are found.
        place = pathlib.Path(__file__).parents[2]
        dumped, said = crash(
            words, number, place, output, lambda: wait_until(lambda: "Reroot serves" in output.read_text(), "the start")
        )
        assert not dumped
        # Neither a backtrace, which shows what the registers point at.
        assert "Registers" not in said and "rax" not in said, said
