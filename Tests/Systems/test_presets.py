"""Every preset's server, as its Debian package lays it down, moves to a root, to the next one, and back.

The servers run from the beginning to the end of this file, and each test leaves them serving what they served before it; only
the last one moves them all.
"""
import concurrent.futures
import contextlib
import os

import pytest

import update as steps
from authority import Authority
from packaged import SERVERS
from packaged.moves import abort, expect_before, expect_standing, expect_under, move, seen, words
from servers import let_through

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may give files to the users of the servers")

KINDS = [server.kind for server in SERVERS]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    let_through(folder)
    made = {}
    try:
        with concurrent.futures.ThreadPoolExecutor() as several:
            for server in several.map(lambda kind: kind(folder / kind.kind), SERVERS):
                made[server.kind] = server
        for server in made.values():
            server.begin()
        for server in made.values():
            server.await_answer()
        yield made
    finally:
        for server in made.values():
            server.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_refuses_goes_on_serving_what_it_served(servers, console, kind):
    server = servers[kind]
    before = seen(server)
    # Without a trust bundle the new certificate and key are in place when the check refuses.
    refused = server.component(trust=False) if server.has_check else server.component(owner="root")
    client = console([refused])
    plan = steps.make_plan(client, steps.import_root(client, Authority("Next Root")))
    mend = server.break_configuration() if server.has_check else lambda: None
    update = steps.start(client, plan)
    try:
        said = words(expect_standing(client, update, "deciding"))
        assert server.refused_by in said and server.refusal in said, said
        assert server.served() == before[1], f"{kind} serves another certificate than before"
    finally:
        mend()
        abort(client, update)
    expect_before(server, before)


@contextlib.contextmanager
def broken(servers):
    """Each of the servers has a configuration that its own check refuses."""
    with contextlib.ExitStack() as mended:
        for server in servers:
            mended.callback(server.break_configuration())
        yield


def test_the_plan_says_which_configurations_are_refused_today(servers, console):
    checked = [server for server in servers.values() if server.has_check]
    client = console([server.component() for server in checked])
    root = steps.import_root(client, Authority("Next Root"))
    with broken(checked):
        said = words(steps.make_plan(client, root))
    assert said.count("CHECK_REFUSES_TODAY") == len(checked)
    for server in checked:
        assert server.refusal in said, f"the plan does not say what the check of {server.kind} says: {said}"
    assert "CHECK_REFUSES_TODAY" not in words(steps.make_plan(client, root))


def test_putting_back_asks_again_for_what_does_not_reload_and_ends_once_that_is_mended(servers, console):
    """The files go back at once; a server that refuses to load its configuration goes on serving what it served."""
    checked = [server for server in servers.values() if server.has_check]
    before = {server.kind: seen(server) for server in checked}
    client = console([server.component() for server in checked])
    plan = steps.make_plan(client, steps.import_root(client, Authority("Next Root")))
    with broken(checked):
        update = steps.start(client, plan)
        expect_standing(client, update, "deciding")
        assert steps.decide(client, update, "abort").status == 303
        said = words(expect_standing(client, update, "deciding"))
        assert "Putting back the previous trust bundle of apache failed" in said, said
        for server in checked:
            expect_before(server, before[server.kind])
    assert steps.decide(client, update, "retry").status == 303
    expect_standing(client, update, "rolledBack")
    for server in checked:
        expect_before(server, before[server.kind])


def test_every_server_goes_from_its_packaged_default_to_a_root_to_the_next_one_and_back(servers, console):
    client = console([server.component() for server in servers.values()])
    first, second = Authority("Root A"), Authority("Root B")
    move(client, steps.import_root(client, first))
    for server in servers.values():
        expect_under(server, first)
    before = {kind: seen(server) for kind, server in servers.items()}
    update = move(client, steps.import_root(client, second))
    for server in servers.values():
        expect_under(server, second, trusted=(first, second))
    abort(client, update)
    for kind, server in servers.items():
        expect_before(server, before[kind])
