"""Many event streams during an update, and the same fan-out by programs that do nothing else.

The seconds are the 99th percentile of the time from the journal's write (of others: from the moment before they publish) to
each client's receipt. All speak TLS. The client is one process on the same machine, the same for all.
"""
from case import Case, Runner
from places import folder

from .hubs import ASGI, LibMicroHTTPD, Nchan
from .reroot import COMPONENTS, Reroot

SIZES = [1_000, 10_000]


def cases(chosen):
    yield Case(
        "watchers", f"an update of {COMPONENTS:,} that nobody watches", 0,
        [Runner("reroot", lambda: run(Reroot, 0, chosen))], each=1)
    for size in chosen.sizes or SIZES:
        kinds = (Reroot, LibMicroHTTPD, Nchan, ASGI)
        runners = [Runner(kind.name, lambda kind=kind, size=size: run(kind, size, chosen)) for kind in kinds]
        yield Case("watchers", "p99", size, runners, each=1, floor=LibMicroHTTPD.name)


def run(kind, size, chosen):
    with folder("watchers") as place:
        one = kind(place, chosen)
        try:
            return one.run(size)
        finally:
            one.close()
