"""Reroot moves real servers from one root to the next, and back."""
import os
import signal
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography import x509

import update as steps
from authority import Authority
from console import Console
from servers import Mosquitto, Nginx, PostgreSQL, as_nobody, free_port, give_to_nobody, let_through


class System:
    """Three servers under one root, a console that knows them, and the next root imported."""

    def __init__(self, folder):
        folder.chmod(0o755)
        self.old = Authority("Old Root")
        self.new = Authority("New Root")
        self.folder = folder
        self.servers = [kind(folder / kind.kind, self.old).start() for kind in (Nginx, PostgreSQL, Mosquitto)]
        self.nginx, self.postgresql, self.mosquitto = self.servers
        self.before = {server.kind: (server.files(), server.served()) for server in self.servers}
        components = [server.component(stage=number + 1) for number, server in enumerate(self.servers)]
        self.console = Console(folder / "console", components=components).start().set_up()
        self.client = self.console.client
        self.root = steps.import_root(self.client, self.new)

    def plan(self, **choices):
        return steps.make_plan(self.client, self.root, **choices)

    def start(self, **choices):
        self.update = steps.start(self.client, self.plan(**choices))
        return self.update

    def decide(self, decision):
        answer = steps.decide(self.client, self.update, decision)
        assert answer.status == 303, answer.text

    def expect_new(self, server):
        """On the wire and on disk: the certificate in the file, issued by the new root, and both roots trusted."""
        served = x509.load_pem_x509_certificate(server.served().encode())
        assert served.issuer == self.new.certificate.subject
        served.verify_directly_issued_by(self.new.certificate)
        on_disk = x509.load_pem_x509_certificate((server.folder / "server.pem").read_bytes())
        assert served == on_disk
        roots = x509.load_pem_x509_certificates((server.folder / "roots.pem").read_bytes())
        assert {self.old.certificate, self.new.certificate} <= set(roots)
        before = self.before[server.kind][0]
        for name, (_, *rights) in server.files().items():
            assert rights == list(before[name][1:]), f"{server.kind}: {name} has another owner or mode"

    def expect_before(self, server, but=()):
        """On disk byte for byte, owner and mode included, and on the wire."""
        files, served = self.before[server.kind]
        now = server.files()
        for name in files:
            if name not in but:
                assert now[name] == files[name], f"{server.kind}: {name} is not what it was"
        assert server.served() == served

    def stop(self):
        self.console.stop(signal.SIGKILL)
        for server in self.servers:
            server.stop()


@pytest.fixture
def system(tmp_path):
    let_through(tmp_path)
    made = System(tmp_path)
    yield made
    made.stop()


def break_reload(server):
    """The server's pid file names nobody, so that it cannot be told to reload."""
    text = server.pid_file.read_text()
    lines = text.split("\n")
    server.pid_file.write_text("\n".join(["999999", *lines[1:]]))
    return lambda: server.pid_file.write_text(text)


def test_a_whole_update_moves_every_server_to_the_new_root(system):
    system.start()
    steps.wait_for(system.client, system.update, "completed")
    for server in system.servers:
        system.expect_new(server)


def test_a_completed_update_is_rolled_back_by_abort(system):
    system.start()
    steps.wait_for(system.client, system.update, "completed")
    system.decide("abort")
    steps.wait_for(system.client, system.update, "rolledBack")
    for server in system.servers:
        system.expect_before(server)


def test_a_broken_reload_stops_the_update_and_abort_puts_everything_back(system):
    plan = system.plan()
    mend = break_reload(system.postgresql)
    system.update = steps.start(system.client, plan)
    page = steps.wait_for(system.client, system.update, "deciding")
    assert "postgresql" in page.text and "999999" in page.text
    mend()
    system.decide("abort")
    steps.wait_for(system.client, system.update, "rolledBack")
    for server in system.servers:
        system.expect_before(server)


def test_retry_goes_on_once_the_reload_works_again(system):
    plan = system.plan()
    mend = break_reload(system.mosquitto)
    system.update = steps.start(system.client, plan)
    steps.wait_for(system.client, system.update, "deciding")
    system.decide("retry")
    steps.wait_for(system.client, system.update, "deciding")
    mend()
    system.decide("retry")
    steps.wait_for(system.client, system.update, "completed")
    for server in system.servers:
        system.expect_new(server)


