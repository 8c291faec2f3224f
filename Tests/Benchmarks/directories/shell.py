"""A plain shell script over `openssl`, for as many components at once as there are processors."""
import os

from figures import launched
from places import HERE

from .contestant import Contestant

SCRIPT = HERE / "directories" / "update.sh"


class Shell(Contestant):
    name = "shell"
    largest = 1_000

    def run(self):
        names = self.system.folder / "names"
        names.write_text("".join(f"{name}\n" for name in self.system.names))
        passes = " && ".join(
            f'xargs -a "{names}" -n 1 -P {os.cpu_count()} {" ".join(self.system.script_shell + words(self.system, phase))}'
            for phase in phases(self.system))
        return launched(["sh", "-c", passes], self.chosen.limit)


def phases(system):
    return ["trust", "replace"][2 - system.activations:]


def words(system, phase):
    """The script up to the name of the component."""
    bundle = "keep" if system.activations == 2 else "write"
    return [str(SCRIPT), phase, str(system.folder), system.key, bundle, *system.activation]
