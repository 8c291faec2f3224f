"""Every preset's server, as its Debian package lays it down, moves to a root, to the next one, and back.

The servers run from the beginning to the end of this file, and each test leaves them serving what they served before it; only
the last one moves them all.
"""
import concurrent.futures
import contextlib
import html
import re
import signal

import pytest
from cryptography import x509

import update as steps
from authority import Authority
from console import Console
from packaged import SERVERS

KINDS = [server.kind for server in SERVERS]
# Seconds. The slowest step is a tool of RabbitMQ's, on a machine that builds something else at the same time.
LIMIT = 180
# How an update stands that does not go on by itself.
STANDINGS = {"completed", "completedWithErrors", "rolledBack", "deciding"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    # Folders above must let the servers through, which are other users.
    for above in [folder, *folder.parents]:
        if above.owner() == "root" and str(above).startswith("/tmp/"):
            above.chmod(0o755)
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


def seen(server):
    """What there is to be put back: the files, the certificate that is served, the authorities that are accepted."""
    return server.files(), server.served(), sorted(server.accepted())


def expect_before(server, before):
    """On disk byte for byte, owner, group and mode included, and on the wire."""
    files, served, accepted = seen(server)
    assert files == before[0], f"{server.kind}: its files are not what they were"
    assert served == before[1], f"{server.kind} does not serve what it served"
    assert accepted == before[2], f"{server.kind} accepts other authorities than it did"


def expect_under(server, root, *earlier):
    """On the wire and on disk: one certificate, issued by the root, with a key that nobody else may read; and the root and
    those before it are accepted."""
    served = x509.load_pem_x509_certificate(server.served().encode())
    assert served.issuer == root.certificate.subject, f"{server.kind} serves a certificate of {served.issuer}"
    served.verify_directly_issued_by(root.certificate)
    assert served == x509.load_pem_x509_certificate(server.certificate.read_bytes())
    bundle = x509.load_pem_x509_certificates(server.trust_bundle.read_bytes())
    for accepted in (root, *earlier):
        assert accepted.certificate in bundle
        if server.announces:
            assert f"CN = {accepted.name}" in server.accepted(), f"{server.kind} does not accept {accepted.name}"
    assert server.key.stat().st_mode & 0o007 == 0, f"{server.kind}: others may read the key"


def words(page):
    """What a page says, without its tags."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text)))


def expect_standing(client, update, wanted):
    page = steps.wait_for(client, update, wanted, *(STANDINGS - {wanted}), limit=LIMIT)
    assert f'data-standing="{wanted}"' in page.text, words(page)
    return page


def move(client, root):
    """Runs one update to a root that is imported for it, to its end; returns the update's path."""
    update = steps.start(client, steps.make_plan(client, steps.import_root(client, root)))
    expect_standing(client, update, "completed")
    return update


def abort(client, update):
    answer = steps.decide(client, update, "abort")
    assert answer.status == 303, answer.text
    expect_standing(client, update, "rolledBack")


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_refuses_goes_on_serving_what_it_served(servers, console, kind):
    server = servers[kind]
    before = seen(server)
    # Without a trust bundle the new certificate and key are in place when the check refuses.
    refused = server.component(trust=False) if server.has_check else server.component(owner="root")
    client = console([refused])
    plan = steps.make_plan(client, steps.import_root(client, Authority("Next Root")))
    mend = server.break_configuration() if server.has_check else lambda: None
    try:
        update = steps.start(client, plan)
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
    move(client, first)
    for server in servers.values():
        expect_under(server, first)
    before = {kind: seen(server) for kind, server in servers.items()}
    update = move(client, second)
    for server in servers.values():
        expect_under(server, second, first)
    abort(client, update)
    for kind, server in servers.items():
        expect_before(server, before[kind])
