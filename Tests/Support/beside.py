"""An administrator who works beside an attack, and whether she notices it."""
import http.client
import re
import ssl
import threading
import time

import update as steps
from overheard import overheard


class Stream:
    """The progress of an update as a browser listens to it."""

    def __init__(self, client, path):
        self.port = client.port
        self.connection = http.client.HTTPSConnection("127.0.0.1", client.port, timeout=120, context=client.context)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self.connection.request("GET", path, headers={"Cookie": cookies, "Accept": "text/event-stream"})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status
        self.lines = []
        self.events = 0
        self.changed = threading.Condition()
        self.is_open = True
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            while line := self.answer.readline():
                overheard.hear("event stream", line, self.port)
                with self.changed:
                    self.lines.append(line)
                    self.events += line.startswith(b"data:")
                    self.changed.notify_all()
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        with self.changed:
            self.is_open = False
            self.changed.notify_all()

    def wait(self, events, limit=30):
        with self.changed:
            return self.changed.wait_for(lambda: self.events >= events or not self.is_open, limit) and self.is_open

    def close(self):
        self.connection.sock and self.connection.sock.close()


class Beside:
    """Loads pages without a pause, over kept and over new connections, and listens to an update that asks.

        with Beside(client, update, "slow headers") as beside:
            …
            beside.decide()

    fails where a page was not answered, an answer took longer than the limit, or the stream was cut.
    """

    # Seconds. Other suites share the cores; what is printed is what counts.
    LIMIT = 5

    def __init__(self, client, update, attack):
        self.client = client
        self.update = update
        self.attack = attack
        self.loads = 0
        self.slowest = 0.0
        self.problems = []
        self.over = threading.Event()
        self.decisions = []

    def __enter__(self):
        self.stream = Stream(self.client, f"{self.update}/events")
        self.thread = threading.Thread(target=self.load, daemon=True)
        self.thread.start()
        return self

    def headers(self):
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())}

    def load(self):
        kept = None
        paths = ["/roots", self.update, "/components", "/updates"]
        while not self.over.is_set():
            begin = time.monotonic()
            try:
                if kept is None or self.loads % 10 == 0:
                    kept and kept.close()
                    kept = http.client.HTTPSConnection(
                        "127.0.0.1", self.client.port, timeout=30, context=self.client.context
                    )
                kept.request("GET", paths[self.loads % len(paths)], headers=self.headers())
                answer = kept.getresponse()
                body = answer.read()
                if answer.status != 200 or b"</html>" not in body:
                    self.problems.append(f"{paths[self.loads % len(paths)]} was answered with {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(f"{paths[self.loads % len(paths)]}: {error!r}")
                kept = None
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.loads += 1
        kept and kept.close()

    def decide(self):
        """Answers the failure by Retry, which fails again; returns after its events have come over the stream."""
        steps.wait_for(self.client, self.update, "deciding")
        before = self.stream.events
        begin = time.monotonic()
        answer = steps.decide(self.client, self.update, "retry")
        assert answer.status == 303, answer.text
        assert self.stream.wait(before + 1), "the progress did not come over the stream"
        self.decisions.append(time.monotonic() - begin)

    def __exit__(self, kind, error, trace):
        self.over.set()
        self.thread.join(60)
        is_open = self.stream.is_open
        self.stream.close()
        decided = f", a decision seen after {max(self.decisions):.2f} s" if self.decisions else ""
        print(f"figure: {self.attack}: {self.loads} pages beside it, the slowest after {self.slowest:.2f} s{decided}")
        if kind:
            return
        assert not self.problems, self.problems[:5]
        assert is_open, "the stream was cut"
        assert self.loads > 0 and self.slowest < self.LIMIT, f"a page took {self.slowest:.2f} s"
        assert all(seconds < self.LIMIT for seconds in self.decisions), self.decisions


def hostile_connection(port, timeout=15):
    """A TLS connection that sends what it likes."""
    import socket

    plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    return ssl._create_unverified_context().wrap_socket(plain, server_hostname="localhost")


def statuses(answer):
    """The statuses of all answers in what came back."""
    return [int(found) for found in re.findall(rb"(?:^|\n)HTTP/1\.[01] (\d{3}) ", b"\n" + answer)]
