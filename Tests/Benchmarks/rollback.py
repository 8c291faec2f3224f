"""An update of N folders whose last component fails, and the way back by Abort: from the decision to *rolled back*.

Nobody else can do it, so it is compared with Reroot's own update to that point.
"""
import time

import phases
from case import Case, Runner
from directories.system import NEW_ROOT, P256, RENEWAL, System
from figures import Failed, Figures
from options import SIZES
from places import folder
from served import Served


def cases(chosen):
    for size in chosen.sizes or SIZES:
        for form in (RENEWAL, NEW_ROOT):
            yield Case("rollback", form, size, [Runner("reroot", lambda s=size, f=form: run(chosen, s, f))])


def run(chosen, size, form):
    with folder("rollback") as place:
        system = System(place, size, form, P256)
        served = Served(place / "console", chosen.limit)
        try:
            return measured(served, system)
        finally:
            served.stop()


def measured(served, system):
    root = served.import_root(system.new)
    components = [system.component(name) for name in system.names]
    components[-1] |= {"stage": 2, "activation": {"command": ["/bin/sh", "-c", refusing(system)]}}
    served.apply(components)
    update, forward = served.update(served.plan(root), wanted="deciding")
    asked = served.send("GET", f"/updates/{update}")
    with served.cost(f"rollback-{system.form}-{system.size}") as cost:
        begun = time.time()
        decision = {"decision": "abort", "question": asked["question"]}
        served.send("POST", f"/updates/{update}/decisions", decision)
        served.wait(update, "rolledBack")
    check(system)
    with served.database() as database:
        seconds = phases.last_moment(database, update) - begun
        more = phases.spans(database, update, begun)
    more |= {"the update itself s": forward.seconds, "ratio to the update": seconds / forward.seconds}
    return Figures(seconds, cost["cpu"], cost["peak"], more)


def refusing(system):
    """Fails while another certificate than the first one is there."""
    name = system.names[-1]
    first = system.folder / "first.pem"
    first.write_bytes(system.first[name])
    return f"cmp -s {first} {system.part(name, 'server.pem')} && exec {' '.join(system.activation)} {name}"


def check(system):
    for name in system.names:
        if system.part(name, "server.pem").read_bytes() != system.first[name]:
            raise Failed(f"the check failed: {name} has not its first certificate")
        if system.part(name, "roots.pem").read_bytes() != system.old.pem:
            raise Failed(f"the check failed: {name} has not its first trust bundle")
