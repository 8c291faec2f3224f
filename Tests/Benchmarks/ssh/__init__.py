"""N components on hosts that are reached by SSH: addresses of the loopback network, served by a real sshd for 16 each."""
from directories import CONTESTANTS, case
from directories.system import NEW_ROOT, P256, RENEWAL

from .system import Hosts

SIZES = [20, 100]
# The others work on files of the machine that they run on.
NAMES = ("reroot", "shell", "ansible-mitogen", "ansible")


def cases(chosen):
    for size in chosen.sizes or SIZES:
        for form in (RENEWAL, NEW_ROOT):
            yield case(chosen, size, form, P256, Hosts, [one for one in CONTESTANTS if one.name in NAMES])
