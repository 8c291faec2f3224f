import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "Support"))

from overheard import overheard  # noqa: E402
from sanitizers import SANITIZED  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "plain: needs the program as it is shipped, whose memory no sanitizer keeps")


def pytest_collection_modifyitems(config, items):
    """What looks into the program's memory, or at its limits, has nothing to see in one that sanitizers watch."""
    plain = [item for item in items if SANITIZED and item.get_closest_marker("plain")]
    if plain:
        config.hook.pytest_deselected(items=plain)
        items[:] = [item for item in items if item not in plain]


@pytest.fixture(autouse=True)
def nothing_is_given_away():
    """A test fails in which a server said what it must not give away, whatever else the test was about."""
    yield
    assert overheard.take() == []


@pytest.fixture(scope="session", autouse=True)
def what_was_heard(tmp_path_factory):
    """Leaves behind, for leftovers.py, how much was searched, also where several processes run the tests."""
    yield
    overheard.write(tmp_path_factory.getbasetemp() / "overheard.json")


def pytest_terminal_summary(terminalreporter):
    """What a test prints as a figure is a result, so it is shown though the test has passed."""
    for report in terminalreporter.stats.get("passed", []):
        for line in report.capstdout.splitlines():
            if line.startswith("figure: "):
                terminalreporter.write_line(line.removeprefix("figure: "))
