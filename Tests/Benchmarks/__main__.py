"""Runs contestants in turn on the same work and prints what each has cost. `Scripts/bench` starts it."""
import options
import places
import profile_of
from table import Table

# The order is that of importance: what comes first is there even when the rest is not waited for.
import directories
import rollback

WORKLOADS = {module.__name__: module.cases for module in (directories, rollback)}


def main():
    chosen = options.read(list(WORKLOADS))
    places.prepare(chosen)
    profile_of.is_wanted = chosen.profile
    table = Table(chosen)
    for name in chosen.only:
        for case in WORKLOADS[name](chosen):
            table.add(case.run(chosen, table.say))
    table.close()
    return 1 if table.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
