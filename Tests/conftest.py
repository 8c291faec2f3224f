import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "Support"))

from sanitizers import SANITIZED  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "plain: needs the program as it is shipped, whose memory no sanitizer keeps")


def pytest_collection_modifyitems(config, items):
    """What looks into the program's memory, or at its limits, has nothing to see in one that sanitizers watch."""
    plain = [item for item in items if SANITIZED and item.get_closest_marker("plain")]
    if plain:
        config.hook.pytest_deselected(items=plain)
        items[:] = [item for item in items if item not in plain]


def pytest_terminal_summary(terminalreporter):
    """What a test prints as a figure is a result, so it is shown though the test has passed."""
    for report in terminalreporter.stats.get("passed", []):
        for line in report.capstdout.splitlines():
            if line.startswith("figure: "):
                terminalreporter.write_line(line.removeprefix("figure: "))
