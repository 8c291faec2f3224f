"""Three replicas that are activated by a restart: with a rolling group they are never down together."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest

import update as steps
from authority import Authority
from console import Console
from servers import as_nobody, free_port, give_to_nobody, let_through, wait_until

ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


class Replica:
    """An nginx in the background at an address of its own; its restart is told in a journal that all share."""

    def __init__(self, folder, address, port, authority, journal):
        self.folder, self.address, self.port = folder, address, port
        folder.mkdir()
        (folder / "temp").mkdir()
        authority.issue(["replicas.example", "127.0.0.1"], folder)
        self.pid_file = folder / "nginx.pid"
        temporary = " ".join(f"{kind}_temp_path {folder}/temp/{kind};" for kind in ["proxy", "fastcgi", "uwsgi", "scgi"])
        (folder / "nginx.conf").write_text(
            f"""
            worker_processes 1; pid {self.pid_file}; error_log {folder}/error.log;
            events {{ worker_connections 64; }}
            http {{
              access_log off; client_body_temp_path {folder}/temp/body; {temporary}
              server {{
                listen {address}:{port} ssl;
                ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
                location / {{ return 200 "ok"; }}
              }}
            }}
            """
        )
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        start = " ".join(as_nobody([nginx, "-p", str(folder), "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]))
        # A server that takes its time to come up, as many do.
        (folder / "restart.sh").write_text(
            f"""
            echo "begin {address}" >> {journal}
            if test -s {self.pid_file}; then
              kill -TERM $(cat {self.pid_file})
              while test -e {self.pid_file}; do sleep 0.02; done
            fi
            sleep 0.3
            {start} < /dev/null > /dev/null 2>&1 || exit 1
            while ! test -s {self.pid_file}; do sleep 0.02; done
            echo "end {address}" >> {journal}
            """
        )
        give_to_nobody(folder)

    def restart(self):
        subprocess.run(["/bin/sh", self.folder / "restart.sh"], check=True, timeout=30)

    def stop(self):
        if self.pid_file.exists() and self.pid_file.read_text().strip():
            os.kill(int(self.pid_file.read_text()), signal.SIGTERM)
            wait_until(lambda: not self.pid_file.exists(), "nginx ending")

    def component(self, **changes):
        return {
            "name": f"replica {self.address}",
            "names": ["replicas.example", "127.0.0.1"],
            "files": {
                "certificate": str(self.folder / "server.pem"),
                "key": str(self.folder / "server.key"),
                "trust_bundle": str(self.folder / "roots.pem"),
            },
            "activation": {"command": ["/bin/sh", str(self.folder / "restart.sh")], "time_limit": 20},
            "endpoints": [{"host": "replicas.example", "addresses": [self.address], "port": self.port}],
            "verification_time_limit": 20,
        } | changes


class Visitor(threading.Thread):
    """A client that tries one replica after the other, as a name with several addresses is used."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.ends = threading.Event()
        self.served, self.all_down = 0, 0
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def run(self):
        while not self.ends.is_set():
            if any(self.reaches(address) for address in ADDRESSES):
                self.served += 1
            else:
                self.all_down += 1

    def reaches(self, address):
        try:
            with socket.create_connection((address, self.port), timeout=5) as connection:
                with self.context.wrap_socket(connection, server_hostname="replicas.example") as tls:
                    tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    return tls.recv(9) == b"HTTP/1.1 "
        except OSError:
            return False


def most_at_once(journal):
    """How many restarts were going on at once, at most; and how many there were."""
    now, most, restarts = set(), 0, 0
    for line in journal.read_text().splitlines():
        word, address = line.split()
        (now.add if word == "begin" else now.discard)(address)
        most = max(most, len(now))
        restarts += word == "end"
    return most, restarts


@pytest.fixture
def system(tmp_path):
    let_through(tmp_path)
    made = []

    def make(**changes):
        port, journal = free_port(), tmp_path / "restarts"
        authority = Authority("Old Root")
        replicas = [Replica(tmp_path / address, address, port, authority, journal) for address in ADDRESSES]
        made.extend(replicas)
        for replica in replicas:
            replica.restart()
        journal.write_text("")
        console = Console(tmp_path / "console", components=[replica.component(**changes) for replica in replicas])
        made.append(console)
        console.start().set_up()
        visitor = Visitor(port)
        made.append(visitor)
        return console.client, steps.import_root(console.client, Authority("New Root")), visitor, journal

    yield make
    for thing in reversed(made):
        if isinstance(thing, Visitor):
            thing.ends.set()
            if thing.is_alive():
                thing.join(20)
        elif isinstance(thing, Console):
            thing.stop(signal.SIGKILL)
        else:
            thing.stop()


def test_one_replica_at_a_time_is_restarted_on_the_way_there_and_back(system):
    client, root, visitor, journal = system(restart="rolling", group="replicas", maintenance="Ask the shift leader.")
    plan = steps.make_plan(client, root)
    assert "Ask the shift leader." in plan.text and "rolling group “replicas”" in plan.text
    visitor.start()
    update = steps.start(client, plan)
    steps.wait_for(client, update, "completed")
    assert most_at_once(journal) == (1, 6), "each once for the bundle and once for the certificate"
    steps.decide(client, update, "abort")
    steps.wait_for(client, update, "rolledBack")
    visitor.ends.set()
    visitor.join(20)
    assert most_at_once(journal) == (1, 12)
    assert visitor.all_down == 0 and visitor.served > 50, f"{visitor.all_down} of {visitor.served} found nobody"


def test_without_a_group_replicas_of_one_stage_are_restarted_together(system):
    client, root, _, journal = system()
    update = steps.start(client, steps.make_plan(client, root))
    steps.wait_for(client, update, "completed")
    most, restarts = most_at_once(journal)
    assert most > 1 and restarts == 6
