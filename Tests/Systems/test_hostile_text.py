"""Text that means harm, planted through the forms, files and certificates that bring text into a console, is text wherever it
comes out: on every page, in streams, downloads and the log, and at a terminal."""
import csv
import html
import json
import re
import signal
import urllib.parse

import pytest

import console as consoles
import update as steps
from authority import Authority
from commandline import CommandLine
from console import PASSWORD, Console
from harm import expect_stream, expect_terminal, expect_text, harm, has_forged, hidden_in, lines, seen, without_controls
from program import Program
from recorder import Events, Recorder, visit_everything
from watched import Watched

BROWSER = "Mozilla/5.0 planted-browser<img src=x>\u202e\u2028\u200b Firefox/130.0"


class Stranger(Recorder):
    """A browser whose name means harm as well; sessions are listed by what is known of it, so it is shown nowhere."""

    def request(self, method, path, body=None, headers=None):
        # As the library sends fields: bytes, each as a character.
        name = {"User-Agent": BROWSER.encode().decode("latin-1")}
        return super().request(method, path, body, {**(headers or {}), **name})


class System:
    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority("planted-issuer", organization=harm("organization"))
        self.servers = [Watched(folder / name, self.authority, name) for name in ["first", "second"]]
        self.console = Console(folder / "console", "--log-level", "trace")
        self.console.start().set_up()
        self.streams = []
        # It is given its token while no server runs, so it comes first.
        self.reroot = CommandLine(folder, self.console)
        self.console.sign_in()
        self.client = self.console.client
        self.program = Program(self.client)

    def fill(self, page, action, refused=None, files=None, client=None, **given):
        """Fills a form; where harm is refused in some fields, what is seen is taken in their place."""
        client = client or self.client

        def send(values):
            form = client.get(page).form(action)
            fields = {**form["fields"], **values}
            return client.upload(form["action"], fields, files) if files else client.post(form["action"], fields)

        if refused:
            answer = send({**given, **{name: harm(word) for name, word in refused.items()}})
            assert answer.status == 422, (page, answer.status)
            given |= {name: seen(word) for name, word in refused.items()}
        answer = send(given)
        assert answer.status == 200, (page, re.findall('<a href="#[^"]*">(.*?)</a>', answer.text))
        return answer

    def component(self, number):
        """It says what means harm whenever it is activated, and fails once it has the new certificate."""
        server = self.servers[number]
        (server.folder / "said").write_text(harm(f"output-{number}") + "\n")
        (server.folder / "first.pem").write_bytes((server.folder / "server.pem").read_bytes())
        script = f"cd {server.folder}; cat said; cat said >&2; cmp -s server.pem first.pem"
        return {
            **server.component(stage=number + 1), "name": seen(f"component-{number}"),
            "description": lines(f"description-{number}"), "maintenance": lines(f"maintenance-{number}"),
            "activation": {"command": ["/bin/sh", "-c", script, without_controls(f"argument-{number}")], "time_limit": 10},
        }

    def stop(self):
        self.console.stop(signal.SIGKILL)
        for part in [*self.streams, *self.servers]:
            part.stop()


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.setattr(consoles, "Client", Recorder)
    monkeypatch.setattr(Recorder, "answers", [])
    made = System(tmp_path)
    yield made
    made.stop()


def plant_people(system):
    """Somebody with a name and a browser, a token, and a name that nobody has."""
    page = system.fill("/users/new", "/users/new", {"name": "user"}, role="administrator")
    link = re.search(r'<code id="link">https://[^/]+(/password/[^<]+)</code>', page.text).group(1)
    stranger = Stranger(system.console.port)
    system.fill(link, "/password/.*", client=stranger, password=PASSWORD, password_again=PASSWORD)
    system.fill("/sign-in", "/sign-in.*", client=stranger, name=seen("user"), password=PASSWORD)
    form = Recorder(system.console.port).get("/sign-in").form("/sign-in.*")
    for name in [harm("nobody"), seen("nobody-either")]:
        Recorder(system.console.port).post(form["action"], {**form["fields"], "name": name, "password": "nothing of hers"})
        client = Recorder(system.console.port)
        form = client.get("/sign-in").form("/sign-in.*")
        assert client.post(form["action"], {**form["fields"], "name": name, "password": "nothing of hers"}).status == 422
    system.fill("/tokens/new", "/tokens/new", {"name": "token"}, role="viewer", days="1", current=PASSWORD, client=stranger)
    return stranger


