"""HAProxy is given its certificates over its runtime API: it is not reloaded, and no connection ends."""
import os
import re
import socket
import ssl

import pytest

import update as steps
from authority import Authority
from hostile import HeldSocket
from packaged.haproxy import HAProxy
from packaged.moves import abort, expect_before, expect_under, move, seen, words
from servers import Nginx, let_through, wait_until

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may give files to the users of the servers")


@pytest.fixture
def haproxy(tmp_path):
    let_through(tmp_path)
    server = HAProxy(tmp_path / "haproxy")
    server.begin()
    try:
        server.await_answer()
        yield server
    finally:
        server.stop()


def component(server, **parts):
    described = server.component(**parts)
    del described["activation"]["signal"], described["activation"]["pid_file"]
    described["activation"]["haproxy_socket"] = str(server.admin_socket)
    return described


def connect(server):
    context = ssl._create_unverified_context()
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=30))
    assert status(connection) == b"HTTP/1.1 200 OK"
    return connection


def status(connection):
    """Of one request on a connection that goes on afterwards."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = connection.recv(4096)
        assert part, f"the connection was closed after {answer!r}"
        answer += part
    return answer.split(b"\r\n")[0]


def test_certificates_come_and_go_without_a_reload_and_without_the_end_of_a_connection(haproxy, console):
    client = console([component(haproxy, trust=False)])
    first, second = Authority("Root A"), Authority("Root B")
    default = seen(haproxy)
    with connect(haproxy) as connection:
        process = haproxy.worker()
        path = steps.import_root(client, first)
        update = move(client, path)
        expect_under(haproxy, first, trusted=())
        abort(client, update)
        expect_before(haproxy, default)
        move(client, path)
        under_first = seen(haproxy)
        update = move(client, steps.import_root(client, second))
        expect_under(haproxy, second, trusted=())
        abort(client, update)
        expect_before(haproxy, under_first)
        assert haproxy.worker() == process, "HAProxy was reloaded"
        assert status(connection) == b"HTTP/1.1 200 OK"


def test_a_file_that_its_user_cannot_read_is_no_hindrance(haproxy, console):
    """The content is handed over by Reroot, so the key needs to be readable by root only, as the preset has it."""
    client = console([component(haproxy, trust=False, owner="root")])
    root = Authority("Root A")
    move(client, steps.import_root(client, root))
    expect_under(haproxy, root, trusted=())
    assert haproxy.combined.owner() == "root"


def test_a_trust_bundle_is_refused_before_the_start_by_a_version_that_it_would_end(haproxy, console):
    client = console([component(haproxy)])
    said = words(steps.make_plan(client, steps.import_root(client, Authority("Root A"))))
    assert "HAPROXY_TOO_OLD" in said and "by a reload instead" in said, said


@pytest.fixture
def held(haproxy, tmp_path):
    socket = HeldSocket(tmp_path / "held.sock", haproxy.admin_socket).start()
    yield socket
    socket.stop()


@pytest.fixture
def nginx(tmp_path):
    server = Nginx(tmp_path / "nginx", Authority("Old Root")).start()
    yield server
    server.stop()


@pytest.mark.parametrize("unanswered", ["set ssl cert", "commit ssl cert"])
def test_abort_is_answered_at_once_while_its_socket_gives_no_answer(haproxy, held, nginx, console, unanswered):
    described = component(haproxy, trust=False) | {"stage": 2}
    described["activation"] |= {"haproxy_socket": str(held.path), "time_limit": 600}
    client = console([nginx.component(), described])
    before, files, served = seen(haproxy), nginx.files(), nginx.served()
    held.held_word = unanswered
    root = Authority("Root A")
    path = steps.import_root(client, root)
    update = steps.start(client, steps.make_plan(client, path))
    wait_until(lambda: held.held > 0, "the question to the socket")
    assert nginx.served() != served
    page = steps.abort_at_once(client, update)
    assert re.search(r"waiting for .*\bhaproxy\b", page.text)
    held.held_word = None
    page = steps.wait_for_end(client, update, "rolledBack")
    assert "was told to end" in page.text
    expect_before(haproxy, before)
    assert (nginx.files(), nginx.served()) == (files, served)
    # What was held comes to HAProxy now, after everything was put back, and brings nothing.
    held.let_go()
    wait_until(lambda: held.ended == held.held, "the late answers")
    expect_before(haproxy, before)
    assert steps.standing(client, update) == "rolledBack"
    move(client, path)
    expect_under(haproxy, root, trusted=())
