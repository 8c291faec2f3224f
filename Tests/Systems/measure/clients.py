"""The clients of the system: components that only connect, and the processes that do it for each of them."""
import pathlib
import subprocess
import sys

from .member import Member
from .outcome import BAD, OK

HERE = pathlib.Path(__file__).resolve().parent


class Process:
    """One process that connects, and what it has written down so far."""

    def __init__(self, program, kind, owner, port):
        self.title = f"{owner.name}, {kind}" + (" kept open" if program == "session" else "")
        self.is_session = program == "session"
        self.folder = owner.folder / f"{program}-{kind}"
        self.folder.mkdir()
        self.results = self.folder / "results"
        words = [sys.executable, HERE / f"{program}.py", kind, owner.combined, owner.bundle, port, self.results]
        self.words = [str(word) for word in words]
        self.process = None

    def start(self):
        with open(self.folder / "output.log", "ab") as log:
            self.process = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )

    def lines(self):
        """Every result as (time, outcome, words), the oldest first."""
        if not self.results.exists():
            return []
        whole = self.results.read_text(errors="replace").rpartition("\n")[0]
        return [line.split("\t") for line in whole.split("\n") if line]

    def tell_to_stop(self):
        if self.process:
            self.process.terminate()

    def stop(self):
        if not self.process:
            return
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.title} did not end") from None


class Client(Member):
    """A component with processes of one or more kinds that connect to one server."""

    stage = 4
    usage = "client"
    is_combined = True

    def __init__(self, folder, authority, name, server, connecting, sessions):
        self.name = name
        self.names = [f"{name}.example"]
        super().__init__(folder, authority)
        self.processes = [Process("client", kind, self, server.port) for kind in connecting]
        self.processes += [Process("session", kind, self, server.port) for kind in sessions]


class Span:
    """What the processes wrote down since a moment: counts, and each bad result in words."""

    def __init__(self, processes):
        self.processes = processes
        self.begins = {process.title: len(process.lines()) for process in processes}

    def results(self, process):
        return process.lines()[self.begins[process.title] :]

    def count(self, outcome, sessions=None):
        """How often something came of an attempt of connecting processes, of sessions, or of both."""
        return sum(
            line[1] == outcome
            for process in self.processes if sessions in (None, process.is_session)
            for line in self.results(process)
        )

    def bad(self):
        """Each bad result as one line of text."""
        return [
            f"{line[0]} {process.title}: {line[1]}: {line[2]}"
            for process in self.processes for line in self.results(process) if line[1] in BAD
        ]

    def has_some_of_each(self, least=2):
        return all(sum(line[1] == OK for line in self.results(process)) >= least for process in self.processes)
