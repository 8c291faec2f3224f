"""The program is killed at its durable calls, and started again.

A call is durable when it makes, changes, names or syncs a file of the data folder or of a component. The gate tries some
of every kind; `REROOT_CRASHES=all` tries every one, half of the writes torn, once for each of the two ways on. What is
printed counts them. `REROOT_CRASHES_SHARE=2/5` takes every fifth of them, from the second on.
"""
import collections
import os
import queue
import signal
import threading
from random import Random

import pytest

from faults import KILL, TEAR, kind
from scenarios import Certificate, Decide, FirstStart, Import, RollBack, Start, Stop, Update
from trial import Trial

EVERY = os.environ.get("REROOT_CRASHES") == "all"
FIRST, STEP = (int(part) for part in os.environ.get("REROOT_CRASHES_SHARE", "1/1").split("/"))
WORKERS = int(os.environ.get("REROOT_CRASH_WORKERS", "2"))
# No two runs are quite the same, so a few more numbers are tried than the rehearsal had calls.
MARGIN = 60
WAYS = ("finish", "abort")
ANY = ("", "")


class Runs:
    """What was tried in one scenario, and what came of it."""

    def __init__(self, name):
        self.name = name
        self.tried = collections.Counter()
        self.lost = []
        self.lock = threading.Lock()

    def count(self, call):
        with self.lock:
            self.tried[kind(call)] += 1

    def lose(self, point, error):
        with self.lock:
            self.lost.append((point, error))

    def tell(self):
        points = sum(self.tried.values())
        print(f"\n{self.name}: {points} points tried, {len(self.lost)} lost; {len(self.tried)} kinds of calls")
        for call, count in sorted(self.tried.items()):
            print(f"    {count:4} {' '.join(call)}")
        for point, error in self.lost:
            print(f"lost at {point}: {error!r}")
        assert points > 0 and not self.lost, f"{len(self.lost)} of {points} points lost, the first: {self.lost[0]}"


def try_point(trial, number, only, way, runs):
    """Kills the program at one call, and sees it through."""
    try:
        died, acknowledged, shown = trial.kill(number, TEAR if number % 2 else KILL, only=only)
        if not died:
            return
        runs.count(trial.system.faults.last)
        trial.see_through(acknowledged, shown, way)
    except Exception as error:
        runs.lose(f"{number} {trial.system.faults.last} ({way})", error)
        trial.system.stop(signal.SIGKILL)


def every(calls):
    """Every call by its number, for each of the two ways on."""
    return [(number, ANY, way) for number in range(FIRST, len(calls) + MARGIN, STEP) for way in WAYS]


def some(calls, count):
    """One call of each kind as far as they go, then more of them."""
    kinds = collections.Counter(map(kind, calls))
    # In an order that is the same every time.
    random = Random(count)
    chosen = []
    while len(chosen) < count:
        for only in random.sample(sorted(kinds), len(kinds)):
            chosen.append((random.randint(1, kinds[only]), only, WAYS[len(chosen) % 2]))
    return chosen[:count]


def try_all(tmp_path, make, name):
    """Every point, or a sample, by several workers with systems of their own."""
    runs, numbers = Runs(name), queue.Queue()
    first = Trial(tmp_path / "0", make())
    calls = first.rehearse()
    print(f"\n{name}: {len(calls)} calls", end="")
    for point in every(calls) if EVERY else some(calls, first.scenario.sample):
        numbers.put(point)

    def work(trial):
        while True:
            try:
                number, only, way = numbers.get_nowait()
            except queue.Empty:
                return
            try_point(trial, number, only, way, runs)

    trials = [first] + [Trial(tmp_path / str(index), make()) for index in range(1, WORKERS)]
    threads = [threading.Thread(target=work, args=(trial,)) for trial in trials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for trial in trials:
        trial.system.close()
    runs.tell()


def test_killed_at_any_call_of_an_update_nothing_is_lost(tmp_path):
    try_all(tmp_path, Update, "update with a failing component")


@pytest.mark.parametrize("decision", ["retry", "override", "continue", "abort"])
def test_killed_at_any_call_of_a_decision_nothing_is_lost(tmp_path, decision):
    try_all(tmp_path, lambda: Decide(decision), f"decision {decision}")


def test_killed_at_any_call_of_a_roll_back_nothing_is_lost(tmp_path):
    try_all(tmp_path, RollBack, "roll back of a completed update")


def test_killed_at_any_call_of_a_change_of_the_consoles_certificate_nothing_is_lost(tmp_path):
    try_all(tmp_path, Certificate, "change of the console's certificate")


def test_killed_at_any_call_of_an_import_nothing_is_lost(tmp_path):
    try_all(tmp_path, Import, "import of a root")


def test_killed_at_any_call_of_its_own_end_nothing_is_lost(tmp_path):
    try_all(tmp_path, Stop, "end in good order")


def test_killed_at_any_call_of_the_start_after_a_crash_nothing_is_lost(tmp_path):
    try_all(tmp_path, Start, "start after a crash")


def test_killed_at_any_call_of_the_first_start_the_next_one_is_the_first(tmp_path):
    try_all(tmp_path, FirstStart, "first start")
