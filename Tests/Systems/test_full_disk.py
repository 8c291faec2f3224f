"""Writing fails: the disk is full, or it is broken. What needs it fails with a clear sentence, nothing half is left, the
components go on serving what they served, and the same act succeeds once there is room.

The gate lets some calls fail, with either error; `REROOT_FULL_DISKS=all` every one, with each of the two.
`REROOT_FULL_DISKS_SHARE=2/5` takes every fifth of them, from the second on.
"""
import collections
import contextlib
import errno
import html
import os
import re
import signal

import pytest

import update as steps
from disk import SmallDisk
from faults import FAIL
from fragile import SETTLED, Fragile
from scenarios import Certificate, Decide, Import, Update
from servers import wait_until
from trial import Trial

EVERY = os.environ.get("REROOT_FULL_DISKS") == "all"
FIRST, STEP = (int(part) for part in os.environ.get("REROOT_FULL_DISKS_SHARE", "1/1").split("/"))
# No two runs are quite the same, so a few more numbers are tried than the rehearsal had calls.
MARGIN = 10
ERRORS = (errno.ENOSPC, errno.EIO)
# What is said of the disk under the data folder, and what the failure of an action is called.
REFUSED = re.compile("The disk that holds Reroot's data folder (is full|failed)")
CLEAR = re.compile(r"disk|room|space|input/output|quota", re.IGNORECASE)
WAITING = "Reroot cannot write"
NOT_PUT_BACK = "The files replaced before could not all be put back either"
FULL = "The disk that holds Reroot's data folder is full. Make room there."


class Failing(Update):
    """An update in which nothing fails but a disk."""

    names = "ab"
    fails = False


class Broken(Trial):
    """A scenario of which the calls fail, one after the other."""

    def count(self):
        """How many calls there are when none fails: those on files of the console, and those on files of the components."""
        calls = [call.split(" ", 1)[1] for call in self.rehearse()]
        return {where: sum(path.startswith(f"/{where}/") for path in calls) for where in ("data", "parts")}

    def fail(self, where, number, error, lasting):
        """Lets one call fail, or that and all later ones, until there is room again; what came of it, or None where it did
        not come to that."""
        system = self.system
        self.go_back()
        self.former = {part.name: (part.files(), part.served()) for part in system.parts}
        self.known = set(self.failures())
        self.lasting = lasting
        try:
            system.faults.arm(number, FAIL, error, lasting, f"{system.live / where}/")
            came = self.see_what_comes()
            return came if system.faults.struck else None
        finally:
            system.stop(signal.SIGKILL)

    def see_what_comes(self):
        """The act is refused, or fails later, or waits, or does without what failed; then there is room again."""
        system, scenario = self.system, self.scenario
        acknowledged, came = scenario.act(system), "done all the same"
        assert scenario.answer is not None and system.is_alive, "the console has died"
        if not acknowledged:
            came = "refused"
            assert REFUSED.search(html.unescape(scenario.answer.text)), scenario.answer.text
            self.expect_untouched()
            system.faults.disarm()
            scenario.look(system, False, {})
            assert scenario.act(system), f"it is refused again: {scenario.answer.text}"
        elif system.update:
            wait_until(self.stands_still, "the update stands still", 60)
            came = self.expect_clear() or came
        system.faults.disarm()
        self.expect_whole()
        scenario.end(system, "finish")
        return came

    def stands_still(self):
        """It asks or has ended, or waits for room in the data folder: it tries again each second, and its page says so."""
        if self.system.standing() in SETTLED:
            return True
        return self.lasting and self.waits() and WAITING in self.system.client.get(self.system.update).text

    def waits(self):
        """Whether the log says that what has ended cannot be written."""
        said = re.search(r"reason=(.*) \[\w+\] journal not written", self.system.console.text())
        assert not said or REFUSED.search(said.group(1)), said
        return said is not None

    def failures(self):
        return steps.failures(self.system.client.get(self.system.update)) if self.system.update else []

    def expect_clear(self):
        """Whoever has failed now has a failure that says what it is about, and what was not replaced serves what it served.
        Returns what came of it, where that can be told."""
        found = [failure for failure in self.failures() if failure not in self.known]
        sentences = {}
        for heading, sentence in found:
            sentences.setdefault(re.sub(r"^\w+", "", heading), []).append(sentence)
        for said in sentences.values():
            assert any(CLEAR.search(sentence) for sentence in said), found
        for part in self.system.parts:
            if any(re.search(rf"^Deploy.*\b{part.name} failed", heading) for heading, _ in found):
                assert part.served() == self.former[part.name][1]
        return "failed" if found else "waited" if self.waits() else None

    def expect_untouched(self):
        """What was refused has done nothing."""
        for part in self.system.parts:
            assert (part.files(), part.served()) == self.former[part.name], f"{part.name} is not what it was"
            part.expect_no_traces()

    def expect_whole(self):
        """Nothing half is left, and every component serves what it served or what lies in its files. Only a disk that goes
        on failing keeps files from being put back, and the failure says that; the end shows that Retry mends it."""
        if any(NOT_PUT_BACK in sentence for _, sentence in self.failures()):
            assert self.lasting, "one failing call has left files half replaced"
            return
        self.scenario.look(self.system, True, {})
        for part in self.system.parts:
            assert part.served() in (None, self.former[part.name][1], part.leaf()), f"{part.name} serves something else"


