"""N nginx, each reloaded with its new files and looked at by a handshake."""
from directories import CONTESTANTS, case
from directories.system import NEW_ROOT, P256, RENEWAL

from .system import Servers

SIZES = [20, 100]


def cases(chosen):
    for size in chosen.sizes or SIZES:
        for form in (RENEWAL, NEW_ROOT):
            yield case(chosen, size, form, P256, Servers, CONTESTANTS)
