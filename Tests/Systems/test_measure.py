"""A root change refuses nobody: counted in a system of real servers and clients that connect all the time.

`REROOT_MEASURE_ROUNDS` says how many root changes are made in a row, and how many fail in the middle and are taken back
(3 of each; Scripts/measure makes 10).
"""
import os

import pytest
from cryptography import x509

import update as steps
from measure.faults import FAULTS
from measure.plain import replace_and_reload
from measure.report import Counts
from measure.system import System
from servers import let_through

ROUNDS = int(os.environ.get("REROOT_MEASURE_ROUNDS") or 3)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measure")
    let_through(folder)
    made = System(folder)
    try:
        made.start_console()
        made.start_clients()
        yield made
    finally:
        made.stop()


class Measurement:
    """Counts from its beginning to its end; what goes on at the end is counted too."""

    def __init__(self, system):
        self.system = system
        self.reloads = self.reloads_now()
        self.span = system.span()

    def reloads_now(self):
        return self.system.edge.reloads() + self.system.haproxy.reloads()

    def end(self):
        self.system.wait_for_some_of_each(self.system.span())
        return Counts(self.span, self.reloads_now() - self.reloads)


@pytest.fixture
def say(capsys):
    """Prints a line whatever becomes of the test."""

    def line(text):
        with capsys.disabled():
            print(f"\n  {text}", end="")

    return line


def expect_all_under(system, authority):
    for member in system.members:
        certificate = x509.load_pem_x509_certificates(member.certificate.read_bytes())[0]
        certificate.verify_directly_issued_by(authority.certificate)


def expect_nobody_noticed(counts):
    assert counts.refused == 0 and counts.other == 0 and counts.dropped == 0, "\n".join(counts.bad)
    # nginx and HAProxy close kept connections that are idle when they reload. Each of the two has one such client,
    # which may be taken in by the other of nginx's two former workers once more before that one ends as well.
    assert counts.closed <= 2 * counts.reloads


def test_the_system_consists_of_at_least_ten_processes(system, say):
    count = system.process_count()
    say(f"A system of {count} processes")
    assert count >= 10


def test_root_changes_in_a_row_refuse_nobody(system, say):
    system.put_in_one_stage()
    measurement = Measurement(system)
    for _ in range(ROUNDS):
        authority, plan = system.plan()
        update = steps.start(system.client, plan)
        steps.wait_for_end(system.client, update, "completed", limit=120)
        expect_all_under(system, authority)
    counts = measurement.end()
    say(counts.line(f"Reroot, root changes in a row, {ROUNDS} times"))
    expect_nobody_noticed(counts)


def test_root_changes_that_fail_and_are_taken_back_refuse_nobody(system, say):
    # So that there is a middle, in which some are replaced and others are not.
    system.put_in_stages()
    measurement = Measurement(system)
    faults = (FAULTS * (ROUNDS // len(FAULTS) + 1))[:ROUNDS]
    for fault in faults:
        fail_and_abort(system, fault)
        say(f"Taken back: {fault.title}")
    counts = measurement.end()
    say(counts.line(f"Reroot, root changes that fail and are taken back by Abort, {ROUNDS} times"))
    expect_nobody_noticed(counts)


def fail_and_abort(system, fault):
    before = {member.name: member.files() for member in system.members}
    afterwards = fault.before_plan(system)
    _, plan = system.plan()
    started = []

    def start():
        started.append(steps.start(system.client, plan, in_spite_of_problems=fault.is_foreseen))

    mend = fault.strike_at_its_moment(system, start)
    try:
        page = steps.wait_for_end(system.client, started[0], "deciding", limit=120)
        assert fault.expected in page.text, f"{fault.title}: the page does not say “{fault.expected}”"
    finally:
        mend()
    answer = steps.decide(system.client, started[0], "abort")
    assert answer.status == 303, answer.text
    steps.wait_for_end(system.client, started[0], "rolledBack", limit=120)
    for member in system.members:
        assert member.files() == before[member.name], f"{fault.title}: {member.name} has other files than before"
    afterwards()


def test_servers_that_reload_late_refuse_nobody(system, say):
    system.put_in_one_stage()
    system.let_reloads_be_late(seconds=1.5)
    measurement = Measurement(system)
    authority, plan = system.plan()
    update = steps.start(system.client, plan)
    steps.wait_for_end(system.client, update, "completed", limit=120)
    expect_all_under(system, authority)
    counts = measurement.end()
    say(counts.line("Reroot, a root change of servers that reload 1.5 s after their activation has ended"))
    expect_nobody_noticed(counts)


def test_a_plain_replacement_and_reload_refuses_many(system, say):
    measurement = Measurement(system)
    for _ in range(ROUNDS):
        authority = replace_and_reload(system)
        expect_all_under(system, authority)
    counts = measurement.end()
    say(counts.line(f"Plain replacement and reload in a row, {ROUNDS} times"))
    # The instrument shows refusals where there are some.
    assert counts.refused > 0
    again = Measurement(system).end()
    assert again.refused == 0, "\n".join(again.bad)


def test_a_server_that_is_restarted_drops_what_is_counted_as_dropped(system):
    for server in [system.postgresql, system.mosquitto, system.redis]:
        measurement = Measurement(system)
        server.stop()
        server.start()
        counts = measurement.end()
        assert counts.dropped == 1, f"{server.name} has one kept connection: {counts.bad}"
