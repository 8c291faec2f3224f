"""The program under a clock that is wrong, that jumps, and after everything has expired."""
import calendar
import datetime
import html
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import time

import pytest
from cryptography import x509

import console as consoles
import update as steps
from authority import Authority
from console import Console
from servers import Nginx, let_through, wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "Support" / "shiftclock.c"
DAY = 86_400


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The library that shifts the wall clock of a whole program; see its source for why it is not libfaketime."""
    made = tmp_path_factory.mktemp("shiftclock") / "shiftclock.so"
    compiler = shutil.which("cc") or shutil.which("clang")
    subprocess.run([compiler, "-Wall", "-O", "-shared", "-fPIC", "-o", made, SOURCE], check=True, timeout=60)
    return made


class ClockedConsole(Console):
    """A console whose wall clock is as many seconds off as it is told, at every moment. The clock that only ever goes on is
    left alone, as it is when a real clock is set."""

    def __init__(self, folder, library, **options):
        super().__init__(folder, **options)
        self.library = library
        self.offset = self.folder / "offset"
        self.shift(0)

    def shift(self, seconds):
        # In one step: the program may read it at any moment.
        new = self.folder / "offset.new"
        new.write_text(f"{seconds}\n")
        new.rename(self.offset)

    def start(self, port=0):
        program = self.folder / "reroot-with-a-clock"
        program.write_text(
            f"#!/bin/sh\nexport LD_PRELOAD={self.library} SHIFTCLOCK_FILE={self.offset}\n"
            f'exec {consoles.PROGRAM} "$@"\n')
        program.chmod(0o755)
        kept, consoles.PROGRAM = consoles.PROGRAM, str(program)
        try:
            return super().start(port)
        finally:
            consoles.PROGRAM = kept


class System:
    def __init__(self, folder, library, old_days=3650, activation=None, shift=0, **changes):
        let_through(folder)
        self.folder = folder
        self.old = Authority("Old Root", days=old_days)
        self.server = Nginx(folder / "nginx", self.old).start()
        if activation:
            changes["activation"] = activation(self.server)
        self.console = ClockedConsole(folder / "console", library, components=[self.server.component(**changes)])
        self.console.shift(shift)
        self.console.start().set_up()

    @property
    def client(self):
        return self.console.client

    def restart(self, shift):
        self.console.stop()
        self.console.shift(shift)
        self.console.start().sign_in()

    def update_to(self, authority, months=3, https="existing", **options):
        self.root = steps.import_root(self.client, authority)
        plan = steps.make_plan(self.client, self.root, months=months, https=https)
        self.update = steps.start(self.client, plan, **options)
        return plan

    def served_by(self, authority):
        served = x509.load_pem_x509_certificate(self.server.served().encode())
        served.verify_directly_issued_by(authority.certificate)
        return served

    def stop(self):
        self.console.stop(signal.SIGKILL)
        self.server.stop()


@pytest.fixture
def make(tmp_path, library):
    made = []

    def system(**options):
        made.append(System(tmp_path, library, **options))
        return made[-1]

    yield system
    for one in made:
        one.stop()


def own_certificate(client):
    return x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", client.port)).encode())


def test_everything_has_expired_and_an_update_from_there_works(make):
    """The root, the children and the console's own certificate have all ended 800 days later."""
    system = make(old_days=300)
    first, second = Authority("First Root", days=300), Authority("Second Root", days=3650)
    system.update_to(first)
    steps.wait_for_end(system.client, system.update, "completed")
    before = own_certificate(system.client)
    system.restart(800 * DAY)
    assert own_certificate(system.client).not_valid_after_utc > before.not_valid_after_utc
    page = system.client.get("/components")
    assert "Certificates have expired, or this machine’s clock is wrong" in page.text
    assert "The root certificate “First Root” in force ended at" in page.text
    assert "The certificate of the one component in force ended at" in page.text
    plan = system.update_to(second, in_spite_of_problems=True)
    assert "CLOCK_IN_DOUBT" in plan.text and "ended on" in plan.text
    steps.wait_for_end(system.client, system.update, "completed")
    system.served_by(second)
    assert "Certificates have expired" not in system.client.get("/components").text
    # Back to what has expired it goes, too, and Abort says beforehand what that means.
    assert "The previous certificate of nginx has expired" in system.client.get(system.update).text
    assert steps.decide(system.client, system.update, "abort").status == 303
    steps.wait_for_end(system.client, system.update, "rolledBack")
    system.served_by(first)


