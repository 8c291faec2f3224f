"""Every preset's server, as its Debian package lays it down, moves to a root, to the next one, and back.

The servers run from the beginning to the end of this file, and each test leaves them serving what they served before it; only
the last one moves them all.
"""
import concurrent.futures
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


def expect_before(server, before):
    """On disk byte for byte, owner, group and mode included, and on the wire."""
    files, served = before
    assert server.files() == files, f"{server.kind}: its files are not what they were"
    assert server.served() == served, f"{server.kind} does not serve what it served"


def expect_under(server, root):
    """On the wire and on disk: one certificate, issued by the root, with a key that nobody else may read."""
    served = x509.load_pem_x509_certificate(server.served().encode())
    assert served.issuer == root.certificate.subject, f"{server.kind} serves a certificate of {served.issuer}"
    served.verify_directly_issued_by(root.certificate)
    assert served == x509.load_pem_x509_certificate(server.certificate.read_bytes())
    assert root.certificate in x509.load_pem_x509_certificates(server.trust_bundle.read_bytes())
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
    before = (server.files(), server.served())
    client = console([server.component(owner=None if server.has_check else "root")])
    plan = steps.make_plan(client, steps.import_root(client, Authority("Next Root")))
    mend = server.break_configuration() if server.has_check else lambda: None
    try:
        update = steps.start(client, plan)
        said = words(expect_standing(client, update, "deciding"))
        assert server.refusal in said, said
        assert server.served() == before[1], f"{kind} serves another certificate than before"
    finally:
        mend()
    abort(client, update)
    expect_before(server, before)


def test_every_server_goes_from_its_packaged_default_to_a_root_to_the_next_one_and_back(servers, console):
    client = console([server.component() for server in servers.values()])
    first, second = Authority("Root A"), Authority("Root B")
    move(client, first)
    for server in servers.values():
        expect_under(server, first)
    before = {kind: (server.files(), server.served()) for kind, server in servers.items()}
    update = move(client, second)
    for server in servers.values():
        expect_under(server, second)
    abort(client, update)
    for kind, server in servers.items():
        expect_before(server, before[kind])