def plant_trust(system):
    """The names of files and in certificates, and the names that they are given."""
    name = without_controls("file")
    system.fill("/trust-store/authorities/add", "/trust-store/authorities/add", files=[("file", name, system.authority.pem)])
    folder = system.folder / "given"
    system.authority.issue(["localhost"], folder)
    files = [(part, name, (folder / f"server.{end}").read_bytes()) for part, end in [("certificate", "pem"), ("key", "key")]]
    system.fill(
        "/trust-store/certificates/add", "/trust-store/certificates/add", {"name": "server-certificate"}, files=files
    )
    for page in ["/trust-store/authorities/add", "/roots/import"]:
        for given, status in [(name, 422), (harm("file").replace("\r\n", ""), 400)]:
            form = system.client.get(page).form(page)
            answer = system.client.upload(form["action"], {**form["fields"], "password": "x"}, [("file", given, b"noise")])
            assert answer.status == status, answer.text


def plant_settings(system):
    """What can be taken, in settings that hold text, and what cannot, in all of them."""
    for page in ["/settings", "/settings/notifications", "/audit/syslog"]:
        form = system.client.get(page).form(page)
        fields = {name: harm("setting") if name != "csrf" else value for name, value in form["fields"].items()}
        assert system.client.post(page, fields).status == 422, page
    system.fill(
        "/settings/notifications", "/settings/notifications", notify_smtp="smtps://127.0.0.1:9",
        notify_email_to="planted-recipient{x}'=@example.net", notify_smtp_user=seen("mail-user"),
        notify_smtp_password="nothing of hers",
    )


def plant_root(system):
    """A root whose names mean harm, imported under a name that does; returns its path."""
    root = Authority("planted-root-subject", organization=harm("root-organization"))
    files = [("file", without_controls("root-file"), root.pfx(steps.PFX_PASSWORD))]
    page = system.fill("/roots/import", "/roots/import", files=files, password=steps.PFX_PASSWORD)
    form = page.form("/roots/import/[^/]+")
    assert system.client.post(form["action"], {**form["fields"], "name": harm("root")}).status == 422
    page = system.client.post(form["action"], {**form["fields"], "name": seen("root")})
    assert page.status == 200, page.text
    return max(re.findall(r'href="(/roots/\d+)/update"', page.text))


def plant_components(system):
    """By YAML, once with harm in places where only what can be seen is taken."""
    given = {name: harm(name) for name in ["name", "description", "group", "kind"]}
    refused = {**system.component(0), **given}
    form = system.client.get("/components/import").form("/components/import")
    text = json.dumps({"components": [refused], harm("member"): 1})
    assert system.client.post("/components/import", {**form["fields"], "yaml": text}).status == 422
    text = json.dumps({"components": [system.component(0), system.component(1)]})
    system.fill("/components/import", "/components/import", yaml=text)
    page = system.client.get("/components/find")
    form = page.form("/components/find")
    assert system.client.post("/components/find", {**form["fields"], "places": harm("place")}).status == 422


