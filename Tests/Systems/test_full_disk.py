"""Writing fails: the disk is full, or it is broken. The action that needs it fails with a clear sentence, the
component goes on serving what it served, and Retry works once there is room.

The gate lets some calls fail; `REROOT_FULL_DISKS=all` every one.
"""
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
from scenarios import Update
from servers import wait_until

EVERY = os.environ.get("REROOT_FULL_DISKS") == "all"
SAMPLE = 7
# What such a failure is called.
CLEAR = re.compile(r"disk|room|space|input/output|quota", re.IGNORECASE)


FULL = "The disk that holds Reroot's data folder is full. Make room there."


class Failing(Update):
    """An update in which nothing fails but a disk."""

    names = "ab"
    fails = False


class Broken:
    """One system, whose calls fail one after the other."""

    def __init__(self, folder, live=None):
        self.scenario = Failing()
        self.system = Fragile(folder, names=self.scenario.names, live=live)
        self.scenario.prepare(self.system)
        self.system.stop()
        self.system.keep("base")

    def go_back(self):
        self.system.put_back("base")
        self.system.update = None
        self.system.start()

    def rehearse(self, prefix):
        self.go_back()
        self.system.faults.arm(prefix=prefix)
        assert self.system.begin().status == 303
        self.system.settled()
        count = self.system.faults.counted
        self.system.stop(signal.SIGKILL)
        return count

    def fail(self, number, lasting, prefix):
        """Lets one call fail, or that and all later ones, until there is room again; whether it came to that."""
        system = self.system
        self.go_back()
        try:
            error = (errno.ENOSPC, errno.EIO)[number % 2]
            system.faults.arm(number, FAIL, error, lasting, prefix)
            self.see_through(prefix)
            return system.faults.struck > 0
        finally:
            system.stop(signal.SIGKILL)

    def see_through(self, prefix):
        system = self.system
        answer = system.begin()
        assert answer is not None, "the console has died"
        if answer.status != 303:
            assert CLEAR.search(answer.text), answer.text
            system.faults.disarm()
            system.expect_before()
            assert system.begin().status == 303
        wait_until(lambda: self.stands_still(), "the update stands still", 60)
        page = system.client.get(system.update)
        assert page.status == 200
        if 'data-standing="deciding"' in page.text:
            self.expect_clear(page)
        system.faults.disarm()
        system.expect_end(system.finish())

    def stands_still(self):
        """It asks or has ended, or waits for room in the data folder: it tries again each second."""
        return self.system.standing() in SETTLED or self.system.faults.struck > 1

    def expect_clear(self, page):
        """Each failure says what it is about, and its component serves what it served."""
        found = steps.failures(page)
        assert found and all(CLEAR.search(sentence) for _, sentence in found), found
        for part in self.system.parts:
            if any(re.search(rf"^Deploy.*\b{part.name} failed", heading) for heading, _ in found):
                assert part.served() == self.system.before[part.name][1]


@pytest.mark.parametrize("where", ["data", "parts"])
def test_a_call_that_fails_is_told_clearly_and_costs_nothing(tmp_path, where):
    broken = Broken(tmp_path)
    prefix = f"{broken.system.live / where}/"
    count = broken.rehearse(prefix)
    numbers = range(1, count + 1) if EVERY else [1 + index * count // SAMPLE for index in range(SAMPLE)]
    tried, lost = 0, []
    for index, number in enumerate(numbers):
        try:
            tried += broken.fail(number, index % 3 == 0, prefix)
        except Exception as error:
            lost.append((number, broken.system.faults.last, repr(error)))
    broken.system.close()
    print(f"\n{where}: {tried} of {count} calls failed, {len(lost)} times without a good end")
    assert tried > 0 and not lost, lost


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
