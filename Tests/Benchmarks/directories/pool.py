"""Python with a pool of processes: certificates by `cryptography`, or by `cfssl serve`."""
import sys

from figures import launched
from places import HERE

from .contestant import Contestant


class Python(Contestant):
    name = "python"
    maker = "cryptography"

    def run(self):
        system = self.system
        words = [
            sys.executable, HERE / "directories" / "pool_main.py", self.maker, system.folder, system.size, system.form,
            system.key, *system.activation,
        ]
        return launched(words, self.chosen.limit)


class CFSSL(Python):
    """Its server is started and ended within the measurement, and counted; that takes some hundredths of a second."""

    name = "cfssl"
    maker = "cfssl"
