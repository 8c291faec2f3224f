"""What a run has cost."""
import dataclasses
import json
import pathlib
import statistics
import subprocess
import tempfile

from places import program


class Failed(Exception):
    """A run that shows no figure, and why."""


@dataclasses.dataclass
class Figures:
    seconds: float
    """Until all was done."""
    cpu: float
    """Seconds of CPU, user and system, of all processes."""
    peak: int
    """Bytes: the peak memory of the largest process."""
    more: dict = dataclasses.field(default_factory=dict)
    """What only some can say, by its name."""


def launched(words, limit, **options):
    """Runs a program and counts it and all that it has started."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "figures"
        ran = subprocess.run(
            [program("launch"), str(limit), str(file), *map(str, words)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)
        if ran.returncode != 0:
            raise Failed(f"it was not started: {ran.stdout[-500:]}")
        told = json.loads(file.read_text())
    if told["wasLate"]:
        raise Failed(f"ended after {limit} s")
    if told["status"] != 0:
        raise Failed(f"ended with {told['status']}: {' '.join(ran.stdout.split())[-600:]}")
    return Figures(told["seconds"], told["cpu"], told["peak"])


def median(all_figures):
    """The median of each figure."""
    middle = [statistics.median(getattr(one, name) for one in all_figures) for name in ("seconds", "cpu", "peak")]
    # In the order in which they came.
    names = dict.fromkeys(name for one in all_figures for name in one.more)
    more = {name: statistics.median(one.more[name] for one in all_figures if name in one.more) for name in names}
    return Figures(*middle, more)
