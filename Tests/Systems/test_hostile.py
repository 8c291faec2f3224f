"""Clients that break every rule of HTTP and TLS get an error or a closed connection, and nobody else notices them."""
import pathlib
import re
import resource
import shutil
import socket
import ssl
import subprocess
import time

import pytest

import update as steps
from authority import Authority
from beside import Beside, hostile_connection, statuses
from console import Console
from servers import wait_until


class Target:
    """A console with an update that asks for a decision: its activation fails each time."""

    def __init__(self, folder):
        component = {
            "name": "web", "names": ["web.example.net"],
            "files": {"certificate": f"{folder}/server.pem", "key": f"{folder}/server.key"},
            "activation": {"command": [shutil.which("false")], "time_limit": 10}, "endpoints": [],
        }
        self.console = Console(folder / "console", "--log-level", "info", components=[component]).start().set_up()
        self.client = self.console.client
        root = steps.import_root(self.client, Authority("Hostile Test Root"))
        self.update = steps.start(self.client, steps.make_plan(self.client, root), in_spite_of_problems=True)
        steps.wait_for(self.client, self.update, "deciding")

    @property
    def port(self):
        return self.console.port

    def beside(self, attack):
        return Beside(self.client, self.update, attack)

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.console.process.pid}/fd").iterdir()))

    def expect_calm(self):
        """The program runs, has let go of every connection, and has not trapped."""
        assert self.console.process.poll() is None, self.console.text()[-3000:]
        wait_until(lambda: self.descriptors() < 60, "the connections of the attack let go", 30)
        assert "Fatal error" not in self.console.text()


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    made = Target(tmp_path_factory.mktemp("hostile"))
    yield made
    try:
        assert made.console.stop() == 0, made.console.text()[-3000:]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def get(path=b"/sign-in", head=b"", version=b"HTTP/1.1", method=b"GET"):
    return method + b" " + path + b" " + version + b"\r\nHost: localhost\r\n" + head + b"\r\n"


def post(head, body):
    return b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\n" + FORM + head + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"