def run_update(system, root):
    """An update whose first failure is overridden for a reason that means harm, and whose second one is aborted."""
    client = system.client
    plan = steps.make_plan(client, root)
    update = steps.start(client, plan, in_spite_of_problems=True)
    system.streams.append(Events(client, f"{update}/events", system.folder / "events"))
    for decision in ["override", "abort"]:
        page = steps.wait_for_end(client, update, "deciding")
        # Only Override asks for one.
        assert ("reason" in page.form(f"{update}/decisions", decision=decision)["fields"]) == (decision == "override")
        assert steps.decide(client, update, decision, page, reason=harm(decision)).status == 303
    steps.wait_for_end(client, update, "rolledBack")
    return update


def decline(system, stranger, root):
    """Where a second person is needed, somebody asks, and somebody else declines."""
    form = system.client.get("/settings").form("/settings/second-person")
    assert system.client.post(form["action"], {**form["fields"], "second_person": "on"}).status == 200
    plan = steps.make_plan(system.client, root)
    form = plan.form("/plans/\\d+/agreements")
    assert system.client.post(form["action"], {**form["fields"], "acceptProblems": "yes"}).status == 200
    request = system.client.location
    page = stranger.get(request)
    form = page.form(f"{request}/answers", answer="decline")
    assert stranger.post(form["action"], {**form["fields"], "reason": harm("decline")}).status == 200
    # To go back takes two as well.
    form = system.client.get("/settings").form("/settings/second-person")
    system.client.post(form["action"], {**form["fields"], "second_person": "off"})
    request = system.client.location
    form = stranger.get(request).form(f"{request}/answers", answer="agree")
    assert stranger.post(form["action"], form["fields"]).status == 200


def remove(system, stranger):
    """Everything that is removed for a reason."""
    for kind, listing, below in [
        ("authority", "/trust-store", "/authorities"), ("certificate", "/trust-store", "/certificates"),
        ("removed-root", "/roots", ""), ("removed-component", "/components", ""), ("removed-user", "/users", ""),
    ]:
        path = max(re.findall(rf'href="({listing}{below}/\d+)"', system.client.get(listing).text))
        system.fill(f"{path}/remove", f"{path}/remove", reason=harm(kind))


def search(system):
    """Everything that an administrator can open, and what can only be asked for."""
    client = system.client
    visit_everything(client)
    for path in ["/audit/export.csv", "/audit/export.jsonl"]:
        assert client.get(path).status == 200, path
    known = {"Authorization": f"Bearer {system.program.token}"}
    described = json.loads(client.get("/api/v1/openapi.json").text)["paths"]
    lists = [f"/api/v1{path}" for path, methods in described.items() if "get" in methods and "{" not in path]
    assert len(lists) > 10
    for path in ["/metrics", *lists]:
        # There is one where a restore has left something to be looked at.
        status = 404 if path.endswith("/restoration") else 200
        assert client.request("GET", path, headers=known).status == status, path
    for query in [harm("query"), seen("query")]:
        quoted = urllib.parse.quote(query)
        for page in ["audit", "sign-in?return=/", "updates", ""]:
            client.get(f"/{page}{'&' if '?' in page else '?'}who={quoted}&subject={quoted}&text={quoted}&return={quoted}")
        client.get("/" + quoted.replace("%00", "").replace("%0D%0A", ""))


# Each shows something of what was planted.
SHOWING = [
    "audit list", "audit export --format csv", "audit export --format jsonl", "users list", "tokens list", "roots list",
    "trust-store authorities list", "trust-store server-certificates list", "components list", "components export",
    "components test", "update list", "update show 1", "update watch 1", "notifications", "doctor --data {data}",
]
REMOVED = ["audit list", "audit export --format csv", "audit export --format jsonl", "components list", "update show 1"]


def at_terminals(system, commands):
    """What commands say at a terminal that is as wide as the longest line."""
    said = {}
    override = next(
        entry for entry in map(json.loads, system.client.get("/audit/export.jsonl").text.splitlines())
        if "planted-override" in entry.get("reason", "")
    )
    for words in [*commands, f"audit show {override['number']}"]:
        given = [word.format(data=system.console.folder / "data") for word in words.split()]
        shown = system.reroot.at_terminal(*given, columns=2000)
        try:
            shown.process.wait(60)
        finally:
            shown.process.kill()
            shown.reader.join(10)
        said[words] = shown.text
    return said


