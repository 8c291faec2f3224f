"""The console behind nginx, as README.md has it: who asks, and events that are not held back."""
import http.client
import re
import signal
import socket

import pytest

from authority import Authority
from console import Client, Console
from servers import Nginx, let_through

# nginx is asked from here, and asks the console from 127.0.0.1.
CLIENT = "127.0.0.2"


class ReverseProxy(Nginx):
    kind = "proxy"
    upstream = 0

    def prepare(self):
        super().prepare()
        file = self.folder / "nginx.conf"
        location = f"""location / {{
            proxy_pass https://127.0.0.1:{self.upstream}; proxy_http_version 1.1; proxy_set_header Host $host;
            proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          }}"""
        file.write_text(file.read_text().replace('location / { return 200 "ok"; }', location))


class Caller(Client):
    """A client at another address, that writes into the header what it likes."""

    forwarded = "203.0.113.9"

    def connect(self):
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=60, context=self.context, source_address=(CLIENT, 0)
        )

    def request(self, method, path, body=None, headers=None):
        return super().request(method, path, body, {**(headers or {}), "X-Forwarded-For": self.forwarded})


@pytest.fixture
def behind(tmp_path):
    """Starts a console with options, and nginx before it; gives a client of nginx that is signed in."""
    let_through(tmp_path)
    started = []

    def start(*options):
        console = Console(tmp_path / "console", *options).start()
        started.append(lambda: console.stop(signal.SIGKILL))
        console.set_up()
        kind = type("Proxy", (ReverseProxy,), {"upstream": console.port})
        proxy = kind(tmp_path / "proxy", Authority("Proxy Root")).start()
        started.append(proxy.stop)
        caller = Caller(proxy.port)
        console.client = caller
        console.sign_in()
        return console, caller

    yield start
    for stop in reversed(started):
        stop()


def addresses(caller):
    """The addresses of the list of sessions, the last used first."""
    return re.findall(r'data-label="Address"><code>([^<]*)</code>', caller.get("/account").text)


def test_a_trusted_proxys_word_counts_and_its_clients_does_not(behind):
    _, caller = behind("--trusted-proxy", "127.0.0.1")
    # The set-up before, and signing in after it, came without the proxy.
    assert addresses(caller) == [CLIENT, "127.0.0.1", "127.0.0.1"]


def test_nobodys_word_counts_where_no_proxy_is_trusted(behind):
    _, caller = behind()
    assert addresses(caller) == ["127.0.0.1"] * 3


def test_events_come_through_the_proxy_while_their_stream_goes_on(behind):
    console, caller = behind("--trusted-proxy", "127.0.0.1")
    # They take connections and never say anything, so that the search goes on for long.
    silent = [socket.create_server(("127.0.0.1", 0)) for _ in range(60)]
    form = caller.get("/components/find").form("/components/find")
    ports = ",".join(str(one.getsockname()[1]) for one in silent)
    caller.post("/components/find", {**form["fields"], "what": "hosts", "places": f"127.0.0.1:{ports}"})
    search = caller.location
    stream = caller.connect()
    cookies = "; ".join(f"{name}={value}" for name, value in caller.cookies.items())
    stream.request("GET", search + "/events", headers={"Cookie": cookies, "Accept": "text/event-stream"})
    answer = stream.getresponse()
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
    line = b":"
    # Comments keep a silent stream alive.
    while line.startswith(b":") or line == b"\n":
        line = answer.readline()
    assert line.startswith((b"event:", b"data:", b"id:"))
    # The event is here, and the search is not over.
    page = caller.get(search)
    cancel = page.form(f"{search}/cancel")
    caller.post(cancel["action"], cancel["fields"])
    stream.close()
    for one in silent:
        one.close()
