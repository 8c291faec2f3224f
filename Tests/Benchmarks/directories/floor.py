"""The smallest program over OpenSSL that does it: floor.c."""
from figures import launched
from places import program

from .contestant import Contestant


class Floor(Contestant):
    name = "floor"

    def run(self):
        system = self.system
        words = [program("floor"), system.folder, system.size, system.form, system.key, *system.floor_activation]
        return launched(words, self.chosen.limit)
