"""`reroot serve` under measure: what an administrator does before an update, over the API, and the update itself."""
import contextlib
import http.client
import json
import re
import socket
import sqlite3
import threading
import time

import phases
import processes
import profile_of
from authority import Authority
from console import Client, Console
from figures import Failed, Figures
from program import Program

PASSWORD = "Root-2026!"
# So many components are sent at once: a request has at most a megabyte.
CHUNK = 1_000

STANDING = re.compile(rb'"standing":"(\w+)"')
SEQUENCE = re.compile(rb"^id: (\d+)$", re.MULTILINE)
GOING_ON = (None, "planned", "running", "stopping", "rollingBack")


class PatientClient(Client):
    """A plan of ten thousand components is waited for."""

    def connect(self):
        connection = super().connect()
        connection.timeout = 600
        return connection


class Served:
    """A console with roots and components of which nothing was updated yet."""

    def __init__(self, folder, limit):
        self.limit = limit
        self.size_before = self.components = 0
        self.more = {}
        with self.timed("start"):
            self.console = Console(folder, "--requests-per-minute", "1000000").start()
        self.console.set_up()
        self.console.client.__class__ = PatientClient
        self.program = Program(self.console.client)

    @contextlib.contextmanager
    def timed(self, name):
        begun = time.monotonic()
        yield
        self.more[f"{name} s"] = time.monotonic() - begun

    @property
    def process(self):
        return self.console.process.pid

    def send(self, method, path, body=None, wanted=(200, 201, 202)):
        status, answer = self.program.send(method, path, body)
        if status not in wanted:
            raise Failed(f"{method} {path} was answered {status}: {json.dumps(answer)[:600]}")
        return answer

    def import_root(self, authority: Authority):
        """Returns the root's number."""
        with self.timed("root import"):
            fields = {"password": PASSWORD, "name": authority.name, "acceptWarnings": "true"}
            status, answer = self.program.upload("/roots", fields, {"file": authority.pfx(PASSWORD)})
        if status != 201:
            raise Failed(f"the root was not imported: {answer}")
        return answer["id"]

    def apply(self, components):
        self.components = len(components)
        with self.timed("components"):
            for first in range(0, len(components), CHUNK):
                self.send("POST", "/component-lists", {"components": components[first : first + CHUNK]})

    def plan(self, root, **changes):
        self.size_before = self.database_size()
        with self.timed("plan"):
            plan = self.send("POST", "/plans", {"root": root, "months": 3, "onFailure": "stop", **changes})
        if plan["isBlocked"]:
            problems = plan["problems"] + [one for component in plan["components"] for one in component["problems"]]
            raise Failed(f"the plan is blocked: {problems[0]['sentence']}")
        return plan["id"]

    def read(self, plan):
        """Reads a plan for as long as it takes to make the RSA keys of all its components."""
        begun = time.monotonic()
        while self.early_keys(plan) < self.components:
            if time.monotonic() - begun > self.limit:
                raise Failed("the keys were not made while the plan was read")
            time.sleep(0.1)
        self.more["keys made ahead s"] = time.monotonic() - begun

    def early_keys(self, plan):
        with self.database() as database:
            return database.execute("SELECT count(*) FROM early_keys WHERE plan = ?", (plan,)).fetchone()[0]

    def update(self, plan, wanted="completed", label=""):
        """Starts the update, watches it to its end, and says what it has cost."""
        self.more["peak before MB"] = processes.peak(self.process) / 1e6
        with self.cost(label) as cost:
            begun = time.time()
            update = self.send("POST", "/updates", {"plan": plan, "acceptProblems": True})["id"]
            self.more["POST s"] = time.time() - begun
            self.wait(update, wanted)
            self.more["seen after s"] = time.time() - begun
        with self.database() as database:
            last = phases.last_moment(database, update)
            self.more |= phases.spans(database, update, begun)
        self.more["database KB each"] = (self.database_size() - self.size_before) / 1e3 / self.components
        return update, Figures(last - begun, cost["cpu"], cost["peak"], dict(self.more))

    @contextlib.contextmanager
    def cost(self, label):
        """Measures the server from here to the end of the block."""
        processes.forget_peak(self.process)
        cpu, cost = processes.cpu(self.process), {}
        with profile_of.process(self.process, label):
            yield cost
        cost |= {"cpu": processes.cpu(self.process) - cpu, "peak": processes.peak(self.process)}

    def wait(self, update, wanted, after=0):
        """Watches the events of an update, as a person has the page open, until it has ended or asks.

        - after: the last entry of its journal that is known.
        """
        standing, end, watch = None, time.monotonic() + self.limit, Watch(after)
        while standing in GOING_ON and time.monotonic() < end:
            # A stream that is dropped is opened again, as a browser does. One that brings nothing is given up.
            before = watch.last
            standing = watch.follow(self, update, end - time.monotonic()) or standing
            if standing in GOING_ON:
                self.more["dropped streams"] = self.more.get("dropped streams", 0) + 1
                if watch.last == before:
                    time.sleep(1)
                    standing = self.send("GET", f"/updates/{update}")["standing"]
        if standing != wanted:
            raise Failed(f"the update is {standing}: {self.why(update)}")

    def why(self, update):
        failures = self.send("GET", f"/updates/{update}")["failures"]
        return failures[0]["failure"]["sentence"] if failures else "nothing has failed"

    @contextlib.contextmanager
    def database(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.console.folder}/data/reroot.sqlite?mode=ro", uri=True)) as one:
            yield one

    def database_size(self):
        with self.database() as database:
            pages, free, size = (
                database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * size

    def stop(self):
        self.console.stop()


class Watch:
    """A stream of an update's events, which knows the last one that it has seen."""

    def __init__(self, after):
        self.last = after

    def follow(self, served, update, limit):
        """How the update stands when the stream ends, at the latest when it does not go on any more."""
        connection = served.console.client.connect()
        connection.timeout = limit
        connection.request(
            "GET", f"/api/v1/updates/{update}/events",
            headers={"Authorization": f"Bearer {served.program.token}", "Last-Event-ID": str(self.last)})
        answer = connection.getresponse()
        late = threading.Timer(limit, lambda: connection.sock and connection.sock.shutdown(socket.SHUT_RDWR))
        late.start()
        standing, rest = None, b""
        try:
            while piece := answer.read1(1 << 16):
                text = rest + piece
                for found in STANDING.finditer(text):
                    standing = found.group(1).decode()
                for found in SEQUENCE.finditer(text):
                    self.last = int(found.group(1))
                if standing not in GOING_ON:
                    break
                rest = text[-64:]
        except (OSError, http.client.HTTPException):
            pass
        finally:
            late.cancel()
            connection.close()
        return standing
