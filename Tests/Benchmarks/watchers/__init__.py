"""Many event streams during an update, and the same fan-out by programs that do nothing else.

The seconds are the 99th percentile of the time from the journal's write (of others: from the moment at which they were to
publish, so that one who cannot keep up is late) to each client's receipt. All speak TLS. The client is one process on the same machine, the same for all.

The others send as many messages as Reroot has journaled, at the same moments and with the same number of bytes altogether,
though without an update beside it; and once (`slowly`) twenty of them half a second apart, as an update does in which one
component comes after the other.
"""
from case import Case, Runner
from places import folder

from .hubs import ASGI, FEW, LibMicroHTTPD, Nchan, Schedule
from .reroot import COMPONENTS, Reroot, Slow

SIZES = [1_000, 10_000]


def cases(chosen):
    yield Case(
        "watchers", f"an update of {COMPONENTS:,} that nobody watches", 0,
        [Runner("reroot", lambda: run(Reroot, 0, chosen))], each=1)
    # Those who need ten seconds and more of a core for 1,000 would need minutes for 10,000.
    hubs = {LibMicroHTTPD: 1_000_000, Nchan: 1_000, ASGI: 1_000}
    for size in chosen.sizes or SIZES:
        told = []
        runners = [Runner("reroot", lambda size=size, told=told: run(Reroot, size, chosen, told))]
        for hub, largest in hubs.items():
            same = lambda hub=hub, size=size, told=told: run(hub, size, (told or [FEW])[-1])
            runners.append(Runner(hub.name, same, largest))
        yield Case("watchers", "p99", size, runners, each=1, floor=LibMicroHTTPD.name)
        runners = [Runner("reroot", lambda size=size: run(Slow, size, chosen))]
        runners += [Runner(hub.name, lambda hub=hub, size=size: run(hub, size, FEW)) for hub in hubs]
        yield Case("watchers", "p99, slowly", size, runners, each=1, floor=LibMicroHTTPD.name)


def run(kind, size, given, told=None):
    with folder("watchers") as place:
        one = kind(place, given)
        try:
            figures = one.run(size)
            if told is not None:
                told.append(Schedule(one.moments, one.size))
            return figures
        finally:
            one.close()
