import signal

import pytest

from console import Console

# Where the tests are started by what ignores it (nohup), so would every server, and the JVM then takes no handler for it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def console(tmp_path):
    """Starts a console that knows the given components; it is ended afterwards."""
    started = []

    def start(components):
        started.append(Console(tmp_path / "console", components=components).start().set_up())
        return started[0].client

    yield start
    for one in started:
        one.stop(signal.SIGKILL)