@pytest.mark.parametrize("days", [1, 400])
def test_a_clock_that_was_set_back_is_noticed_and_signs_nothing_wrong(make, days):
    system = make()
    first = Authority("First Root")
    system.update_to(first)
    steps.wait_for_end(system.client, system.update, "completed")
    system.restart(-days * DAY)
    page = system.client.get("/roots")
    assert "This machine’s clock disagrees with what is known" in page.text
    assert re.search(rf"by this clock is still {'24 hours' if days == 1 else '400 days'} away", page.text)
    if days > 1:
        assert "in force begins to be valid only at" in page.text
    plan = steps.make_plan(system.client, system.root)
    assert "CLOCK_IN_DOUBT" in plan.text
    if days > 1:
        assert "is not valid yet" in plan.text
        assert not [form for form in plan.forms() if form["action"] == "/updates"]
    system.served_by(first)
    # Once the clock is right nothing of it is left.
    system.restart(0)
    assert "This machine’s clock" not in system.client.get("/roots").text
    second = Authority("Second Root")
    root = steps.import_root(system.client, second)
    plan = steps.make_plan(system.client, root)
    assert "CLOCK_IN_DOUBT" not in plan.text
    update = steps.start(system.client, plan)
    steps.wait_for_end(system.client, update, "completed")
    system.served_by(second)


def months_later(moment, months):
    """The day so many months later; the last one of a month that is shorter."""
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    return datetime.date(year, month, min(moment.day, calendar.monthrange(year, month)[1]))


def moment(shift):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=shift)


def expect_no_negative_time(system):
    """On the pages that tell how long something took, lasts, or is ago, and in the console's log."""
    for path in ["/roots", "/components", "/updates", system.update, "/audit", "/users", "/account"]:
        page = system.client.get(path)
        assert page.status == 200, path
        text = html.unescape(re.sub(r"<[^>]*>", " ", page.text))
        assert not re.search(r"(?<![\w:])[-−] ?[0-9.]+ *(ms|s|seconds?|minutes?|hours?|days?|months?)\b", text), (path, text)
    assert not re.search(r"seconds=-", system.console.text()), system.console.text()


def complete(system, authority, shift, months=3):
    """An update with a certificate for the component and one for the console, which are valid by a clock that is so far off,
    for as many months as were asked for, and not beyond their root."""
    before, began = moment(shift), time.monotonic()
    plan = system.update_to(authority, months, https="issue", in_spite_of_problems=True)
    steps.wait_for_end(system.client, system.update, "completed")
    assert time.monotonic() - began < 30
    after, end = moment(shift), authority.certificate.not_valid_after_utc
    for leaf in [system.served_by(authority), own_certificate(system.client)]:
        assert leaf.issuer == authority.certificate.subject
        assert before - datetime.timedelta(seconds=3601) <= leaf.not_valid_before_utc <= after
        assert leaf.not_valid_after_utc.date() in {months_later(day, months) for day in (before, after)}
        assert leaf.not_valid_after_utc <= end
    expect_no_negative_time(system)
    return plan


