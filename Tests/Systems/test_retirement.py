"""Reroot takes the old root out of the bundles of real servers, once nothing depends on it."""
import shutil
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes

import update as steps
from servers import give_to_nobody
from test_update import break_reload, fill, system  # noqa: F401 (the fixture)


def retiring(authority):
    return f"/retiring/{authority.certificate.fingerprint(hashes.SHA256()).hex()}"


def plan(system):
    """Presses Retire…; returns the plan's page."""
    home = retiring(system.old)
    form = system.client.get(home).form(f"{home}/plans")
    page = system.client.post(form["action"], form["fields"])
    assert page.status == 200, page.text
    return page


def retire(system):
    system.update = steps.start(system.client, plan(system))
    return system.update


def bundle(server):
    return x509.load_pem_x509_certificates((server.folder / "roots.pem").read_bytes())


def client_of(authority, folder):
    """A certificate and key that a client shows, and the roots that it accepts."""
    authority.issue(["client.example"], folder)
    return folder


class Clients:
    """Connects to each server the way its clients do, with a certificate of one root."""

    def __init__(self, system, authority, name):
        self.system = system
        self.folder = client_of(authority, system.folder / name)
        (self.folder / "server-roots.pem").write_bytes(system.new.pem)
        self.key = self.folder / "server.key"
        self.key.chmod(0o600)

    def nginx(self):
        words = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", self.folder / "server-roots.pem",
                 "--cert", self.folder / "server.pem", "--key", self.key, f"https://localhost:{self.system.nginx.port}/"]
        return subprocess.run(words, capture_output=True, text=True, timeout=20).stdout == "200"

    def postgresql(self):
        told = (f"host=localhost hostaddr=127.0.0.1 port={self.system.postgresql.port} user=postgres dbname=postgres "
                f"sslmode=verify-full sslrootcert={self.folder}/server-roots.pem sslcert={self.folder}/server.pem "
                f"sslkey={self.key}")
        words = [str(self.system.postgresql.programs / "psql"), "-At", "-c", "select 1", told]
        return subprocess.run(words, capture_output=True, text=True, timeout=20).stdout.strip() == "1"

    def mosquitto(self):
        words = [shutil.which("mosquitto_pub"), "-h", "localhost", "-p", str(self.system.mosquitto.port), "-t", "a",
                 "-m", "b", "--cafile", str(self.folder / "server-roots.pem")]
        return subprocess.run(words, capture_output=True, timeout=20).returncode == 0


def restart_with(server, files):
    """Stops a server, and starts it with another certificate and key."""
    server.stop()
    for name in ["server.pem", "server.key"]:
        (server.folder / name).write_bytes(files[name][0])
    give_to_nobody(server.folder)
    server.pid_file.unlink(missing_ok=True)
    server.start()


def test_the_old_root_leaves_every_bundle_and_clients_of_the_new_one_are_served(system):  # noqa: F811
    system.start()
    steps.wait_for(system.client, system.update, "completed")
    new, old = Clients(system, system.new, "new-client"), Clients(system, system.old, "old-client")
    assert old.nginx() and old.postgresql()
    before = {server.kind: (server.files(), server.served()) for server in system.servers}
    retire(system)
    steps.wait_for(system.client, system.update, "completed")
    for server in system.servers:
        assert bundle(server) == [system.new.certificate], server.kind
        files, served = before[server.kind]
        assert server.served() == served
        now = server.files()
        assert now["server.pem"] == files["server.pem"] and now["server.key"] == files["server.key"]
        assert now["roots.pem"][1:] == files["roots.pem"][1:], f"{server.kind}: owner or mode"
    assert new.nginx() and new.postgresql() and new.mosquitto()
    assert not old.nginx() and not old.postgresql()
    page = system.client.get("/roots")
    assert retiring(system.old) not in page.text


def test_a_server_that_was_set_aside_stands_in_the_way(system):  # noqa: F811
    made = system.plan()
    mend = fill(system.postgresql)
    try:
        system.update = steps.start(system.client, made)
        steps.wait_for(system.client, system.update, "deciding")
    finally:
        mend()
    system.decide("override")
    steps.wait_for(system.client, system.update, "completedWithErrors")
    page = system.client.get(retiring(system.old))
    assert "Set aside by Override" in page.text and f"127.0.0.1:{system.postgresql.port}" in page.text
    assert 'id="retire"' not in page.text
    # The button is not there; whoever posts all the same gets a plan that cannot be started.
    form = page.form(f"{retiring(system.old)}/looks")
    page = system.client.post(f"{retiring(system.old)}/plans", form["fields"])
    assert "SET_ASIDE" in page.text and "This update cannot be started." in page.text
    for server in system.servers:
        assert system.old.certificate in bundle(server), server.kind


def test_a_server_that_comes_back_on_its_old_certificate_meanwhile_is_not_locked_out(system):  # noqa: F811
    system.start()
    steps.wait_for(system.client, system.update, "completed")
    made = plan(system)
    mend = break_reload(system.postgresql)
    system.update = steps.start(system.client, made)
    steps.wait_for(system.client, system.update, "deciding")
    # Somebody puts nginx back on what a backup held, and mends PostgreSQL.
    moved = system.nginx.files()
    restart_with(system.nginx, system.before["nginx"][0])
    mend()
    system.decide("retry")
    page = steps.wait_for(system.client, system.update, "deciding")
    assert f"127.0.0.1:{system.nginx.port} serves" in page.text and "of this root." in page.text
    assert system.old.certificate in bundle(system.mosquitto)
    # Once it is on its new certificate again, the retirement goes on.
    restart_with(system.nginx, moved)
    system.decide("retry")
    steps.wait_for(system.client, system.update, "completed")
    for server in system.servers:
        assert bundle(server) == [system.new.certificate], server.kind
