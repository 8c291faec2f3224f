"""Reroot: from the request that starts the update to the event that ends it."""
from served import Served

from .contestant import Contestant
from .system import RSA


class Reroot(Contestant):
    name = "reroot"
    served = None

    def prepare(self):
        self.served = Served(self.system.folder / "console", self.chosen.limit)
        self.root = self.served.import_root(self.system.new)
        self.served.apply([self.system.component(name) for name in self.system.names])
        self.plan = self.served.plan(self.root)
        if self.system.key == RSA:
            self.served.read(self.plan)

    def run(self):
        label = f"{self.system.workload}-{self.system.form}-{self.system.key}-{self.system.size}"
        return self.served.update(self.plan, label=label)[1]

    def close(self):
        if self.served:
            self.served.stop()