TRIALS = {
    "markup on a page": b"content-type: text/html\n\n<p><img src=x></p>",
    "a sign on a page": b"content-type: text/html\n\n<p>\xe2\x80\xae</p>",
    "a sign on a page, by its number": b"content-type: text/html\n\n<p>&#x202e;</p>",
    "a sign in a header": b"content-type: text/plain\nx: \x1b\n\n",
    "a formula": b'content-type: text/csv\n\n"a","b"\r\n"planted-x","=1+1"\r\n',
    "a row of its own": b'content-type: text/csv\n\n"a","b"\r\n"planted-x","y\r\ndata: forged\r\n',
    "a line of its own": b"content-type: application/jsonl\n\n" + b'{"a":"b"}\n' * 30 + b"data: forged\n",
    "a sign that ends a line": b"content-type: application/jsonl\n\n" + b'{"a":"\xe2\x80\xa8"}\n' * 30,
}


@pytest.mark.parametrize("name", TRIALS)
def test_the_search_finds(name):
    with pytest.raises((AssertionError, ValueError, csv.Error)):
        expect_text(name, TRIALS[name])


def test_the_search_finds_what_a_terminal_and_a_stream_must_not_be_told():
    for text in ["planted- \x1b]0;t\x07", "planted- \u202e", "planted-\r\ndata: forged"]:
        with pytest.raises(AssertionError):
            expect_terminal("trial", text)
    expect_terminal("trial", "planted- \x1b[1mbold\x1b[0m\r\n")
    good = b"event: row\ndata: planted-output\n\n" * 20
    expect_stream(good)
    for bad in [b"data: forged\n", b"event: row\ndata: <img src=x>\n", "data: \u202e\n".encode(), b"no field\n"]:
        with pytest.raises(AssertionError):
            expect_stream(good + bad)


def test_text_that_means_harm_is_text_wherever_it_comes_out(system):
    stranger = plant_people(system)
    plant_trust(system)
    plant_settings(system)
    plant_components(system)
    root = plant_root(system)
    run_update(system, root)
    assert "Firefox" in stranger.get("/account").text
    decline(system, stranger, root)
    search(system)
    said = at_terminals(system, SHOWING)
    remove(system, stranger)
    search(system)
    said |= {f"{words}, after": text for words, text in at_terminals(system, REMOVED).items()}

    kinds = {}
    everything = ""
    for what, _, page in Recorder.answers:
        kind = expect_text(what, page)
        kinds[kind] = kinds.get(kind, 0) + 1
        everything += html.unescape(page.partition(b"\n\n")[2].decode("utf-8", "replace"))
    for stream in system.streams:
        stream.stop()
        expect_stream(stream.file.read_bytes())
    log = system.console.text()
    assert "planted-" in log and hidden_in(log) == [] and not has_forged(log)
    for words, text in said.items():
        expect_terminal(words, text)
    words = set(re.findall(r"planted-([a-z0-9-]+)", everything))
    assert WORDS - words == set(), f"planted, but shown nowhere: {sorted(WORDS - words)}"
    print(
        f"figure: hostile texts planted: {len(WORDS)}, answers searched: {len(Recorder.answers)} {kinds}, "
        f"commands at a terminal: {len(said)}"
    )


WORDS = {
    "user", "nobody-either", "token", "organization", "issuer", "server-certificate", "setting", "recipient",
    "mail-user", "root", "root-subject", "root-organization", "component-0", "component-1", "description-0", "description-1",
    "maintenance-0", "argument-0", "output-0", "output-1", "override", "decline", "authority", "certificate",
    "removed-root", "removed-component", "removed-user", "name", "kind", "place", "query",
}