# Each is answered once, with 4xx, or not at all; then the connection is closed. A second answer would be one to what was
# smuggled. A body in chunks is refused by 411, so none of the ways to write them can be understood otherwise.
REFUSED = {
    # Where the body ends (RFC 9112, section 6.3)
    "both lengths": post(b"Content-Length: 4\r\n" + CHUNKED, END + SMUGGLED),
    "both lengths, the other way round": post(CHUNKED + b"Content-Length: 60\r\n", END + SMUGGLED),
    "two lengths that differ": post(b"Content-Length: 0\r\nContent-Length: 44\r\n", SMUGGLED),
    "two lengths that are the same": post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"a=b" + SMUGGLED),
    "list of lengths": post(b"Content-Length: 3, 3\r\n", b"a=b" + SMUGGLED),
    "length with a sign": post(b"Content-Length: +3\r\n", b"a=b" + SMUGGLED),
    "negative length": post(b"Content-Length: -1\r\n", SMUGGLED),
    "hexadecimal length": post(b"Content-Length: 0x3\r\n", b"a=b" + SMUGGLED),
    "length with a space in it": post(b"Content-Length: 3 3\r\n", b"a=b" + SMUGGLED),
    "length with a fraction": post(b"Content-Length: 3.0\r\n", b"a=b" + SMUGGLED),
    "empty length": post(b"Content-Length: \r\n", SMUGGLED),
    "length beyond 64 bits": post(b"Content-Length: 18446744073709551619\r\n", b"a=b" + SMUGGLED),
    "length in digits that are not ASCII": post("Content-Length: ٣\r\n".encode(), b"a=b" + SMUGGLED),
    "encoding that is unknown": post(b"Transfer-Encoding: xchunked\r\n", END + SMUGGLED),
    "encoding before chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", END + SMUGGLED),
    "encoding after chunked": post(b"Transfer-Encoding: chunked, identity\r\n", END + SMUGGLED),
    "encoding identity": post(b"Transfer-Encoding: identity\r\n", SMUGGLED),
    "encoding twice": post(CHUNKED + CHUNKED, END + SMUGGLED),
    "encoding in quotes": post(b'Transfer-Encoding: "chunked"\r\n', END + SMUGGLED),
    "encoding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", END + SMUGGLED),
    "encoding with a NUL": post(b"Transfer-Encoding: chunked\0\r\n", END + SMUGGLED),
    "encoding with a space before the colon": post(b"Transfer-Encoding : chunked\r\n", END + SMUGGLED),
    "encoding in a folded line": post(b"Transfer-Encoding:\r\n chunked\r\n", END + SMUGGLED),
    "encoding under another name": post(b"X: y\r\n Transfer-Encoding: chunked\r\n", END + SMUGGLED),
    "chunk size that is no number": post(CHUNKED, b"xyz\r\n" + SMUGGLED),
    "chunk size with a sign": post(CHUNKED, b"+3\r\na=b\r\n" + END + SMUGGLED),
    "chunk size with 0x": post(CHUNKED, b"0x3\r\na=b\r\n" + END + SMUGGLED),
    "chunk size beyond 64 bits": post(CHUNKED, b"10000000000000003\r\na=b\r\n" + END + SMUGGLED),
    "chunk longer than its size": post(CHUNKED, b"3\r\na=bcdef\r\n" + END + SMUGGLED),
    "chunk size that ends with a line feed": post(CHUNKED, b"3\na=b\r\n" + END + SMUGGLED),
    "chunk that ends with a line feed": post(CHUNKED, b"3\r\na=b\n" + END + SMUGGLED),
    "chunk size that ends with a carriage return": post(CHUNKED, b"3\ra=b\r\n" + END + SMUGGLED),
    "chunk extension with a line feed in it": post(CHUNKED, b"3;\na=b\r\n0\r\n\r\n" + SMUGGLED),
    "chunks that end with line feeds": post(CHUNKED, b"3\r\na=b\r\n0\n\n" + SMUGGLED),
    "body with GET": get(head=b"Content-Length: 44\r\n") + SMUGGLED,
    "chunks with GET": get(head=CHUNKED) + END + SMUGGLED,
    # Where a line ends (section 2.2)
    "line feeds alone": b"GET /sign-in HTTP/1.1\nHost: localhost\n\n" + SMUGGLED,
    "line feed after the request line": b"GET /sign-in HTTP/1.1\nHost: localhost\r\n\r\n" + SMUGGLED,
    "line feed after a field": get(head=b"X: y\nZ:z\r\n") + SMUGGLED,
    "line feed after a field without a space": get(head=b"X:y\nZ:z\r\n") + SMUGGLED,
    "line feed after a field with a space at its end": get(head=b"X: y \nZ: z\r\n") + SMUGGLED,
    "line feed at the end of the head": b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\n" + SMUGGLED,
    "carriage return alone": b"GET /sign-in HTTP/1.1\rHost: localhost\r\r" + SMUGGLED,
    "carriage return in a field": get(head=b"X: y\rZ: z\r\n"),
    "NUL in a field": get(head=b"X:y\0z\r\n"),
    "NUL in a field's name": get(head=b"X\0Y: z\r\n"),
    "folded field": get(head=b"X: y\r\n z\r\n"),
    "folded field with a tab": get(head=b"X:y\r\n\tz\r\n"),
    "folded first field": b"GET /sign-in HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "field without a colon": get(head=b"nonsense\r\n"),
    "space before a colon": get(head=b"X : y\r\n"),
    "name that is no token": get(head=b"X(y): z\r\n"),
    "no name": get(head=b": z\r\n"),
    "control character in a field": get(head=b"X: \x1b[2J\r\n"),
    # Hosts
    "no Host": b"GET /sign-in HTTP/1.1\r\n\r\n",
    "two Hosts": get(head=b"Host: other.example\r\n"),
    "Host with a path": b"GET /sign-in HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
    "Host with an account": b"GET /sign-in HTTP/1.1\r\nHost: a@b\r\n\r\n",
    # Targets
    "two dots": get(b"/../../etc/passwd"),
    "two dots behind a file": get(b"/style.css/../../etc/passwd"),
    "encoded dots": get(b"/%2e%2e/%2E%2e/etc/passwd"),
    "dots that are encoded twice and a slash": get(b"/..%252f..%2fetc/passwd"),
    "encoded slash": get(b"/roots%2f1"),
    "encoded backslash": get(b"/..%5c..%5cetc"),
    "backslash": get(b"/..\\..\\etc"),
    "encoded NUL": get(b"/style.css%00.html"),
    "NUL": get(b"/style.css\0.html"),
    "encoded line break": get(b"/sign-in%0d%0aSet-Cookie:x=y"),
    "overlong slash": get(b"/..%c0%af..%c0%afetc"),
    "overlong dot": get(b"/%c0%ae%c0%ae/etc"),
    "half an escape": get(b"/%"),
    "two slashes": get(b"//evil.example/"),
    "absolute address": get(b"http://evil.example/"),
    "asterisk": get(b"*", method=b"OPTIONS"),
    "bytes beyond ASCII": get("/ä".encode()),
    "long address": get(b"/" + b"a" * 5000),
    "long query": get(b"/sign-in?return=" + b"a" * 5000),
    "many fields in the query": get(b"/sign-in?" + b"a=b&" * 1000),
    # Methods and versions
    "unknown method": get(method=b"BREW"),
    "method in small letters": get(method=b"get"),
    "CONNECT": get(b"evil.example:443", method=b"CONNECT"),
    "TRACE": get(method=b"TRACE"),
    "method that is no token": get(method=b"GE\x01T"),
    "long method": get(method=b"A" * 5000),
    "HTTP/1.0": get(version=b"HTTP/1.0"),
    "HTTP/1.0 that is to be kept": get(version=b"HTTP/1.0", head=b"Connection: keep-alive\r\n") + SMUGGLED,
    "HTTP/0.9": b"GET /sign-in\r\n\r\n",
    "HTTP/2 that was not agreed on": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": get(version=b"HTTP/9.9"),
    "version that is none": get(version=b"HTTQ/1.1"),
    "noise": bytes(range(256)) * 4 + b"\r\n\r\n",
    "unknown expectation": post(b"Expect: gold\r\nContent-Length: 3\r\n", b"a=b"),
    # Sizes
    "huge field": get(head=b"X: " + b"a" * 200_000 + b"\r\n"),
    "huge name": get(head=b"a" * 200_000 + b": b\r\n"),
    "thousands of fields": get(head=b"".join(b"X-%d: a\r\n" % number for number in range(10_000))),
    "101 fields": get(head=b"".join(b"X-%d: a\r\n" % number for number in range(101))),
    "huge cookie": get(head=b"Cookie: a=" + b"b" * 100_000 + b"\r\n"),
    "thousands of cookies": get(head=b"Cookie: " + b"a=b;" * 5_000 + b"\r\n"),
    "huge length": post(b"Content-Length: 99999999999\r\n", b"a=b"),
    "huge body": post(b"Content-Length: 4000000\r\n", b"a" * 4_000_000),
    "thousands of form fields": post(b"Connection: close\r\nContent-Length: 8000\r\n", b"a=b&" * 2000),
}

