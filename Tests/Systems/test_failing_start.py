"""A call of a start fails: the disk is full, or it is broken. The program says so and ends, or it can do without; and once
the disk is well again it starts as if nothing had been."""
import contextlib
import errno
import re
import signal

import pytest

from faults import FAIL, kind
from fragile import wait_dead_or
from scenarios import FirstStart, Start, try_start
from trial import Trial

# What such a failure is called.
CLEAR = re.compile(r"disk|room|space|input/output|cannot be (made|written|opened|read)", re.IGNORECASE)


def fail(trial, only, error):
    """Lets the first call of a kind fail; whether the program has ended of it, or None where it came to no such call."""
    system = trial.system
    trial.go_back()
    system.faults.arm(1, FAIL, error, only=only)
    try_start(system)
    has_ended = wait_dead_or(lambda: trial.scenario.is_over(system), system)
    said = system.console.text()
    assert "Fatal error" not in said, said
    if has_ended:
        assert system.console.process.returncode > 0 and CLEAR.search(said), (system.console.process.returncode, said)
    system.stop(signal.SIGKILL)
    return has_ended if system.faults.struck else None


@pytest.mark.parametrize("scenario", [FirstStart, Start])
def test_a_start_of_which_a_call_fails_says_so_or_does_without_it_and_the_next_one_is_good(tmp_path, scenario):
    trial = Trial(tmp_path, scenario())
    tried, ended, lost = 0, 0, []
    with contextlib.closing(trial.system):
        for index, only in enumerate(sorted(set(map(kind, trial.rehearse())))):
            try:
                has_ended = fail(trial, only, (errno.ENOSPC, errno.EIO)[index % 2])
                if has_ended is None:
                    continue
                tried += 1
                ended += has_ended
                trial.see_through(scenario is Start, {}, "abort")
            except Exception as error:
                lost.append((" ".join(only), error))
                trial.system.stop(signal.SIGKILL)
    print(f"\n{scenario.__name__}: {tried} kinds of calls failed, {ended} ended the start, {len(lost)} without a good end")
    for only, error in lost:
        print(f"lost at {only}: {error!r}")
    assert tried > 10 and ended and not lost, lost
