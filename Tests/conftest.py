import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "Support"))


def pytest_terminal_summary(terminalreporter):
    """What a test prints as a figure is a result, so it is shown though the test has passed."""
    for report in terminalreporter.stats.get("passed", []):
        for line in report.capstdout.splitlines():
            if line.startswith("figure: "):
                terminalreporter.write_line(line.removeprefix("figure: "))