@pytest.mark.parametrize("days", [1, 400])
@pytest.mark.parametrize("is_first", [True, False], ids=["first start", "restart"])
def test_a_start_with_a_clock_that_is_ahead_signs_by_it_and_leaves_nothing_wrong(make, days, is_first):
    ahead = days * DAY
    system = make(shift=ahead if is_first else 0)
    if not is_first:
        complete(system, Authority("Former Root"), 0)
        system.restart(ahead)
        # A day is not to be told from a day that has passed; by the other clock everything has ended.
        page = system.client.get("/components")
        assert ("Certificates have expired, or this machine’s clock is wrong" in page.text) == (days > 1)
        assert ("The certificate of the one component in force ended at" in page.text) == (days > 1)
    own = own_certificate(system.client)
    assert own.not_valid_before_utc <= moment(ahead)
    # By this clock the root has 110 days left, whatever the right one says.
    first = Authority("First Root", days=days + 110)
    plan = complete(system, first, ahead)
    # The first certificates of all have ended by the one clock, and by the other they are as good as before.
    assert (("ended on" in plan.text) or ("CLOCK_IN_DOUBT" in plan.text)) == (days > 1)
    form = system.client.get(f"{system.root}/update").form("/plans")
    refused = system.client.post("/plans", {**form["fields"], "months": "4"})
    assert refused.status == 422 and "would outlive the root certificate" in refused.text
    # Once the clock is right, everything was written, and begins to be valid, in the future.
    system.restart(0)
    page = system.client.get("/components")
    assert "This machine’s clock disagrees with what is known" in page.text
    assert f"which by this clock is still {'24 hours' if days == 1 else '400 days'} away" in page.text
    assert "The console’s own certificate begins to be valid only at" in page.text
    expect_no_negative_time(system)
    second = Authority("Second Root")
    plan = complete(system, second, 0)
    assert "CLOCK_IN_DOUBT" in plan.text
    assert re.search(r"The certificate that 127.0.0.1:\d+ serves, .*, begins to be valid only on", plan.text)
    assert "This machine’s clock" not in system.client.get("/components").text
    # Back to what is not valid yet it goes, too, and the page says so again.
    assert steps.decide(system.client, system.update, "abort").status == 303
    page = steps.wait_for_end(system.client, system.update, "rolledBack")
    system.served_by(first)
    assert "The console’s own certificate begins to be valid only at" in page.text


def held(server):
    """An activation that waits for as long as the file `hold` is there."""
    hold, begun = server.folder / "hold", server.folder / "begun"
    reload = f"echo > {begun}; while [ -e {hold} ]; do sleep 0.05; done; kill -HUP $(head -n 1 {server.pid_file})"
    return {"command": ["/bin/sh", "-c", reload], "time_limit": 60}


@pytest.mark.parametrize("days", [1, 400, -1, -400])
def test_a_jump_in_the_middle_of_an_update_keeps_nothing_waiting_and_signs_out_nobody_for_ever(make, days):
    system = make(activation=held)
    hold, begun = system.server.folder / "hold", system.server.folder / "begun"
    hold.touch()
    new = Authority("New Root")
    system.update_to(new, months=24)
    wait_until(begun.exists, "the activation")
    system.console.shift(days * DAY)
    hold.unlink()
    jumped = time.monotonic()
    if system.client.get(system.update).text.count('name="password"'):
        # More than a session lasts has passed, as far as the clock tells; who signs in again is there. A clock that is
        # set back ends no session.
        assert days > 0
        system.console.sign_in()
    page = steps.wait_for_end(
        system.client, system.update, "completed" if days > 0 else "deciding", limit=40)
    took = time.monotonic() - jumped
    print(f"{days:+d} days in the middle: {took:.1f} s to the end")
    assert took < 30
    direction = "forward" if days > 0 else "back"
    assert re.search(rf"set {direction} by (24 hours|400 days) since Reroot was started", page.text)
    if days < 0:
        # The new certificate begins to be valid only after what this clock says, and the failure says so.
        assert "not yet valid" in page.text or "is valid from" in page.text, steps.failures(page)
        system.console.shift(0)
        system.console.sign_in()
        assert steps.decide(system.client, system.update, "retry").status == 303
        page = steps.wait_for_end(system.client, system.update, "completed")
        assert "This machine’s clock" not in page.text
    system.served_by(new)
