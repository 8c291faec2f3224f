"""Notifications by a real HTTPS receiver and a real submission server, both with certificates of an authority in the trust
store."""
import asyncio
import base64
import email
import email.policy
import http.server
import json
import pathlib
import re
import ssl
import subprocess
import threading
import time

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

import update
from authority import Authority
from console import Console
from program import Program
from servers import wait_until

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def console(tmp_path):
    files = {"certificate": str(tmp_path / "web" / "server.pem"), "key": str(tmp_path / "web" / "server.key")}
    Authority("Old Root").issue(["web.example.net"], tmp_path / "web")
    component = {"name": "web", "names": ["web.example.net"], "files": files, "activation": {"command": ["/bin/true"]}}
    one = Console(tmp_path / "console", components=[component])
    try:
        one.start().set_up()
        yield one
    finally:
        one.stop()


@pytest.fixture
def receiver(tmp_path):
    """An HTTPS server that keeps the requests; it answers with `statuses`, then with 204."""
    authority = Authority("Receiver Root")
    authority.issue(["127.0.0.1"], tmp_path / "receiver")
    requests, statuses = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((dict((k.lower(), v) for k, v in self.headers.items()), body))
            self.send_response(statuses.pop(0) if statuses else 204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "receiver" / "server.pem", tmp_path / "receiver" / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.authority, server.requests, server.statuses = authority, requests, statuses
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


README = pathlib.Path(__file__).parents[2].joinpath("README.md").read_text()


def signature_by_openssl(secret, headers, body):
    """Computed by nothing but what README.md says, with openssl: whoever writes a receiver has no more."""
    words = " ".join(README.split())
    for said in (
        "`webhook-signature` has `v1,` and the base64 of HMAC-SHA-256 over `webhook-id`, `webhook-timestamp` and the body as "
        "it came, with dots in between",
        "the key of the HMAC is the bytes behind `whsec_`, decoded",
    ):
        assert said in words
    key = base64.b64decode(secret.removeprefix("whsec_")).hex()
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    code = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"], input=signed,
        capture_output=True, check=True,
    ).stdout
    return "v1," + base64.b64encode(code).decode()


def test_a_webhook_reaches_only_a_receiver_that_is_trusted_and_is_signed(console, receiver):
    api = Program(console.client)
    status, set_ = api.send(
        "PATCH", "/notifications",
        {"webhookAddress": f"https://127.0.0.1:{receiver.server_port}/x", "webhookSecret": SECRET},
    )
    assert status == 200 and set_["channels"] == ["webhook"] and SECRET not in json.dumps(set_)
    # Nobody knows its authority yet.
    status, tried = api.send("POST", "/notification-tests", {"channel": "webhook"})
    assert status == 200 and tried["state"] == "givenUp" and "certificate" in tried["problem"], tried
    assert receiver.requests == []

    api.trust(receiver.authority)
    status, tried = api.send("POST", "/notification-tests", {"channel": "webhook"})
    assert tried["state"] == "sent", tried
    fields, body = receiver.requests[0]
    assert fields["webhook-signature"] == signature_by_openssl(SECRET, fields, body)
    assert abs(int(fields["webhook-timestamp"]) - time.time()) < 300
    assert fields["content-type"] == "application/json"
    told = json.loads(body)
    assert told["type"] == "test" and told["data"]["text"].startswith("ada wants to see"), told


def test_what_a_receiver_refuses_comes_again_with_the_same_id_also_after_a_restart(console, receiver):
    api = Program(console.client)
    api.trust(receiver.authority)
    receiver.statuses += [503]
    api.send(
        "PATCH", "/notifications",
        {"webhookAddress": f"https://127.0.0.1:{receiver.server_port}/x", "webhookSecret": SECRET},
    )
    root = update.import_root(console.client, Authority("New Root"))
    started = update.start(console.client, update.make_plan(console.client, root), in_spite_of_problems=True)
    update.wait_for_end(console.client, started, "completed")
    wait_until(lambda: len(receiver.requests) == 1, "the first attempt", 20)
    listed = lambda: api.send("GET", "/notification-deliveries")[1]["items"]
    wait_until(lambda: listed()[0]["problem"], "the failure is written down", 20)
    assert "503" in listed()[0]["problem"]
    assert "not arrived" in console.client.get("/settings").text
    console.stop()
    console.start()
    console.sign_in()
    api.client = console.client
    wait_until(lambda: len(receiver.requests) == 2, "the second attempt", 60)
    first, second = receiver.requests
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    told = json.loads(first[1])
    assert told["type"] == "update.completed" and told["data"]["update"] == 1 and first[1] == second[1]
    wait_until(lambda: listed()[0]["state"] == "sent", "it is sent", 20)


def test_a_message_goes_over_a_submission_server_by_tls_and_with_the_password(console, tmp_path):
    authority = Authority("Mail Root")
    authority.issue(["127.0.0.1", "localhost"], tmp_path / "mail")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "mail" / "server.pem", tmp_path / "mail" / "server.key")
    mails = []

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            mails.append((session.authenticated, envelope.mail_from, envelope.rcpt_tos, envelope.content))
            return "250 taken"

    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"reroot", b'p"a\\ss'))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen():
        return await loop.create_server(
            lambda: SMTP(
                Handler(), hostname="127.0.0.1", tls_context=context, require_starttls=True, loop=loop,
                authenticator=authenticate, auth_required=True,
            ), "127.0.0.1", 0,
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        port = server.sockets[0].getsockname()[1]
        api = Program(console.client)
        given = {
            "emailTo": ["grace@example.net", "ada@example.net"], "emailFrom": "reroot@example.net",
            "smtpServer": f"smtp://127.0.0.1:{port}", "smtpUser": "reroot", "smtpPassword": "wrong",
        }
        assert api.send("PATCH", "/notifications", given)[0] == 200
        api.trust(authority)
        refused = api.send("POST", "/notification-tests", {"channel": "email"})[1]
        assert refused["state"] == "givenUp" and mails == [], refused
        assert api.send("PATCH", "/notifications", {"smtpPassword": 'p"a\\ss'})[0] == 200
        sent = api.send("POST", "/notification-tests", {"channel": "email"})[1]
        assert sent["state"] == "sent", sent
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    (is_known, sender, recipients, content), = mails
    assert is_known and sender == "reroot@example.net" and recipients == given["emailTo"]
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["Subject"] == "Reroot: a test" and message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().startswith("ada wants to see whether this arrives.")
    assert "wrong" not in console.text() and 'p"a' not in console.text()
    assert re.search(r"notification not sent", console.text())