def fill(server):
    """The folder of the server's key becomes one in which nothing can be made: its file system is read-only."""
    subprocess.run(["mount", "--bind", server.folder, server.folder], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", server.folder], check=True)
    return lambda: subprocess.run(["umount", server.folder], check=True)


def test_override_sets_a_server_aside_whose_files_cannot_be_written(system):
    plan = system.plan()
    mend = fill(system.postgresql)
    try:
        system.update = steps.start(system.client, plan)
        page = steps.wait_for(system.client, system.update, "deciding")
        assert "read-only" in page.text.lower() or "Read-only" in page.text
    finally:
        mend()
    system.decide("override")
    steps.wait_for(system.client, system.update, "completedWithErrors")
    system.expect_new(system.nginx)
    system.expect_before(system.postgresql)
    system.expect_new(system.mosquitto)


def squat(server):
    """Stops a server, and answers on its port with a certificate that nobody asked for."""
    server.stop()
    wrong = server.folder.parent / "wrong"
    Authority("Somebody Else").issue(["localhost"], wrong)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(wrong / "server.pem", wrong / "server.key")
    listener = socket.create_server(("127.0.0.1", server.port))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def mend():
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        server.pid_file.unlink(missing_ok=True)
        server.start()

    return mend


def test_continue_update_goes_on_past_a_port_that_answers_with_the_wrong_certificate(system):
    plan = system.plan()
    pid = system.nginx.pid_file.read_text()
    mend = squat(system.nginx)
    # Somebody must be there to be told to reload, or the activation would fail before the verification.
    sleeper = subprocess.Popen(as_nobody(["sh", "-c", "trap : HUP; while :; do sleep 1; done"]))
    system.nginx.pid_file.write_text(f"{sleeper.pid}\n")
    system.update = steps.start(system.client, plan)
    page = steps.wait_for(system.client, system.update, "deciding", limit=90)
    assert "Somebody Else" in page.text
    system.decide("continue")
    steps.wait_for(system.client, system.update, "completedWithErrors", limit=120)
    system.expect_new(system.postgresql)
    system.expect_new(system.mosquitto)
    sleeper.kill()
    sleeper.wait()
    mend()
    assert pid != system.nginx.pid_file.read_text()
    system.decide("retry")
    steps.wait_for(system.client, system.update, "completed", limit=90)
    system.expect_new(system.nginx)


def test_a_stale_decision_is_refused_and_changes_nothing(system):
    plan = system.plan()
    mend = break_reload(system.nginx)
    system.update = steps.start(system.client, plan)
    tab = steps.wait_for(system.client, system.update, "deciding")
    system.decide("retry")
    steps.wait_for(system.client, system.update, "deciding")
    answer = steps.decide(system.client, system.update, "override", page=tab)
    assert answer.status == 409 and "answered already" in answer.text
    assert steps.standing(system.client, system.update) == "deciding"
    mend()
    system.decide("abort")
    steps.wait_for(system.client, system.update, "rolledBack")
    for server in system.servers:
        system.expect_before(server)


def test_killed_in_the_middle_the_update_is_found_again_and_finished(system):
    plan = system.plan()
    # A server that does not reload keeps its verification going for ten seconds: time to be killed in.
    sleeper = subprocess.Popen(as_nobody(["sh", "-c", "trap : HUP; while :; do sleep 1; done"]))
    pid = system.mosquitto.pid_file.read_text()
    system.mosquitto.pid_file.write_text(f"{sleeper.pid}\n")
    system.update = steps.start(system.client, plan)
    steps.wait_until(
        lambda: "data-kind=\"verify\" data-state=\"running\"" in system.client.get(system.update).text
        and (system.mosquitto.folder / "server.pem").read_bytes() != system.before["mosquitto"][0]["server.pem"][0],
        "the verification of mosquitto",
    )
    system.console.stop(signal.SIGKILL)
    system.console.start()
    system.client = system.console.client
    system.console.sign_in()
    page = steps.wait_for(system.client, system.update, "deciding")
    assert "was ended in the middle" in page.text
    sleeper.kill()
    sleeper.wait()
    system.mosquitto.pid_file.write_text(pid)
    system.decide("retry")
    steps.wait_for(system.client, system.update, "completed")
    for server in system.servers:
        system.expect_new(server)


def test_ended_by_sigterm_with_an_update_running_it_is_found_again(system):
    plan = system.plan()
    system.update = steps.start(system.client, plan)
    assert system.console.stop(signal.SIGTERM) == 0
    system.console.start()
    system.client = system.console.client
    system.console.sign_in()
    page = steps.wait_for(system.client, system.update, "deciding", "completed")
    if "data-standing=\"deciding\"" in page.text:
        system.decide("abort")
        steps.wait_for(system.client, system.update, "rolledBack")
        for server in system.servers:
            system.expect_before(server)


def test_the_console_gets_its_own_certificate_from_the_new_root(system):
    system.start(https="issue")
    steps.wait_for(system.client, system.update, "completed")
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{system.console.port}"]
    text = subprocess.run(words, input=b"", capture_output=True, timeout=20).stdout.decode()
    served = x509.load_pem_x509_certificate(
        (text[text.index("-----BEGIN") : text.index("-----END CERTIFICATE-----") + 25] + "\n").encode()
    )
    served.verify_directly_issued_by(system.new.certificate)
