"""A piece of work, and those who do it in turn."""
import dataclasses
import os
import time
import typing

from figures import Failed, Figures, median


@dataclasses.dataclass
class Runner:
    """One who does a piece of work."""
    name: str
    run: typing.Callable[[], Figures]
    """Does it once, checks the result, and raises Failed where there is no figure."""
    largest: int = 1_000_000
    """With more components it would take too long."""


@dataclasses.dataclass
class Result:
    contestant: str
    figures: Figures | None = None
    rounds: list = dataclasses.field(default_factory=list)
    reason: str = ""
    """Why there is no figure."""


@dataclasses.dataclass
class Case:
    workload: str
    form: str
    size: int
    runners: list
    each: int = 0
    """What the cost is divided by; 0 for the size."""
    floor: str = "floor"
    """Who is compared with."""
    results: list = dataclasses.field(default_factory=list)

    @property
    def title(self):
        return f"{self.workload}, {self.form}, {self.size:,}"

    def run(self, chosen, say):
        """All rounds; each contestant begins one as often as the others, as far as the rounds allow."""
        wanted = [runner for runner in self.runners if not chosen.contestants or runner.name in chosen.contestants]
        self.results = [Result(runner.name) for runner in wanted]
        for number in range(chosen.rounds):
            for index in range(len(wanted)):
                place = (index + number) % len(wanted)
                self.attempt(wanted[place], self.results[place], say)
        for result in self.results:
            if result.rounds and not result.reason:
                result.figures = median(result.rounds)
        return self

    def attempt(self, runner, result, say):
        if result.reason:
            return
        if self.size > runner.largest:
            result.reason = f"not run beyond {runner.largest:,}"
            return
        # What earlier runs have left to be written is not this one's.
        os.sync()
        begun = time.monotonic()
        try:
            result.rounds.append(runner.run())
            say(f"{self.title}: {runner.name} {result.rounds[-1].seconds:.3f} s")
        except Exception as failure:
            # The others' figures are worth having all the same.
            result.reason = str(failure) if isinstance(failure, Failed) else repr(failure)
            say(f"{self.title}: {runner.name} shows no figure after {time.monotonic() - begun:.0f} s: {failure}")
