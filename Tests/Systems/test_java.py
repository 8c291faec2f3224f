"""A Java service goes from the stores that keytool made to Reroot's, to the next root, and back."""
import html
import pathlib
import re
import signal
import socket
import ssl
import subprocess

import pytest
from cryptography import x509

import update as steps
from authority import Authority
from console import Console
from keystore import PASSWORD
from servers import RealServer, let_through

SOURCE = pathlib.Path(__file__).parent / "java" / "Server.java"


def keytool(*words, file):
    """Runs keytool with the password from a file, and returns what it said."""
    done = subprocess.run(
        ["keytool", "-J-Duser.language=en", *words, "-storepass:file", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class JavaServer(RealServer):
    kind = "java"

    def prepare(self):
        for name in ["server.pem", "server.key"]:
            (self.folder / name).unlink()
        self.password = self.folder / "password"
        self.password.write_text(PASSWORD + "\n")
        keys, trust = self.folder / "keys.p12", self.folder / "trust.p12"
        keytool(
            "-genkeypair", "-alias", "service", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=localhost",
            "-ext", "san=dns:localhost,ip:127.0.0.1", "-validity", "90", "-keystore", str(keys), file=self.password,
        )
        keytool(
            "-importcert", "-noprompt", "-alias", "house", "-file", str(self.folder / "roots.pem"), "-keystore",
            str(trust), file=self.password,
        )
        for path, mode in [(self.password, 0o600), (keys, 0o600), (trust, 0o644)]:
            path.chmod(mode)

    def command(self):
        return ["java", "-Xmx64m", str(SOURCE), str(self.port), str(self.folder)]

    def component(self, **changes):
        files = {
            "key_store": str(self.folder / "keys.p12"),
            "trust_store": str(self.folder / "trust.p12"),
            "store_password_file": str(self.password),
        }
        return super().component(**{"kind": "java", "files": files, **changes})

    def files(self):
        return {
            path.name: (path.read_bytes(), path.stat().st_uid, path.stat().st_gid, oct(path.stat().st_mode))
            for path in [self.folder / "keys.p12", self.folder / "trust.p12", self.password]
        }

    def list(self, store):
        """The entries of a store as keytool sees them: kind by alias."""
        text = keytool("-list", "-keystore", str(self.folder / store), file=self.password)
        return dict(re.findall(r"^(\S+), .*?(\w+Entry)", text, re.MULTILINE))

    def greets(self, client):
        """What the service calls a client with a certificate of this authority; None when it refuses the client."""
        folder = self.folder.parent / f"client of {client.name}"
        if not folder.exists():
            client.issue(["client.example"], folder)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as secured:
                    return secured.recv(1000).decode().strip() or None
        except OSError:
            return None


class System:
    def __init__(self, folder):
        self.house = Authority("House Root")
        self.server = JavaServer(folder / "java", self.house).start()
        self.console = Console(folder / "console", components=[self.server.component()]).start().set_up()
        self.client = self.console.client

    def update(self, root):
        path = steps.start(self.client, steps.make_plan(self.client, steps.import_root(self.client, root)))
        steps.wait_for(self.client, path, "completed")
        return path

    def expect_under(self, root):
        served = x509.load_pem_x509_certificate(self.server.served().encode())
        assert served.issuer == root.certificate.subject
        served.verify_directly_issued_by(root.certificate)

    def stop(self):
        self.console.stop(signal.SIGKILL)
        self.server.stop()


@pytest.fixture
def system(tmp_path):
    let_through(tmp_path)
    made = System(tmp_path)
    yield made
    made.stop()


def test_a_java_service_gets_new_stores_twice_and_its_previous_ones_back(system):
    server, first, second = system.server, Authority("First Root"), Authority("Second Root")
    default = (server.files(), server.served())
    assert server.list("keys.p12") == {"service": "PrivateKeyEntry"}
    assert server.greets(system.house) == "CN=client.example" and server.greets(first) is None

    system.update(first)
    system.expect_under(first)
    assert server.list("keys.p12") == {"service": "PrivateKeyEntry"}
    trusted = server.list("trust.p12")
    assert trusted.pop("house") == "trustedCertEntry"
    assert len(trusted) == 1 and set(trusted.values()) == {"trustedCertEntry"}
    assert server.greets(system.house) == "CN=client.example" and server.greets(first) == "CN=client.example"
    assert [right for _, *right in server.files().values()] == [right for _, *right in default[0].values()]

    between = (server.files(), server.served())
    path = system.update(second)
    system.expect_under(second)
    assert len(server.list("trust.p12")) == 3
    assert server.greets(first) == "CN=client.example" and server.greets(second) == "CN=client.example"

    assert steps.decide(system.client, path, "abort").status == 303
    steps.wait_for(system.client, path, "rolledBack")
    assert (server.files(), server.served()) == between
    assert server.greets(first) == "CN=client.example" and server.greets(second) is None


def test_the_first_update_is_taken_back_to_the_stores_of_keytool(system):
    before = (system.server.files(), system.server.served())
    path = system.update(Authority("First Root"))
    assert steps.decide(system.client, path, "abort").status == 303
    steps.wait_for(system.client, path, "rolledBack")
    assert (system.server.files(), system.server.served()) == before


def test_stores_that_cannot_be_replaced_forbid_the_start_with_a_sentence_and_no_password(system):
    root = steps.import_root(system.client, Authority("First Root"))
    system.server.password.write_text("another password\n")
    page = steps.make_plan(system.client, root)
    text = html.unescape(page.text)
    assert "does not open the store" in text and str(system.server.folder / "keys.p12") in text
    assert "another password" not in text and PASSWORD not in text
    assert all(form["action"] != "/updates" for form in page.forms())

    system.server.password.write_text(PASSWORD + "\n")
    keys = system.server.folder / "keys.p12"
    file = str(system.server.password)
    words = ["keytool", "-importkeystore", "-srckeystore", str(keys), "-destkeystore", f"{keys}.jks", "-deststoretype", "JKS"]
    subprocess.run(
        [*words, "-srcstorepass:file", file, "-deststorepass:file", file], check=True, capture_output=True, timeout=60
    )
    keys.write_bytes(pathlib.Path(str(keys) + ".jks").read_bytes())
    page = steps.make_plan(system.client, root)
    assert "keytool -importkeystore" in html.unescape(page.text) and "of the type JKS" in page.text
    assert all(form["action"] != "/updates" for form in page.forms())


def test_no_password_is_in_any_page_log_or_argument(system):
    system.update(Authority("First Root"))
    for page in ["/components", "/components/1", "/components/1/edit", "/updates/1", "/components.yaml"]:
        assert PASSWORD not in system.client.get(page).text
    assert PASSWORD not in system.console.text()
