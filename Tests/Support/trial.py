"""A scenario that is broken into again and again, each time from the same beginning."""
import signal

from fragile import Fragile, Watcher, wait_dead_or


class Trial:
    """A system for one scenario, and what it goes back to before each point."""

    def __init__(self, folder, scenario):
        self.scenario = scenario
        self.system = Fragile(folder, names=scenario.names)
        scenario.prepare(self.system)
        self.update = self.system.update
        self.system.stop()
        self.system.keep("base")

    def go_back(self):
        self.system.put_back("base")
        self.system.update = self.update
        self.scenario.ready(self.system)

    def rehearse(self, prefix=None):
        """The calls when nothing happens, on all files or on those under a prefix."""
        self.go_back()
        self.system.faults.arm(prefix=prefix)
        self.scenario.act(self.system)
        wait_dead_or(lambda: self.scenario.is_over(self.system), self.system)
        assert not self.system.faults.struck and self.system.faults.counted, "something is done, and nothing happens"
        calls = self.system.faults.calls
        self.system.stop(signal.SIGKILL)
        return calls

    def kill(self, number, act, prefix=None, only=("", "")):
        """Lets the program be killed at one call; whether it was reached, what was acknowledged, and what was shown."""
        self.go_back()
        watcher = Watcher(self.system)
        self.system.faults.arm(number, act, prefix=prefix, only=only)
        acknowledged = self.scenario.act(self.system)
        wait_dead_or(lambda: self.scenario.is_over(self.system), self.system)
        # Whoever gets no answer knows it sooner than whoever waits for the process.
        died = self.system.faults.struck > 0
        watcher.stop()
        self.system.stop(signal.SIGKILL)
        return died, acknowledged, watcher.shown

    def see_through(self, acknowledged, shown, way):
        """After the next start: nothing is lost, and one of the two ways leads to a good end."""
        self.system.start()
        self.scenario.look(self.system, acknowledged, shown)
        self.scenario.end(self.system, way)
        self.system.stop(signal.SIGKILL)
