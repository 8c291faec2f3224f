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


def case(chosen, size, form, key, kind=System, contestants=CONTESTANTS):
    runners = [
        Runner(one.name, lambda one=one: run(one, chosen, kind, size, form, key), one.largest) for one in contestants
    ]
    return Case(kind.workload, form if key == P256 else f"{form} with {key}", size, runners)


def run(contestant, chosen, kind, size, form, key):
    """One contestant on a system as if nobody had been there before."""
    with folder(kind.workload) as place, contextlib.closing(kind(place, size, form, key)) as system:
        with contextlib.closing(contestant(system, chosen)) as one:
            one.prepare()
            figures = one.run()
        figures.more |= system.check()
        return figures
