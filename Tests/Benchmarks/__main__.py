"""Runs contestants in turn on the same work and prints what each has cost. `Scripts/bench` starts it."""
import signal
import sys

import options
import places  # Makes what the tests share findable.
import profile_of
from table import Table

import directories
import nginx
import pages
import rollback
import ssh
import start
import watchers

# The order is that of importance: what comes first is there even when the rest is not waited for.
WORKLOADS = {
    "directories": directories.cases,
    "rollback": rollback.cases,
    "servers": nginx.cases,
    "watchers": watchers.cases,
    "pages": pages.cases,
    "ssh": ssh.cases,
    "start": start.cases,
}


def main():
    # Whatever ends it, what it has started is ended and what it has made is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = options.read(list(WORKLOADS))
    places.prepare(chosen)
    profile_of.is_wanted = chosen.profile
    table = Table(chosen)
    for name in chosen.only:
        for case in WORKLOADS[name](chosen):
            if case.run(chosen, table.say).results:
                table.add(case)
    table.close()
    return 1 if table.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