# Those that the standards ask for another answer to, which is this one and no other.
ASKED_FOR = {
    # A coding that is known to nobody here (RFC 9112, section 6.1)
    "encoding before chunked": 501,
    # A method that is known to nobody here (RFC 9110, section 9.1), or longer than any (RFC 9112, section 3)
    "unknown method": 501,
    "method in small letters": 501,
    "CONNECT": 501,
    "TRACE": 501,
    "long method": 501,
    # Another major version of HTTP (RFC 9110, section 15.6.6)
    "HTTP/2 that was not agreed on": 505,
    "HTTP/9.9": 505,
}
assert ASKED_FOR.keys() <= REFUSED.keys()


def refuses(name, code):
    """Whether this is how such a request is refused."""
    return code == ASKED_FOR[name] if name in ASKED_FOR else 400 <= code < 500


def exchange(port, data, limit=10):
    """What comes back until the connection is closed. A server that refuses may close before everything was sent."""
    with hostile_connection(port) as connection:
        connection.settimeout(limit)
        answer = b""
        try:
            connection.sendall(data)
        except OSError:
            pass
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            raise AssertionError(f"the connection stays open after {statuses(answer)}") from None
        except OSError:
            pass
        return answer


def test_every_broken_request_is_refused_once_and_closed(target):
    wrong = {}
    with target.beside(f"{len(REFUSED)} broken requests") as beside:
        for name, data in REFUSED.items():
            try:
                answer = exchange(target.port, data)
            except AssertionError as error:
                wrong[name] = str(error)
                continue
            codes = statuses(answer)
            # libmicrohttpd sends the head of its own refusals of a Content-Length twice, both with "Connection: close".
            heads = set(re.findall(rb"HTTP/1\.1 4.*?\r\n\r\n", answer, re.DOTALL))
            twice = len(codes) == 2 and len(heads) == 1 and b"Connection: close" in heads.pop()
            if (len(codes) > 1 and not twice) or not all(refuses(name, code) for code in codes):
                wrong[name] = codes
            elif b"root:" in answer or b"/smuggled" in answer:
                wrong[name] = answer[:500]
        beside.decide()
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    target.expect_calm()
    # What was sent stands nowhere in the log as it was: not as a line of its own, nor as a terminal's command.
    assert "\x1b" not in target.console.text() and "\0" not in target.console.text()


