"""From the start of the program to its readiness, with N components and a tenth as many updates that have ended."""
import contextlib
import http.client
import time

import processes
from case import Case, Runner
from directories.system import P256, RENEWAL, System
from figures import Figures
from places import folder
from served import Served

SIZES = [10_000]


def cases(chosen):
    for size in chosen.sizes or SIZES:
        with folder("start") as place, contextlib.ExitStack() as stack:
            made = Start(place, size, chosen, stack)
            yield Case("start", f"with {size // 10:,} past updates", size, [Runner("reroot", made.measured)], each=1)


class Start:
    def __init__(self, place, size, chosen, stack):
        self.place, self.size, self.limit, self.stack = place, size, chosen.limit, stack
        self.served = None

    def prepare(self):
        """The past updates are of two components; the others come afterwards."""
        system = System(self.place, self.size, RENEWAL, P256)
        self.served = Served(self.place / "console", self.limit)
        self.stack.callback(self.served.stop)
        root = self.served.import_root(system.new)
        components = [system.component(name) for name in system.names]
        self.served.apply(components[:2])
        for _ in range(self.size // 10):
            plan = self.served.plan(root)
            update = self.served.send("POST", "/updates", {"plan": plan, "acceptProblems": True})["id"]
            self.served.wait(update, "completed")
        self.served.apply(components)

    def measured(self):
        if not self.served:
            self.prepare()
        console = self.served.console
        console.stop()
        begun = time.monotonic()
        console.start()
        said = time.monotonic() - begun
        while not self.is_ready():
            time.sleep(0.002)
        seconds = time.monotonic() - begun
        number = self.served.process
        more = {"address said after s": said, "database MB": self.served.database_size() / 1e6}
        return Figures(seconds, processes.cpu(number), processes.peak(number), more)

    def is_ready(self):
        connection = self.served.console.client.connect()
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
