"""Reroot: the entries of the journal of an update that is held until all streams are open."""
import time

import phases
import processes
from directories.system import P256, RENEWAL, System
from figures import Figures
from served import Served

from .client import Streams, with_memory

COMPONENTS = 1_000


class Reroot:
    name = "reroot"
    components = COMPONENTS

    def __init__(self, folder, chosen):
        self.folder, self.limit = folder, chosen.limit
        self.streams = None
        self.system = System(folder, self.components + 1, RENEWAL, P256)
        self.served = Served(folder / "console", chosen.limit)
        self.hold = folder / "hold"
        self.hold.touch()

    def run(self, size):
        update = self.start()
        with self.served.database() as database:
            former = last_of(database, update)
        memory = with_memory(self.served.process, lambda: self.open(update, size, former), size) if size else 0
        with self.served.cost(f"watchers-{size}") as cost:
            begun = time.time()
            self.hold.unlink()
            self.served.wait(update, "completed", former)
        with self.served.database() as database:
            seconds = phases.last_moment(database, update) - begun
            last = self.write_times(database, update, former)
        more = {"the update s": seconds, "KB a stream": memory / 1e3}
        if not size:
            return Figures(seconds, cost["cpu"], cost["peak"], more)
        told = self.streams.report(last, self.limit, self.folder / "times")
        self.size = max(64, round(told["bytes"] / size / len(self.moments)))
        more |= {"p50 ms": told["p50"], "worst ms": told["worst"], "all s": time.time() - begun}
        more |= {name: told[name] for name in ("lost", "doubled", "reconnects")}
        more["MB a stream sent"] = told["bytes"] / size / 1e6
        return Figures(told["p99"] / 1000, cost["cpu"], cost["peak"], more)

    def start(self):
        """An update that waits in the first activation."""
        root = self.served.import_root(self.system.new)
        components = [self.component(number, name) for number, name in enumerate(self.system.names)]
        waiting = f"while [ -e {self.hold} ]; do sleep 0.02; done"
        components[0] |= {"stage": 1, "activation": {"command": ["/bin/sh", "-c", waiting], "time_limit": 3000}}
        self.served.apply(components)
        plan = self.served.plan(root)
        update = self.served.send("POST", "/updates", {"plan": plan, "acceptProblems": True})["id"]
        end = time.monotonic() + self.limit
        while self.served.send("GET", f"/updates/{update}/actions?kind=activate&status=running&limit=1")["total"] != 1:
            assert time.monotonic() < end, "the update did not come to its first activation"
            time.sleep(0.5)
        # What was written last is sent to nobody any more.
        time.sleep(0.5)
        return update

    def component(self, number, name):
        return self.system.component(name, stage=2)

    def open(self, update, size, former):
        headers = f"Authorization: Bearer {self.served.program.token}\r\n"
        path = f"/api/v1/updates/{update}/events?after={former}"
        self.streams = Streams(self.folder, self.served.console.port, size, path, '"sequence":', headers)
        return self.streams

    def write_times(self, database, update, former):
        """The moment of each entry; returns the last entry."""
        rows = database.execute("SELECT sequence, at FROM journal WHERE update_id = ? ORDER BY sequence", [update]).fetchall()
        (self.folder / "times").write_text("".join(f"{number} {at * 1000}\n" for number, at in rows))
        watched = [at for number, at in rows if number > former]
        self.moments = [(at - watched[0]) * 1000 for at in watched]
        return rows[-1][0]

    def close(self):
        if self.streams:
            self.streams.stop()
        self.served.stop()


class Slow(Reroot):
    """One component after the other, each half a second."""

    components = 20

    def component(self, number, name):
        sleeping = {"activation": {"command": ["/bin/sleep", "0.5"]}}
        return self.system.component(name, stage=2 + number) | sleeping


def last_of(database, update):
    return database.execute("SELECT last_sequence FROM updates WHERE id = ?", [update]).fetchone()[0]
