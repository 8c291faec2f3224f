"""Ways in which an update fails in the middle."""
import os
import subprocess

from servers import as_nobody, wait_until

START = "when the update starts"
MIDDLE = "when the first components have their new certificate"


class Fault:
    """Something that goes wrong at a moment of an update, until it is mended."""

    def __init__(self, title, moment, strike, expected, before_plan=None):
        """
        - strike: lets it happen to a system; returns what mends it.
        - expected: words of the failure on the update's page.
        - before_plan: what is done before the plan is made; returns what is done after the rollback.
        """
        self.title = title
        self.moment = moment
        self.strike = strike
        self.expected = expected
        self.before_plan = before_plan or (lambda system: lambda: None)
        # The plan names what it finds, and the update is started in spite of it.
        self.is_foreseen = before_plan is not None

    def strike_at_its_moment(self, system, start):
        """Calls `start`, which starts the update, and lets the fault happen; returns what mends it."""
        if self.moment == START:
            mend = self.strike(system)
            start()
            return mend
        first = system.inner.certificate
        before = first.stat().st_ino
        start()
        wait_until(lambda: first.stat().st_ino != before, "the deployment of the first component")
        return self.strike(system)


def replace(file, text):
    """A file's content is another at once, with the same owner and mode; returns what puts the former one back."""
    former, status = file.read_text(), file.stat()

    def write(content):
        next = file.with_name(file.name + ".next")
        next.write_text(content)
        next.chmod(status.st_mode & 0o777)
        if os.getuid() == 0:
            os.chown(next, status.st_uid, status.st_gid)
        next.replace(file)

    write(text)
    return lambda: write(former)


def pid_file_names(number, file):
    """The first line of a pid file is another number."""
    return replace(file, "\n".join([str(number), *file.read_text().split("\n")[1:]]))


def signal_goes_astray(server):
    """The pid file names a process that takes the signal and does nothing: files replaced, nothing loaded."""
    stranger = subprocess.Popen(as_nobody(["sh", "-c", "trap : USR2 HUP; while :; do sleep 1; done"]))
    put_back = pid_file_names(stranger.pid, server.pid_file)

    def mend():
        put_back()
        stranger.kill()
        stranger.wait()

    return mend


def read_only(folder):
    """Nothing can be made in a folder."""
    if os.getuid() != 0:
        folder.chmod(0o555)
        return lambda: folder.chmod(0o755)
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
    return lambda: subprocess.run(["umount", folder], check=True)


def renamed(file):
    away = file.with_name("away")
    file.rename(away)
    return lambda: away.rename(file)


def wrong_endpoint(system):
    """The console looks for a component where another one of its stage answers."""
    right = system.haproxy.component()
    wrong = system.haproxy.component()
    wrong["endpoints"][0]["port"] = system.mosquitto.port
    system.change(wrong)
    return lambda: system.change(right)


def console_killed(system):
    system.restart_console()
    return lambda: None


def nothing(_):
    return lambda: None


NOBODY_THERE = 4_194_300

FAULTS = [
    Fault("HAProxy's reload signal goes astray", MIDDLE, lambda system: signal_goes_astray(system.haproxy),
          "still serves the previous certificate"),
    Fault("a client's folder is read-only", START, lambda system: read_only(system.reports.own), "ead-only"),
    Fault("the console is killed", MIDDLE, console_killed, "was ended in the middle"),
    Fault("PostgreSQL's pid file names nobody", START,
          lambda system: pid_file_names(NOBODY_THERE, system.postgresql.pid_file), str(NOBODY_THERE)),
    Fault("Mosquitto's activation ends with an error", MIDDLE,
          lambda system: replace(system.mosquitto.script, "#!/bin/sh\necho not today >&2\nexit 1\n"), "not today"),
    Fault("the console looks at the wrong endpoint", START, nothing, "serves another certificate",
          before_plan=wrong_endpoint),
    Fault("Redis does not listen on its local socket", START, lambda system: renamed(system.redis.socket),
          "ended with status 1"),
    Fault("Mosquitto's activation hangs", MIDDLE,
          lambda system: replace(system.mosquitto.script, "#!/bin/sh\nsleep 600\n"), "did not end within"),
    Fault("the edge's pid file names nobody", MIDDLE,
          lambda system: pid_file_names(NOBODY_THERE, system.edge.pid_file), str(NOBODY_THERE)),
    Fault("the edge's folder is read-only", MIDDLE, lambda system: read_only(system.edge.own), "ead-only"),
]
