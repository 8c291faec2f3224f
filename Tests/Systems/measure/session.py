"""A client that keeps one connection and uses it ten times a second. When it ends, that is written down, and a new one
is made.

    session.py KIND COMBINED BUNDLE PORT RESULTS
"""
import os
import pathlib
import re
import selectors
import signal
import subprocess
import sys
import time

from client import copy_of, publish, sql
from outcome import CLOSED, OK, judge

BEAT = 0.1
LIMIT = 15


class Session:
    """A program that is spoken to over its standard input, and whose answer to each beat is waited for."""

    # Whether its protocol lets the server close a connection that waits for the next request.
    may_be_closed = False

    def __init__(self, own, bundle, port):
        self.text = b""
        self.answers = 0
        self.process = subprocess.Popen(
            self.words(own, bundle, port), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def beat(self):
        """Asks and waits for the answer; an EOFError is the end of the connection."""
        self.text = b""
        try:
            self.process.stdin.write(self.question)
            self.process.stdin.flush()
        except OSError:
            raise EOFError from None
        end = time.monotonic() + LIMIT
        while not re.search(self.answer, self.text):
            if not self.selector.select(max(0, end - time.monotonic())):
                raise TimeoutError
            read = os.read(self.process.stdout.fileno(), 65536)
            if not read:
                raise EOFError
            self.text += read
            self.look(read)
        self.answers += 1

    def look(self, read):
        """Looks for signs that the program has connected anew behind our back."""

    def end(self):
        """Ends the program, if it has not ended, and reads what it has said last. Does nothing a second time."""
        if self.process.stdout.closed:
            return
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.text += self.process.stdout.read()
        self.process.stdout.close()
        self.selector.close()


class SQL(Session):
    question, answer = b"select 'beat';\n", rb"beat\n"

    def words(self, own, bundle, port):
        return [*sql(own, bundle, port)[:-2], "-f", "-"]


class Cache(Session):
    """The number of the connection tells whether it is still the same."""

    question, answer = b"CLIENT ID\n", rb"\d+\n"
    number = None

    def words(self, own, bundle, port):
        return ["redis-cli", "-h", "127.0.0.1", "-p", port, "--tls", "--sni", "localhost", "--cacert", bundle,
                "--cert", own, "--key", own]

    def look(self, _):
        found = re.search(rb"(\d+)\n", self.text)
        if b"Error" in self.text:
            raise EOFError
        if found and self.number not in (None, found.group(1)):
            raise EOFError
        self.number = found.group(1) if found else self.number


class Web(Session):
    """A connection that is kept between requests. A server that reloads closes it while no request is under way
    (RFC 9112, section 9.3: the client has to reckon with it at any time)."""

    may_be_closed = True
    question = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = rb"\r\n\r\n(2\r\n)?ok"

    def words(self, own, bundle, port):
        return ["openssl", "s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost",
                "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-CAfile", bundle, "-cert", own,
                "-key", own]

    def look(self, _):
        if re.search(rb"HTTP/1.1 [45]", self.text):
            raise EOFError


class Subscription(Session):
    """A subscriber, which gets what is published; its own log tells when it connects anew."""

    question, answer = b"", rb"PUBLISH"
    connects = 0

    def words(self, own, bundle, port):
        return ["stdbuf", "-oL", "mosquitto_sub", "-d", "-i", "subscriber", "-k", "10", "-t", "readings",
                *publish(own, bundle, port)[1:-6]]

    def look(self, read):
        self.connects += read.count(b"sending CONNECT\n")
        if self.connects > 1:
            raise EOFError


KINDS = {kind.__name__.lower(): kind for kind in (SQL, Cache, Web, Subscription)}


def use(session, write):
    """Uses the connection until it ends, and says what became of it."""
    try:
        while True:
            session.beat()
            write(OK)
            time.sleep(BEAT)
    except TimeoutError:
        session.end()
        return judge(None, "")
    except EOFError:
        session.end()
        text = session.text.decode("utf-8", "replace")
        if session.may_be_closed and session.answers and not text.strip():
            return CLOSED
        return judge(-1, text, connected=session.answers > 0)
    finally:
        session.end()


def main(kind, combined, bundle, port, results):
    # However long it has been waiting for an answer.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with open(results, "a", buffering=1) as file:

        def write(outcome, text=b""):
            words = " ".join(text.decode("utf-8", "replace").split())[-300:]
            file.write(f"{time.time():.3f}\t{outcome}\t{words}\n")

        while True:
            session = KINDS[kind](copy_of(pathlib.Path(combined), pathlib.Path(results).parent), bundle, port)
            write(use(session, write), session.text)
            time.sleep(BEAT)


if __name__ == "__main__":
    main(*sys.argv[1:])
