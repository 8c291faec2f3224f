"""A small system that is broken again and again: three components of own making, and a console that can be killed, put
back to where it was, and asked what it has acknowledged."""
import html
import http.client
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

import update as steps
from authority import Authority
from console import Client, Console
from faults import Faults
from part import Part, served

ENDED = ("completed", "completedWithErrors", "rolledBack", "rolledBackWithErrors")
SETTLED = ("deciding", *ENDED)
LOST = (ConnectionError, http.client.HTTPException, ssl.SSLError, socket.timeout, OSError)


def copy(source, target):
    """A folder with owners and modes, in place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


class Fragile:
    """The system. `live` holds everything that is broken and put back: the data folder and the components' files."""

    def __init__(self, folder, names="abc", clients="b", stages=None, live=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.live = pathlib.Path(live or self.folder / "live")
        self.live.mkdir(parents=True, exist_ok=True)
        self.old, self.new = Authority("Old Root"), Authority("New Root")
        self.parts = [
            Part(self.live / "parts" / name, self.old, name not in clients, (stages or {}).get(name, 1))
            for name in names
        ]
        self.before = {part.name: (part.files(), part.served()) for part in self.parts}
        self.faults = Faults(self.folder, self.live)
        self.console = Console(self.live, components=[part.component() for part in self.parts])
        self.console.environment = self.faults.environment
        self.update = None
        self.changes_https = True
        self.cookies = {}
        self.start().set_up()
        self.cookies = dict(self.console.client.cookies)

    # The console

    def start(self):
        self.faults.disarm()
        return self.launch()

    def launch(self):
        """Starts it with whatever is to happen to it."""
        self.console.start()
        self.console.client.cookies = dict(self.cookies)
        return self.console

    @property
    def client(self):
        return self.console.client

    @property
    def is_alive(self):
        return self.console.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        return self.console.stop(how)

    def close(self):
        self.stop(signal.SIGKILL)
        for part in self.parts:
            if part.server:
                part.server.stop()

    # Keeping and putting back

    def keep(self, name):
        copy(self.live, self.folder / name)

    def put_back(self, name):
        # The folder itself stays: it may be the root of a file system.
        subprocess.run(["rm", "-rf", *map(str, self.live.iterdir())], check=True)
        subprocess.run(["cp", "-a", f"{self.folder / name}/.", str(self.live)], check=True)
        self.restart_servers()

    def restart_servers(self):
        for part in self.parts:
            try:
                if part.server:
                    part.server.start_anew()
            except ssl.SSLError:
                # Its files are in the middle of their replacement; it goes on with what it had.
                pass

    # The way to where it is broken

    def plan(self, https="issue"):
        self.changes_https = https != "existing"
        root = steps.import_root(self.client, self.new)
        self.planned = steps.make_plan(self.client, root, https=https)
        # With the hidden token of the session, which outlives the program.
        self.start_form = self.planned.form("/updates")["fields"]

    def begin(self):
        """Starts the update; the answer's status, or None where none came."""
        return self.post("/updates", self.start_form)

    def post(self, path, fields):
        try:
            page = self.client.post(path, fields, follow=False)
        except LOST:
            return None
        if page.status == 303 and re.fullmatch(r"/updates/\d+", page.headers["Location"]):
            self.update = page.headers["Location"]
        return page

    def decision_form(self, kind):
        form = self.client.get(self.update).form(f"{self.update}/decisions", decision=kind)
        if "reason" in form["fields"]:
            form["fields"]["reason"] = "The test wants it so."
        return form

    def let_fail(self, name="c"):
        (self.live / "parts" / name / "fail").touch()

    # What the database says

    def rows(self, query, *values):
        database = sqlite3.connect(f"file:{self.live}/data/reroot.sqlite?mode=ro", uri=True, timeout=20)
        try:
            return database.execute(query, values).fetchall()
        finally:
            database.close()

    def events(self):
        """The kinds of the events in the update's journal."""
        texts = self.rows("SELECT event FROM journal WHERE event IS NOT NULL ORDER BY sequence")
        return [text for (text,) in texts]

    # How it goes on

    def settled(self, limit=60):
        """Waits until nothing goes on by itself; the page then."""
        return steps.wait_for(self.client, self.update, *SETTLED, limit=limit)

    def standing(self):
        return steps.standing(self.client, self.update)

    def decide(self, kind):
        form = self.decision_form(kind)
        answer = self.client.post(form["action"], form["fields"], follow=False)
        assert answer.status == 303, answer.text
        return self.settled()

    def finish(self):
        """Goes on as an administrator does who wants it done; how it ended."""
        page = self.settled()
        for _ in range(6):
            standing = steps.STANDING.search(page.text).group(1)
            if standing in ("completed", "rolledBack"):
                return standing
            if standing != "deciding":
                # An update that has ended retries its failures one by one.
                form = page.form(f"{self.update}/decisions", decision="retry")
                assert self.client.post(form["action"], form["fields"], follow=False).status == 303
                page = self.settled()
            else:
                page = self.decide("retry")
        raise AssertionError(f"it does not end: {steps.failures(page)}")

    def abort(self):
        """Has everything put back; how it ended."""
        page = self.settled()
        if any(form["fields"].get("decision") == "abort" for form in page.forms()):
            page = self.decide("abort")
        return self.finish()

    # What must be so

    def expect_sound(self):
        """The database is whole, and every component has a key that belongs to its certificate."""
        assert self.rows("PRAGMA integrity_check") == [("ok",)]
        assert self.rows("PRAGMA foreign_key_check") == []
        for part in self.parts:
            part.expect_pair()
        doubled = self.rows(
            "SELECT update_id, component, count(*) FROM issuances"
            " WHERE certificate IS NOT NULL AND update_id IS NOT NULL"
            " GROUP BY update_id, component HAVING count(*) > 1"
        )
        assert doubled == [], f"issued twice: {doubled}"
        serials = [serial for (serial,) in self.rows("SELECT serial FROM issuances")]
        assert len(serials) == len(set(serials))

    def expect_end(self, standing):
        self.expect_sound()
        if standing == "completed":
            self.expect_new()
        else:
            assert standing == "rolledBack", standing
            self.expect_before()

    def expect_new(self):
        number = int(self.update.rsplit("/", 1)[1])
        for part in self.parts:
            leaf = part.leaf()
            leaf.verify_directly_issued_by(self.new.certificate)
            issued = self.rows(
                "SELECT i.certificate FROM issuances i JOIN components c ON c.id = i.component"
                " WHERE i.update_id = ? AND c.name = ? AND certificate IS NOT NULL", number, part.name,
            )
            assert issued == [(leaf.public_bytes(serialization.Encoding.DER),)], f"{part.name} has another certificate"
            assert part.served() in (None, leaf), f"{part.name} serves another certificate"
            roots = x509.load_pem_x509_certificates((part.folder / "roots.pem").read_bytes())
            assert {self.old.certificate, self.new.certificate} == set(roots)
            for name, (_, *owner, _) in part.files().items():
                assert owner == list(self.before[part.name][0][name][1:3]), f"{part.name}: {name} has another owner"
            part.expect_no_traces()
        assert self.rows("SELECT update_id FROM certificate_sets WHERE is_current = 1") == [(number,)]
        self.expect_console(number)

    def expect_before(self):
        """Byte for byte, owner and mode included, and on the wire."""
        for part in self.parts:
            files, certificate = self.before[part.name]
            now = part.files()
            for name in files:
                assert now[name] == files[name], f"{part.name}: {name} is not what it was"
            assert part.served() == certificate
            part.expect_no_traces()
        self.expect_console(None)

    def expect_console(self, number):
        """What the console shows is what it says that it shows."""
        chain, = self.rows("SELECT chain FROM https ORDER BY id DESC LIMIT 1")[0]
        shown = served(self.console.port)
        assert shown == x509.load_pem_x509_certificates(chain.encode())[0]
        if number is not None and self.changes_https:
            shown.verify_directly_issued_by(self.new.certificate)
        elif number is None:
            assert shown.issuer != self.new.certificate.subject

    def shown_log(self, page):
        """The entries of the log on a page: their numbers and what they say."""
        found = re.findall(r'<li class="entry [a-z]+" id="(entry-\d+)">.*?<span>(.*?)</span></li>', page.text)
        return {number: html.unescape(text) for number, text in found}


class Watcher:
    """Looks at the update's page again and again from beside, and remembers all that it was shown."""

    def __init__(self, system):
        self.system = system
        self.shown = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        client = Client(self.system.console.port)
        client.cookies = dict(self.system.cookies)
        while not self.ended.is_set():
            client.port = self.system.console.port
            try:
                if self.system.update:
                    self.shown |= self.system.shown_log(client.get(self.system.update))
            except LOST:
                pass
            self.ended.wait(0.03)

    def stop(self):
        self.ended.set()
        self.thread.join(30)


def wait_dead_or(condition, system, limit=60):
    """Waits until the console has died (True), or a condition holds (False)."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if not system.is_alive:
            return True
        try:
            if condition():
                return False
        except LOST:
            pass
        time.sleep(0.02)
    raise AssertionError("neither died nor done")
