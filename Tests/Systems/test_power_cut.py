"""The power goes off at random moments of an update: what was acknowledged or shown by then is on the disk.

The gate cuts it a few times; `REROOT_POWER_CUTS=200` as often as that.
"""
import os
import random
import signal
import threading
import time

import pytest

from disk import Disk, Stopped
from fragile import Fragile, Watcher, wait_dead_or
from scenarios import Update

CUTS = int(os.environ.get("REROOT_POWER_CUTS", "4"))
CUTS_OF_ONE_UPDATE = 10


class Cut:
    """What the disk held at one moment, and what had been acknowledged and shown by then."""

    def __init__(self, image, acknowledged, shown, moment):
        self.image, self.acknowledged, self.shown, self.moment = image, acknowledged, shown, moment


class Mains:
    """A system whose files are all on one disk."""

    def __init__(self, folder):
        self.disk = Disk(folder)
        self.scenario = Update()
        self.system = None
        try:
            self.system = Fragile(folder / "system", live=self.disk.place)
            self.scenario.prepare(self.system)
            self.system.stop()
            self.system.keep("base")
        except BaseException:
            self.close()
            raise

    def run(self, count, seed, last):
        """Runs the update, and takes a copy of the disk at random moments of it. `last` is how long one took before."""
        self.system.update = None
        self.system.put_back("base")
        self.disk.sync()
        self.system.start()
        moments = sorted(seed.uniform(0, last) for _ in range(count))
        cuts, acknowledged, over = [], threading.Event(), threading.Event()
        watcher = Watcher(self.system)
        begun = time.monotonic()

        def cut():
            for number, moment in enumerate(moments):
                over.wait(max(0, begun + moment - time.monotonic()))
                known = acknowledged.is_set(), dict(watcher.shown)
                with Stopped(self.system.console.process):
                    cuts.append(Cut(self.disk.copy(f"cut-{number}.img"), *known, time.monotonic() - begun))

        cutter = threading.Thread(target=cut)
        cutter.start()
        if self.scenario.act(self.system):
            acknowledged.set()
        # A copy of the disk takes its time, and the update stands still meanwhile.
        assert not wait_dead_or(lambda: self.scenario.is_over(self.system), self.system, limit=300)
        over.set()
        cutter.join()
        watcher.stop()
        self.system.stop(signal.SIGKILL)
        self.disk.detach()
        # The cuts have stopped the clock, so to speak; what they took is no part of the update.
        return cuts, time.monotonic() - begun

    def see_through(self, cut, way):
        """Starts everything on what the disk held, and goes on to a good end."""
        self.disk.attach(cut.image)
        try:
            self.system.restart_servers()
            self.system.start()
            self.scenario.look(self.system, cut.acknowledged, cut.shown)
            self.scenario.end(self.system, way)
        finally:
            self.system.stop(signal.SIGKILL)
            self.disk.detach()
            cut.image.unlink()

    def close(self):
        if self.system:
            self.system.close()
        self.disk.detach()


@pytest.fixture
def mains(tmp_path):
    made = Mains(tmp_path / "disk")
    try:
        yield made
    finally:
        made.close()


def test_nothing_acknowledged_is_lost_by_a_power_cut(mains):
    seed = random.Random(os.environ.get("REROOT_SEED", "4"))
    cut, acknowledged, lost, last = 0, 0, [], 2.0
    while cut < CUTS:
        cuts, last = mains.run(min(CUTS_OF_ONE_UPDATE, CUTS - cut), seed, last)
        for one in cuts:
            way = ("finish", "abort")[cut % 2]
            cut += 1
            acknowledged += one.acknowledged
            try:
                mains.see_through(one, way)
            except Exception as error:
                lost.append((f"{one.moment:.2f} s", way, len(one.shown), error))
        mains.disk.attach(mains.disk.image)
    print(f"\n{cut} power cuts, {acknowledged} of them after the start was acknowledged; {len(lost)} with a loss")
    assert cut == CUTS and not lost, lost
