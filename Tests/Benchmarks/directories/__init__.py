"""N components of this machine, each a folder with a key, a certificate and a trust bundle."""
import contextlib

from case import Case, Runner
from options import SIZES
from places import folder

from .ansible import Mitogen, Plain
from .floor import Floor
from .pool import CFSSL, Python
from .reroot import Reroot
from .shell import Shell
from .system import NEW_ROOT, P256, RENEWAL, RSA, System

CONTESTANTS = [Floor, Reroot, Shell, CFSSL, Python, Mitogen, Plain]


def cases(chosen):
    for size in chosen.sizes or SIZES:
        for form in (RENEWAL, NEW_ROOT):
            yield case(chosen, size, form, P256)
        if size == 100:
            yield case(chosen, size, RENEWAL, RSA)


def case(chosen, size, form, key):
    runners = [
        Runner(kind.name, lambda kind=kind: run(kind, chosen, size, form, key), kind.largest) for kind in CONTESTANTS
    ]
    return Case("directories", form if key == P256 else f"{form} with {key}", size, runners)


def run(kind, chosen, size, form, key):
    """One contestant on a system as if nobody had been there before."""
    with folder("directories") as place:
        system = System(place, size, form, key)
        with contextlib.closing(kind(system, chosen)) as contestant:
            contestant.prepare()
            figures = contestant.run()
        figures.more |= system.check()
        return figures