def test_pipelined_requests_are_answered_in_order_up_to_the_broken_one(target):
    body = b"a=b"
    with target.beside("pipelining") as beside:
        many = get() * 30 + get(b"/style.css") + get(head=b"Connection: close\r\n")
        assert statuses(exchange(target.port, many)) == [200] * 32
        mixed = get() + post(b"Content-Length: 3\r\n", body) + get(b"/roots", head=b"Connection: close\r\n")
        # The form has no token of its session, so it is refused; the request behind it is read where it begins.
        assert statuses(exchange(target.port, mixed)) == [200, 403, 303]
        broken = get() + get(b"/../x") + get() + get()
        assert statuses(exchange(target.port, broken)) == [200, 400]
        beside.decide()
    target.expect_calm()


def client_hello():
    outgoing = ssl.MemoryBIO()
    context = ssl._create_unverified_context()
    try:
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def plain_connections(port, count):
    made = []
    for _ in range(count):
        one = socket.socket()
        one.settimeout(10)
        one.connect(("127.0.0.1", port))
        made.append(one)
    return made


def close(connections):
    for one in connections:
        one.close()


def test_2000_idle_connections_cost_nobody_anything(target):
    with target.beside("2,000 connections without a word, 300 after the handshake") as beside:
        idle = plain_connections(target.port, 2000)
        greeted = [hostile_connection(target.port) for _ in range(300)]
        wait_until(lambda: target.descriptors() > 2200, "all of them accepted", 20)
        beside.decide()
        end = time.monotonic() + 3
        while time.monotonic() < end and not beside.problems:
            beside.over.wait(0.1)
        close(idle + greeted)
    target.expect_calm()


def test_handshakes_that_break_off_cost_nobody_anything(target):
    hello = client_hello()
    with target.beside("900 broken handshakes") as beside:
        kept = []
        for beginning in (
            hello[:1], hello[:5], hello[:100], hello[:-1], b"\x16\x03\x01\xff\xff" + hello[5:],
            b"\x16\x03\x01\x00\x00" * 50, b"\x15\x03\x03\x00\x02\x02\x28", b"\x80\x2e\x01\x00\x02", b"\0" * 2000,
            get(), bytes(range(256)) * 40, hello + b"\x17\x03\x03\x40\x00" + b"x" * 1000,
        ):
            connections = plain_connections(target.port, 75)
            for one in connections:
                try:
                    one.sendall(beginning)
                except OSError:
                    pass  # It was refused before everything was sent.
            # Half of them leave at once, by a reset.
            for one in connections[::2]:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                one.close()
            kept += connections[1::2]
        beside.decide()
        close(kept)
    target.expect_calm()


SLOW = {
    "slow headers": ["-H", "-i", "1", "-x", "24"],
    "slow body": ["-B", "-i", "1", "-s", "8192", "-x", "24", "-t", "POST"],
    "slow read": ["-X", "-w", "64", "-y", "256", "-n", "1", "-z", "32", "-k", "3"],
}


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_cost_nobody_anything(target, kind, tmp_path):
    words = ["slowhttptest", *SLOW[kind], "-c", "300", "-r", "150", "-l", "8", "-p", "5"]
    path = "/sign-in" if kind != "slow read" else "/style.css"
    with target.beside(f"slowhttptest, {kind}") as beside:
        process = subprocess.Popen(
            [*words, "-u", f"https://localhost:{target.port}{path}"], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: target.descriptors() > 150 or process.poll() is not None, "the slow clients there", 15)
            beside.decide()
            said, _ = process.communicate(timeout=40)
        finally:
            process.kill()
            process.wait()
    # What slowhttptest found out by a client of its own.
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert re.search(r"service available:\s+YES", plain) and not re.search(r"service available:\s+NO", plain), plain[-2000:]
    target.expect_calm()