SCENARIOS = [
    # What is done, its scenario, and how many calls of the console's and of the components' files the gate lets fail.
    ("update", Failing, 3, 2),
    ("import of a root", Import, 2, 0),
    ("decision retry", lambda: Decide("retry"), 2, 0),
    ("decision override", lambda: Decide("override"), 1, 1),
    ("decision continue", lambda: Decide("continue"), 2, 0),
    ("decision abort", lambda: Decide("abort"), 1, 1),
    ("change of the console's certificate", Certificate, 2, 0),
]


def chosen(counts, samples):
    """Where, at which call, with which error, and whether from there on: every call with both errors, or a few all over."""
    if EVERY:
        points = [
            (where, number, error)
            for where, count in counts.items() if count for number in range(1, count + MARGIN) for error in ERRORS
        ][FIRST - 1 :: STEP]
    else:
        numbers = [
            (where, 1 + (2 * index + 1) * counts[where] // (2 * sample))
            for where, sample in samples.items() for index in range(sample)
        ]
        points = [(where, number, ERRORS[index % 2]) for index, (where, number) in enumerate(numbers)]
    return [(*point, index % 3 == 0) for index, point in enumerate(points)]


@pytest.mark.parametrize("name, make, data, parts", SCENARIOS, ids=[name for name, *_ in SCENARIOS])
def test_a_call_that_fails_is_told_clearly_and_costs_nothing(tmp_path, name, make, data, parts):
    broken = Broken(tmp_path, make())
    tried, lost = collections.Counter(), []
    with contextlib.closing(broken.system):
        counts = broken.count()
        for where, number, error, lasting in chosen(counts, {"data": data, "parts": parts}):
            try:
                came = broken.fail(where, number, error, lasting)
                tried.update([came] if came else [])
            except Exception as problem:
                lost.append((where, number, errno.errorcode[error], lasting, broken.system.faults.last, repr(problem)))
    found = ", ".join(f"{count} {came}" for came, count in sorted(tried.items()))
    print(
        f"\nfigure: writing fails, {name}: {tried.total() + len(lost)} tried of {len(ERRORS)} errors at "
        f"{sum(counts.values())} calls ({found}), {len(lost)} without a good end"
    )
    assert tried and not lost, lost


@pytest.fixture
def small(tmp_path, request):
    """A system of which one folder is on a small disk of its own."""
    disk = SmallDisk(tmp_path / "live" / request.param, 16)
    system = None
    try:
        system = Fragile(tmp_path, names="ab")
        system.plan()
        yield system, disk
    finally:
        if system:
            system.close()
        disk.close()


@pytest.mark.parametrize("small", ["data"], indirect=True)
def test_a_full_disk_under_the_data_folder_refuses_a_start_and_a_decision_until_there_is_room(small):
    system, disk = small
    disk.fill()
    answer = system.begin()
    assert answer.status >= 400 and FULL in html.unescape(answer.text)
    system.expect_before()
    disk.make_room()
    system.let_fail("a")
    assert system.begin().status == 303
    system.settled()
    disk.fill()
    form = system.decision_form("retry")
    answer = system.client.post(form["action"], form["fields"], follow=False)
    assert answer.status >= 400 and FULL in html.unescape(answer.text)
    assert system.standing() == "deciding"
    disk.make_room()
    system.expect_end(system.finish())


@pytest.mark.parametrize("small", ["parts/a"], indirect=True)
@pytest.mark.parametrize("way", ["finish", "abort"])
def test_a_full_disk_under_a_component_fails_its_action_alone(small, way):
    system, disk = small
    disk.fill()
    assert system.begin().status == 303
    (heading, sentence), = steps.failures(system.settled())
    assert " a" in heading and "no space left" in sentence, (heading, sentence)
    assert system.parts[0].files() == system.before["a"][0] and system.parts[0].served() == system.before["a"][1]
    disk.make_room()
    system.expect_end(system.finish() if way == "finish" else system.abort())
