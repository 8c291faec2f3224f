"""Pages under load, as somebody who is signed in gets them: the list of roots, an update of N components, its plan."""
import contextlib
import os
import re
import subprocess
import time

from case import Case, Runner
from directories.system import P256, RENEWAL, System
from figures import Failed, Figures
from places import folder
from served import Served

SIZES = [10_000]
SECONDS, CONNECTIONS = 10, 16
ROOTS, UPDATE, PLAN = "the list of roots", "the page of an update", "the page of its plan"


def cases(chosen):
    for size in chosen.sizes or SIZES:
        with folder("pages") as place, contextlib.ExitStack() as stack:
            made = Pages(place, size, chosen, stack)
            for name in (ROOTS, UPDATE, PLAN):
                yield Case("pages", name, size, [Runner("reroot", lambda name=name: made.measured(name))], each=1)


class Pages:
    """A console with an update that has ended, made when it is wanted first."""

    def __init__(self, place, size, chosen, stack):
        self.place, self.size, self.limit, self.stack = place, size, chosen.limit, stack
        self.served = None

    def prepare(self):
        system = System(self.place, self.size, RENEWAL, P256)
        self.served = Served(self.place / "console", self.limit)
        self.stack.callback(self.served.stop)
        root = self.served.import_root(system.new)
        self.served.apply([system.component(name) for name in system.names])
        plan = self.served.plan(root)
        update, _ = self.served.update(plan)
        self.paths = {ROOTS: "/roots", UPDATE: f"/updates/{update}", PLAN: f"/plans/{plan}"}

    def measured(self, name):
        if not self.served:
            self.prepare()
        page, path = self.served.console.client.get(self.paths[name]), self.paths[name]
        if page.status != 200 or "<h1" not in page.text:
            raise Failed(f"{path} was answered {page.status}")
        with self.served.cost(f"pages-{name.split()[-1]}") as cost:
            told = self.load(path)
        more = {"requests a second": told["rate"], "p99 ms": told["99"], "KB": len(page.body) / 1e3}
        # Those who ask take from the same processors, so this says more of the server.
        more["CPU us a request"] = cost["cpu"] / (told["rate"] * SECONDS) * 1e6
        more["one alone ms"] = self.alone(path) * 1000
        return Figures(told["50"] / 1000, cost["cpu"], cost["peak"], more)

    def load(self, path):
        """The seconds of the table are the median of the time to an answer with all connections busy."""
        script = self.place / "session.lua"
        cookies = "; ".join(f"{name}={value}" for name, value in self.served.console.client.cookies.items())
        # In a file, since arguments can be read by everybody.
        with os.fdopen(os.open(script, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f'wrk.headers["Cookie"] = "{cookies}"\n')
        address = f"https://127.0.0.1:{self.served.console.port}{path}"
        ran = subprocess.run(
            ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "--timeout", "60s", "--latency", "-s", script,
             address], capture_output=True, text=True, timeout=SECONDS + 120)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", ran.stdout)
        if not rate or float(rate.group(1)) == 0 or "Non-2xx" in ran.stdout:
            raise Failed(f"wrk: {' '.join(ran.stdout.split())[-300:]} {ran.stderr[-300:]}")
        return {"rate": float(rate.group(1)), "50": milliseconds(ran.stdout, 50), "99": milliseconds(ran.stdout, 99)}

    def alone(self, path):
        """The median time of one request after the other over a connection of its own that is kept."""
        client = self.served.console.client
        connection, times = client.connect(), []
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        for _ in range(11):
            begun = time.monotonic()
            connection.request("GET", path, headers={"Cookie": cookies})
            connection.getresponse().read()
            times.append(time.monotonic() - begun)
        connection.close()
        return sorted(times)[5]


def milliseconds(text, percent):
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)\b", text)
    return float(found.group(1)) * {"us": 0.001, "ms": 1, "s": 1_000, "m": 60_000}[found.group(2)]
