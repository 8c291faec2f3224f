"""Reroot: from the request that starts the update to the event that ends it."""
from served import Served

from .contestant import Contestant


class Reroot(Contestant):
    name = "reroot"
    served = None

    def prepare(self):
        self.served = Served(self.system.folder / "console", self.chosen.limit)
        self.root = self.served.import_root(self.system.new)
        self.served.apply([component(self.system, name) for name in self.system.names])
        self.plan = self.served.plan(self.root)

    def run(self):
        label = f"directories-{self.system.form}-{self.system.key}-{self.system.size}"
        return self.served.update(self.plan, label=label)[1]

    def close(self):
        if self.served:
            self.served.stop()


def component(system, name, **changes):
    """A component as the API has it."""
    described = {
        "name": name, "names": [name], "usage": "both",
        "key": "ecdsa-p256" if system.key == "p256" else "rsa-2048",
        "files": {
            "certificate": str(system.part(name, "server.pem")), "key": str(system.part(name, "server.key")),
            "trust_bundle": str(system.part(name, "roots.pem")),
        },
        "activation": {"command": [*system.activation, name]},
    }
    return described | changes
