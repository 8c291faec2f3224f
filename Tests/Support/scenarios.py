"""What is going on when something breaks: each scenario prepares a system, does one thing that matters, and knows what
must be so afterwards and which ways lead on from there."""
import re
import shutil
import signal
import stat

import update as steps
from faults import KILL
from fragile import LOST, SETTLED


class Update:
    """From the start of an update until a component has failed and an administrator is asked."""

    names = "abc"
    sample = 28
    fails = True

    def prepare(self, system):
        system.plan()
        if self.fails:
            system.let_fail()

    def ready(self, system):
        """What is done, and looked at, just before."""
        system.start()

    def act(self, system):
        """What is broken into; whether it was acknowledged, for what is asked for. `answer` is what came, if anything."""
        self.answer = system.begin()
        return self.answer is not None and self.answer.status == 303

    def is_over(self, system):
        """Whether nothing goes on by itself any more."""
        return system.update is not None and system.standing() in SETTLED

    def look(self, system, acknowledged, shown):
        """After the next start, what must be so before anybody does anything."""
        self.expect_kept(system, acknowledged)
        if system.update is None:
            return
        kept = system.shown_log(system.settled())
        for number, text in shown.items():
            assert kept.get(number) == text, f"{number} was shown and is lost: {text}"
        system.expect_sound()

    def expect_kept(self, system, acknowledged):
        """What was acknowledged is so."""
        found = system.rows("SELECT id FROM updates ORDER BY id DESC LIMIT 1")
        assert found or not acknowledged, "the start was acknowledged, and is lost"
        system.update = f"/updates/{found[0][0]}" if found else None

    def end(self, system, way):
        """Goes on in one of two ways, `finish` or `abort`, to a good end."""
        if system.update is None:
            if way == "abort":
                return system.expect_before()
            assert system.begin().status == 303
        system.expect_end(system.finish() if way == "finish" else system.abort())


class Certificate(Update):
    """A whole update that exchanges the console's certificate and hardly anything else."""

    names = "b"
    sample = 6
    fails = False


class Decide(Update):
    """One of the four decisions, until nothing goes on by itself any more."""

    sample = 7

    def __init__(self, decision):
        self.decision = decision

    def prepare(self, system):
        super().prepare(system)
        assert system.begin().status == 303
        system.settled()

    def ready(self, system):
        super().ready(system)
        self.form = system.decision_form(self.decision)

    def act(self, system):
        self.answer = system.post(self.form["action"], self.form["fields"])
        return self.answer is not None and self.answer.status == 303

    def expect_kept(self, system, acknowledged):
        super().expect_kept(system, True)
        decided = any(f'"kind":"{self.decision}"' in event for event in system.events())
        assert decided or not acknowledged, f"{self.decision} was acknowledged, and is lost"


class RollBack(Decide):
    """Abort of an update that has completed, the console's certificate included."""

    sample = 6
    fails = False

    def __init__(self):
        super().__init__("abort")


class Stop(Decide):
    """The end in good order, which folds the log of the database into it, while an administrator is asked."""

    def __init__(self):
        super().__init__("retry")

    def act(self, system):
        system.console.process.send_signal(signal.SIGTERM)
        return False

    def is_over(self, system):
        return not system.is_alive


def try_start(system):
    """Starts the console, which may die of it."""
    try:
        system.launch()
    except AssertionError:
        # Nothing but its death excuses that it did not say where it answers.
        system.console.process.wait(30)


class Start(Update):
    """The start after an update was cut short in the middle of a replacement, until an administrator is asked."""

    sample = 12

    def ready(self, system):
        # Each time anew: what a replacement has left is not recognised in a copy of the folder.
        super().ready(system)
        # The key is the new one by then, and the certificate the old one still.
        system.faults.arm(1, KILL, only=("rename", "/a/server.pem"))
        system.begin()
        system.console.process.wait(60)
        assert system.faults.struck, "the update is cut short"
        system.update = "/updates/1"

    def act(self, system):
        try_start(system)
        # The update was acknowledged before.
        return True


class FirstStart(Update):
    """The very first start, which makes the data folder with all that is in it."""

    names = "b"
    # One of every kind of call.
    sample = 24
    fails = False

    def prepare(self, system):
        system.stop()
        shutil.rmtree(system.live / "data")
        system.changes_https = True

    def ready(self, system):
        """The start is what is broken into."""

    def act(self, system):
        try_start(system)
        return False

    def is_over(self, system):
        return True

    def look(self, system, acknowledged, shown):
        """It is as if it were the first start: nobody is in, and nobody else can look into what there is."""
        assert system.rows("PRAGMA integrity_check") == [("ok",)]
        data = system.live / "data"
        for path in (data, *data.iterdir()):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path.name} is open to others"
        system.console.set_up()

    def end(self, system, way):
        if way == "abort":
            return system.expect_before()
        system.plan()
        assert system.begin().status == 303
        system.expect_end(system.finish())


class Import:
    """The upload of a root and its confirmation; there is no update."""

    names = "b"
    sample = 6

    def prepare(self, system):
        self.pfx = system.new.pfx(steps.PFX_PASSWORD)

    def ready(self, system):
        system.start()
        self.upload = system.client.get("/roots/import").form("/roots/import")["fields"]
        self.confirm, self.has_answer = None, False

    def act(self, system):
        """Done again it goes on with the upload that is there."""
        self.answer = None
        try:
            if not self.confirm:
                self.answer = self.send(system)
                if self.answer.status != 200:
                    return False
                self.confirm = self.answer.form("/roots/import/[^/]+")
            self.answer = self.press(system)
            return self.answer.status == 303
        except LOST:
            return False
        finally:
            self.has_answer = True

    def is_over(self, system):
        return self.has_answer

    def send(self, system):
        fields = {**self.upload, "password": steps.PFX_PASSWORD}
        return system.client.upload("/roots/import", fields, [("file", "new.pfx", self.pfx)])

    def press(self, system):
        return system.client.post(
            self.confirm["action"], {**self.confirm["fields"], "name": "New Root"}, follow=False
        )

    def look(self, system, acknowledged, shown):
        found = system.rows("SELECT sealed_key IS NOT NULL FROM roots")
        assert len(found) == 1 if acknowledged else len(found) <= 1, f"{len(found)} roots"
        assert all(has_key for has_key, in found), "a root without its key"
        if self.confirm and not found:
            page = system.client.get(self.confirm["action"])
            assert page.form("/roots/import/[^/]+")["action"] == self.confirm["action"], "an upload is lost"
        system.expect_sound()

    def end(self, system, way):
        """The root is there once in the end, and its key signs; or nobody wants it any more."""
        if way == "abort":
            assert system.client.get("/roots").status == 200
            return system.expect_before()
        if not system.rows("SELECT 1 FROM roots"):
            assert self.act(system), self.answer and self.answer.text
        root, = set(re.findall(r'href="(/roots/\d+)/update"', system.client.get("/roots").text))
        system.start_form = steps.make_plan(system.client, root, https="issue").form("/updates")["fields"]
        assert system.begin().status == 303
        system.expect_end(system.finish())
