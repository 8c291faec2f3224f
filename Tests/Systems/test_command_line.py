"""The command line over the API: a whole update as a person at a terminal sees it, and as a script does."""
import base64
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes

from authority import Authority
from commandline import CommandLine
from console import PASSWORD, PROGRAM, Client, Console
from meddler import Meddler
from part import Part
from program import Program
from servers import wait_until

PFX_PASSWORD = "Root-2026!"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class System:
    """Components of own making, a console that knows none of them yet, and a root in a PFX file."""

    def __init__(self, folder):
        self.folder = folder
        self.old, self.new = Authority("Old Root"), Authority("New Root")
        self.parts = [Part(folder / "parts" / name, self.old) for name in ("web", "db")]
        self.pfx = folder / "new.pfx"
        self.pfx.write_bytes(self.new.pfx(PFX_PASSWORD))
        self.yaml = folder / "components.yaml"
        self.yaml.write_text(json.dumps({"components": [part.component() for part in self.parts]}))
        self.console = Console(folder / "console")
        self.console.start().set_up()
        self.reroot = CommandLine(folder, self.console)

    def prepare(self):
        self.reroot.run("components", "apply", self.yaml)
        self.reroot.run("roots", "import", self.pfx, input=PFX_PASSWORD + "\n")
        return self

    def fail_once(self, name):
        next(part for part in self.parts if part.name == name).folder.joinpath("fail").touch()

    def hold(self):
        """Makes web's activation, and with it the update, wait until the file that is given back is removed."""
        hold = self.folder / "hold"
        hold.touch()
        part = self.parts[0].component()
        script = part["activation"]["command"][2]
        part["activation"] = {
            "command": ["/bin/sh", "-c", f"{script}; while [ -e {hold} ]; do sleep 0.05; done"], "time_limit": 60,
        }
        self.yaml.write_text(json.dumps({"components": [part]}))
        self.reroot.run("components", "apply", self.yaml)
        return hold

    def expect_new(self, *names):
        for part in self.parts:
            if part.name in names:
                part.served().verify_directly_issued_by(self.new.certificate)

    def expect_old(self, *names):
        for part in self.parts:
            if part.name in names:
                part.served().verify_directly_issued_by(self.old.certificate)

    def stop(self):
        self.console.stop(signal.SIGKILL)
        for part in self.parts:
            part.server.stop()


@pytest.fixture
def system(tmp_path):
    made = System(tmp_path)
    yield made
    made.stop()


START = ("update", "start", "--root", "New Root", "--months", "12", "--on-failure", "stop", "--watch")


def test_a_script_takes_a_whole_update(system):
    reroot = system.reroot
    assert "added" in (dry := reroot.run("components", "apply", system.yaml, "--dry-run")).stdout
    assert "Nothing was done" in dry.stdout and "+ " in dry.stdout
    assert reroot.json("components", "list")["total"] == 0
    applied = reroot.json("components", "apply", system.yaml)
    assert [one["change"] for one in applied["components"]] == ["added", "added"]
    again = reroot.run("components", "apply", "-", input=system.yaml.read_text())
    assert again.stdout == "0 added, 0 changed, 2 unchanged.\n"
    exported = system.folder / "exported.yaml"
    for form in ([], ["--json"]):
        exported.write_text(reroot.run("components", "export", *form).stdout)
        again = reroot.json("components", "apply", exported, "--dry-run")["components"]
        assert [one["change"] for one in again] == ["unchanged"] * 2
    events = [entry["event"] for entry in reroot.json("audit", "list")["items"]]
    assert events.count("components.exported") == 2
    assert "OK    web" in reroot.run("components", "test").stdout

    password = system.folder / "password"
    password.write_text(PFX_PASSWORD)
    password.chmod(0o640)
    exposed = reroot.run("roots", "inspect", system.pfx, "--password-file", password, status="usage")
    assert "can be read by others" in exposed.stderr
    password.chmod(0o600)
    inspected = reroot.json("roots", "inspect", system.pfx, "--password-file", password)
    assert inspected["certificate"]["subject"] == "CN=New Root"
    reroot.run("roots", "import", system.pfx, "--password-file", password)
    root = reroot.json("roots", "list")["items"][0]
    assert root["name"] == "New Root" and root["state"] == "imported"
    assert reroot.run("roots", "download", "New Root").stdout.encode() == system.new.pem
    assert reroot.json("roots", "download", "New Root")["pem"].encode() == system.new.pem

    plan = reroot.json("plan", "--root", root["id"], "--months", "12")
    assert not plan["isBlocked"] and [one["name"] for one in plan["components"]] == ["db", "web"]
    assert "It can be started" in reroot.run("plan", "--root", root["certificate"]["fingerprint"]).stdout
    watched = reroot.run("update", "start", "--plan", plan["id"], "--watch")
    assert "is completed" in watched.stdout and "started the update" in watched.stdout
    system.expect_new("web", "db")

    assert reroot.json("update", "list")["items"][0]["standing"] == "completed"
    assert "Update 1, New Root: completed" in reroot.run("update", "show").stdout
    current = reroot.json("sets")["items"][0]
    assert current["isCurrent"] and len(current["members"]) == 2
    assert re.search(r"^1 +yes +New Root +1 +2 ", reroot.run("sets").stdout, re.MULTILINE)
    # An update that has ended is watched as it was, to the same end.
    lines = reroot.lines("update", "watch")
    assert lines[-1]["update"]["standing"] == "completed"
    entries = [line["entry"]["sequence"] for line in lines if line["event"] == "entry"]
    assert entries == list(range(1, len(entries) + 1))
    assert any(entry["event"] == "update.started" for entry in reroot.json("audit", "list")["items"])
    assert reroot.json("tokens", "list")["items"][0]["name"] == "test ada administrator"
    reroot.run("roots", "remove", "New Root", "--reason", "a test", status="refused")


def test_a_failure_without_a_terminal_ends_with_its_status_and_is_decided_later(system):
    reroot = system.prepare().reroot
    system.fail_once("db")
    stopped = reroot.run(*START, status="waiting")
    assert "Update 1 has stopped: 1 action failed." in stopped.stdout
    assert re.search(r"db, activate \(activate:\d+\)", stopped.stdout) and "refused" in stopped.stdout
    for decision in ("retry", "override", "continue", "abort"):
        assert re.search(rf"^  {decision} ", stopped.stdout, re.MULTILINE), stopped.stdout
    reroot.run("update", "watch", "1", "--no-input", status="waiting")
    # A decision that answers another question, or that needs a reason, changes nothing.
    question = reroot.json("update", "show", "1")["question"]
    reroot.run("update", "decide", 1, "retry", "--question", question + 1, status="refused")
    reroot.run("update", "decide", 1, "override", status="refused")
    assert "is completed" in reroot.run("update", "decide", 1, "retry", "--watch").stdout
    system.expect_new("web", "db")


def test_each_end_of_an_update_has_its_own_status(system):
    reroot = system.prepare().reroot
    system.fail_once("db")
    lines = reroot.lines(*START, status="waiting")
    assert lines[-1]["update"]["standing"] == "deciding"
    assert [one["component"] for one in lines[-1]["update"]["failures"]] == ["db"]
    ended = reroot.run("update", "decide", 1, "abort", "--watch", status="rolledBack")
    assert "is rolled back" in ended.stdout
    system.expect_old("web", "db")
    system.fail_once("db")
    continued = reroot.run(
        "update", "start", "--root", "New Root", "--on-failure", "continue", "--watch", status="completedWithErrors"
    )
    assert "completed with errors" in continued.stdout
    system.expect_new("web")
    system.fail_once("db")
    refused = reroot.run(*START, status="refused")
    assert "The plan names problems. Give --accept-problems" in refused.stderr and "Tick" not in refused.stderr
    reroot.run(*START, "--accept-problems", status="waiting")
    decided = reroot.run("update", "decide", 3, "continue", "--watch", status="completedWithErrors")
    assert "completed with errors" in decided.stdout


def test_a_rollback_that_cannot_restore_everything_has_a_status_of_its_own(system):
    reroot = system.prepare().reroot
    system.fail_once("db")
    reroot.run(*START, status="waiting")
    # What does not answer any more cannot be seen to be as it was.
    gone = system.parts.pop(1)
    gone.server.stop()
    reroot.run("update", "decide", 1, "abort", "--watch", status="waiting")
    ended = reroot.run(
        "update", "decide", 1, "override", "--reason", "db is switched off", "--watch", status="rolledBackWithErrors")
    assert "rolled back with errors" in ended.stdout
    assert reroot.lines("update", "watch", 1, status="rolledBackWithErrors")
    system.expect_old("web")


def test_a_person_at_a_terminal_is_shown_the_progress_and_asked(system):
    reroot = system.prepare().reroot
    system.fail_once("db")
    seen = reroot.at_terminal(*START)
    seen.wait_for(r"Decision \(.*retry.*\): ")
    seen.answer("perhaps")
    seen.wait_for("“perhaps” is not on offer")
    seen.answer("retry")
    text = seen.end("done")
    assert COLOUR.search(text) and "█" in text and "\x1b[K" in text
    plain = COLOUR.sub("", text)
    assert re.search(r"✗ db +\d+/\d+  activate failed", plain)
    assert re.search(r"✓ web +\d+/\d+  done", plain)
    assert "Update 1 is completed" in plain
    for line in plain.replace("\x1b[K", "").splitlines():
        # What the terminal itself breaks is the question.
        assert len(line) < 160, line
    system.expect_new("web", "db")


def test_no_colour_and_no_answer_are_respected(system):
    reroot = system.prepare().reroot
    system.fail_once("db")
    seen = reroot.at_terminal(*START, environment={"NO_COLOR": "1"}, columns=50, rows=12)
    seen.wait_for(r"Decision \(")
    seen.answer("")
    text = seen.end("waiting")
    assert "The question stays open" in text and not COLOUR.search(text)
    seen = reroot.at_terminal("update", "watch", "--no-input")
    assert "Decision (" not in seen.end("waiting")
    # Override asks why, and puts the component back.
    seen = reroot.at_terminal("update", "watch")
    seen.wait_for(r"Decision \(")
    seen.answer("over")
    seen.wait_for("Why ")
    seen.answer("The test wants it so.")
    seen.end("completedWithErrors")
    system.expect_new("web")
    system.expect_old("db")


def test_a_decision_that_somebody_else_has_taken_ends_the_question(system):
    reroot = system.prepare().reroot
    system.fail_once("db")
    seen = reroot.at_terminal(*START)
    seen.wait_for(r"Decision \(")
    reroot.run("update", "decide", 1, "retry")
    seen.wait_for("Somebody else has decided")
    seen.end("done")


def test_the_watching_goes_on_when_the_console_was_away(system):
    reroot = system.prepare().reroot
    hold = system.hold()
    seen = reroot.at_terminal(*START, environment={"NO_COLOR": "1"})
    seen.wait_for(r"▸ web ")
    port = system.console.port
    system.console.stop(signal.SIGKILL)
    seen.wait_for("Trying again")
    hold.unlink()
    system.console.start(port)
    # What was in flight is looked at and asked about.
    end = seen.wait_for(r"Decision \(.*\): ")
    seen.answer("retry")
    seen.wait_for("is completed", after=end)
    seen.end("done")
    system.expect_new("web", "db")


def test_a_server_that_is_not_known_is_told_nothing(system):
    reroot = system.reroot
    lonely = {"REROOT_FINGERPRINT": ""}
    refused = reroot.run("roots", "list", environment=lonely, status="notConnected")
    assert "--ca-file" in refused.stderr
    other = reroot.run("roots", "list", environment={"REROOT_FINGERPRINT": "ab" * 32}, status="notConnected")
    assert "another certificate" in other.stderr
    stranger = system.folder / "stranger.pem"
    stranger.write_bytes(system.old.pem)
    reroot.run("roots", "list", "--ca-file", stranger, status="notConnected")
    # The console's own certificate, given as a file, is known for the names that it carries.
    own = system.folder / "own.pem"
    own.write_text(ssl.get_server_certificate(("127.0.0.1", system.console.port)))
    port = system.console.port
    reroot.run("roots", "list", "--ca-file", own, "--server", f"https://localhost:{port}")
    system.console.stop()
    assert "reroot: " in reroot.run("roots", "list", status="notConnected").stderr


def test_settings_come_from_a_file_and_a_token_has_to_be_secret(system):
    reroot = system.reroot
    folder = system.folder / ".config" / "reroot"
    folder.mkdir(parents=True)
    shutil.copy(reroot.token, folder / "token")
    (folder / "token").chmod(0o600)
    (folder / "config.yaml").write_text(
        f"server: https://127.0.0.1:{system.console.port}\ntoken_file: token\nfingerprint: '{reroot.fingerprint}'\n"
    )
    bare = {"REROOT_SERVER": "", "REROOT_TOKEN_FILE": "", "REROOT_FINGERPRINT": ""}
    assert "no root certificate" in reroot.run("roots", "list", environment=bare).stdout
    (folder / "token").chmod(0o644)
    open_to_all = reroot.run("roots", "list", environment=bare, status="usage")
    assert "can be read by others" in open_to_all.stderr
    (folder / "token").chmod(0o600)
    (folder / "token").write_text("reroot_nothing\n")
    assert "token" in reroot.run("roots", "list", environment=bare, status="refused").stderr
    reroot.run("roots", "list", "--data", "/nowhere", status="usage")
    reroot.run("components", "list", "--state", "nonsense", status="usage")


def test_a_token_that_may_only_look_is_refused_in_the_words_of_the_page(tmp_path):
    system = System(tmp_path)
    try:
        viewer = CommandLine(tmp_path, system.console, role="viewer")
        refused = viewer.run("components", "apply", system.yaml, status="refused")
        assert "administrator" in refused.stderr
    finally:
        system.stop()


def test_completions_and_the_manual_work_with_the_real_programs(tmp_path):
    for shell in ("bash", "zsh", "fish"):
        script = tmp_path / f"reroot.{shell}"
        made = subprocess.run([PROGRAM, "--generate-completion-script", shell], capture_output=True, check=True)
        script.write_bytes(made.stdout)
        subprocess.run([shell, "-n", script], check=True)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "reroot").symlink_to(pathlib.Path(PROGRAM).resolve())
    path = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb"}
    bash = (
        f"source {tmp_path}/reroot.bash; COMP_WORDS=(reroot update de); COMP_CWORD=2; COMP_LINE='reroot update de'; "
        'COMP_POINT=16; COMP_TYPE=9; $(complete -p reroot | sed "s/.*-F \\([^ ]*\\).*/\\1/") reroot de update; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", bash], capture_output=True, text=True, env=path, timeout=60)
    assert done.stdout.split() == ["decide"], done
    fish = f"source {tmp_path}/reroot.fish; complete -C 'reroot update de'"
    done = subprocess.run(["fish", "--no-config", "-c", fish], capture_output=True, text=True, env=path, timeout=60)
    assert "decide" in done.stdout, done
    zsh = f"autoload -Uz compinit && compinit -u -d {tmp_path}/dump; source {tmp_path}/reroot.zsh; whence -w _reroot; echo ${{_comps[reroot]}}"
    done = subprocess.run(["zsh", "-f", "-c", zsh], capture_output=True, text=True, env=path, timeout=60)
    assert "_reroot: function" in done.stdout, done

    page = tmp_path / "reroot.1"
    page.write_bytes(subprocess.run([PROGRAM, "man"], capture_output=True, check=True).stdout)
    shown = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", page], capture_output=True, text=True,
        env={**path, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "PAGER": "cat"}, timeout=60,
    )
    assert shown.returncode == 0 and shown.stderr == "", shown.stderr
    assert "reroot update start" in shown.stdout and "EXIT STATUS" in shown.stdout
    linted = subprocess.run(["mandoc", "-Tlint", "-W", "error", page], capture_output=True, text=True, timeout=60)
    assert linted.returncode == 0, linted.stdout


def test_a_password_is_asked_for_without_being_shown(system):
    seen = system.reroot.at_terminal("roots", "import", system.pfx)
    seen.wait_for("Password of new.pfx: ")
    seen.answer(PFX_PASSWORD)
    text = seen.end("done")
    assert PFX_PASSWORD not in text and "Imported “New Root”" in text
    refused = system.reroot.run("roots", "inspect", system.pfx, input="no such password\n", status="refused")
    assert "password" in refused.stderr


def test_a_script_administers_the_console(system):
    reroot = system.reroot
    # Users: a link is printed once, alone on standard output.
    link = reroot.run("users", "add", "grace", "--role", "viewer").stdout.strip()
    assert re.fullmatch(r"https://\S+/password/\S+", link), link
    assert "operator" in reroot.run("users", "change", "grace", "--role", "operator").stdout
    assert reroot.run("users", "link", "grace").stdout.startswith("https://")
    reroot.run("users", "remove-second-factor", "grace", status="refused")
    reroot.run("users", "change", "nobody", "--role", "viewer", status="refused")
    reroot.run("users", "remove", "grace", "--reason", "a test")
    assert [user["name"] for user in reroot.json("users", "list")["items"]] == ["ada"]

    # A name that is another one's number is neither.
    reroot.run("components", "apply", system.yaml)
    assert "“db” is “1” now" in reroot.run("components", "rename", "db", "1").stdout
    both = {one["name"]: one["id"] for one in reroot.json("components", "list")["items"]}
    assert both == {"web": 1, "1": 2}
    assert "“web” (id:1)" in reroot.run("components", "show", "1", status="refused").stderr
    reroot.run("components", "rename", "id:2", "db")
    assert sorted(one["name"] for one in reroot.json("components", "list")["items"]) == ["db", "web"]

    # Watching: nothing was deployed yet, so nothing differs.
    assert "looked at" in reroot.run("watching", "look").stdout
    assert reroot.json("watching")["differing"] == []

    # Settings: all or none.
    assert reroot.json("settings", "set", "parallelComponents=3")["parallelComponents"] == 3
    reroot.run("settings", "set", "parallelComponents=4", "nonsense=1", status="refused")
    assert reroot.json("settings")["parallelComponents"] == 3
    assert "parallelComponents" in reroot.run("settings", "show").stdout
    reroot.run("settings", "set", "parallelComponents", status="usage")

    assert reroot.json("settings", "syslog", "udp://127.0.0.1:9")["address"] == "udp://127.0.0.1:9"
    assert reroot.json("settings", "syslog", "off")["address"] is None
    reroot.run("settings", "second-factor", "on", status="refused")

    # The trust store.
    authority = system.folder / "authority.pem"
    authority.write_bytes(system.old.pem)
    assert reroot.run("trust-store", "authorities", "add", authority).stdout == "1 added, 0 known already.\n"
    listed = reroot.json("trust-store", "authorities")["items"]
    assert listed[0]["certificate"]["subject"] == "CN=Old Root"
    assert reroot.run("trust-store", "authorities", "download", listed[0]["id"]).stdout.encode() == system.old.pem
    reroot.run("trust-store", "authorities", "remove", listed[0]["id"], "--reason", "a test")
    part = system.parts[0].folder
    added = reroot.json(
        "trust-store", "server-certificates", "add", "--name", "own", "--certificate", part / "server.pem",
        "--key", part / "key" / "server.key",
    )
    assert "own" in reroot.run("trust-store", "server-certificates").stdout
    chain = reroot.json("trust-store", "server-certificates", "download", added["id"])["pem"]
    assert chain.startswith("-----BEGIN CERTIFICATE-----") and "KEY" not in chain
    reroot.run("trust-store", "server-certificates", "remove", added["id"], "--reason", "a test")
    assert reroot.fingerprint in reroot.run("trust-store", "https").stdout

    # The doctor, by its own statuses.
    report = subprocess.run(
        [PROGRAM, "doctor", "--json"], capture_output=True, text=True, env=reroot.environment, timeout=60
    )
    states = {"OK": 0, "WARN": 1, "FAIL": 2}
    assert report.returncode == states[json.loads(report.stdout)["state"]], report
    told = subprocess.run([PROGRAM, "doctor"], capture_output=True, text=True, env=reroot.environment, timeout=60)
    assert re.search(r"^OK +", told.stdout, re.MULTILINE), told

    # The audit log, which is verified as it was exported.
    exported = system.folder / "audit.jsonl"
    reroot.run("audit", "export", "--output", exported)
    reroot.run("audit", "export", "--output", exported, status="usage")
    assert [path.name for path in system.folder.iterdir() if path.name.startswith(".audit")] == []
    told = reroot.json("audit", "export", "--output", system.folder / "second.jsonl")
    assert told["bytes"] == (system.folder / "second.jsonl").stat().st_size
    reroot.run("audit", "export", "--json", "--format", "csv", status="usage")
    entry = reroot.json("audit", "list", "--limit", 1)["items"][0]
    assert reroot.json("audit", "show", entry["number"]) == entry
    assert entry["event"] in reroot.run("audit", "show", entry["number"]).stdout
    assert reroot.json("audit", "verify", "--file", exported, "--without-seals")["isGood"]
    assert "is as it was written" in reroot.run("audit", "verify", "--file", exported, "--without-seals").stdout
    assert "user.added" in reroot.run("audit", "export", "--format", "csv").stdout
    assert reroot.json("audit", "list", "--who", "ada", "--limit", 1)["items"][0]["who"] == "ada"

    # A token ends, and is good for nothing any more.
    token = reroot.json("tokens", "list")["items"][0]["id"]
    assert reroot.json("tokens", "end", token) == {"isDone": True, "id": token}
    reroot.run("tokens", "list", status="refused")



def test_components_are_found_renewals_are_set_and_tokens_made_of_a_running_console(system):
    reroot = system.reroot
    place = f"127.0.0.1:{system.parts[0].server.port}"
    found = reroot.json("components", "find", place, "127.0.0.1:1")
    assert found["standing"] == "ended" and [one["result"] for one in found["places"]] == ["serves", "silent"], found
    table = reroot.run("components", "find", place, "127.0.0.1:1").stdout.splitlines()
    assert table[0].split() == ["PLACE", "FOUND", "SUBJECT", "UNTIL", "COMPONENT"]
    assert place in table[1] and "a certificate" in table[1] and "no answer" in table[2]
    proposed = json.loads(reroot.run("components", "find", place, "--proposals").stdout)["components"]
    assert proposed[0]["endpoints"][0]["port"] == system.parts[0].server.port
    # Without a place, this machine's own sockets, where the parts listen.
    # The kernel's table of sockets may leave one out while others come and go (proc(5)).
    ports = {str(part.server.port) for part in system.parts}
    wait_until(
        lambda: ports <= {one["place"].rsplit(":", 1)[1] for one in reroot.json("components", "find")["places"]},
        "the parts' own sockets are found", 60)

    assert reroot.run("renewal").stdout.split() == ["Renewal", "off"]
    set_ = reroot.json("renewal", "set", "--before", "30 days", "--window", "daily 03:00-05:00", "--time-zone", "Europe/Berlin")
    assert set_ == {
        "renewal": "30 days", "maintenanceWindows": ["daily 03:00-05:00"], "maintenanceTimeZone": "Europe/Berlin"}
    assert reroot.json("renewal", "set", "--window", "any")["maintenanceWindows"] == []
    assert reroot.json("renewal", "show")["standing"] == "nothing"
    reroot.run("renewal", "set", "--before", "soon", status="refused")

    made = reroot.run("tokens", "make", "nightly", "--days", 1)
    token = system.folder / "nightly.token"
    token.touch(mode=0o600)
    token.write_text(made.stdout)
    viewer = {"REROOT_TOKEN_FILE": str(token)}
    assert reroot.run("components", "list", environment=viewer).stdout == "There is no such component.\n"
    refused = reroot.run("tokens", "make", "more", "--role", "operator", environment=viewer, status="refused")
    assert "no more than you may do" in refused.stderr
    piped = reroot.run("components", "list", "--token-file", "-", input=made.stdout)
    assert piped.stdout == "There is no such component.\n"
    assert reroot.json("tokens", "make", "second", "--days", 1)["record"]["role"] == "viewer"
    reroot.run("tokens", "make", "x", "--user", "ada", status="usage")


def test_no_table_is_cut_to_what_nobody_can_read_on_a_narrow_terminal(system):
    reroot = system.prepare().reroot
    reroot.run("components", "test", "web")
    reroot.run("notifications", "set", "emailTo=[\"grace@example.net\"]", 'smtpServer="smtps://127.0.0.1:1"')
    reroot.run("notifications", "test", "email", status="failed")
    tables = [
        ["components", "list"], ["roots", "list"], ["notifications", "list"], ["users", "list"], ["tokens", "list"],
        ["audit", "list", "--limit", "5"], ["sets"], ["update", "list"], ["plan", "--root", "New Root"]]
    for columns in (40, 60, 80):
        for words in tables:
            shown = reroot.at_terminal(*words, columns=columns).end("done")
            for line in COLOUR.sub("", shown).splitlines():
                assert len(line) <= columns or words[0] == "plan", (columns, line)
            # Of what is cut, nobody has to guess when it was.
            assert not re.search(r"\d{4}-[-\d :]*…", shown), shown
        listed = reroot.at_terminal("notifications", "list", columns=columns).end("done").replace("\r", "")
        assert re.search(r"^MADE +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$", listed, re.M), listed
        assert re.search(r"^PROBLEM +curl: ", listed, re.M), listed


def test_what_cannot_be_written_is_no_success_and_every_byte_is_what_the_server_sent(system):
    reroot = system.reroot
    program = Program(system.console.sign_in().client)
    for number in range(60):
        # Two, three and four bytes to a character, so that some are cut wherever the parts of an answer end.
        name = f"u{number}" + "é€" * 20 + "𝄞" * (number % 8)
        assert program.send("POST", "/users", {"name": name, "role": "viewer"})[0] == 201
    file = system.folder / "whole.jsonl"
    reroot.run("audit", "export", "--topic", "users", "--output", file)
    raw = subprocess.run(
        [PROGRAM, "audit", "export", "--topic", "users"], capture_output=True, env=reroot.environment, timeout=60)
    # The last line says where the log ends, which is further on by now.
    whole, again = file.read_bytes().splitlines()[:-1], raw.stdout.splitlines()[:-1]
    assert raw.returncode == 0 and again == whole and len(b"".join(whole)) > 20_000
    for words in (["audit", "export"], ["users", "list"], ["users", "list", "--json"], ["man"], ["--help"]):
        with open("/dev/full", "w") as full:
            ended = subprocess.run(
                [PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=reroot.environment, timeout=60)
        assert ended.returncode == 1 and "No space left" in ended.stderr, (words, ended)
    # Whoever has read enough is no failure.
    first = f"{PROGRAM} audit export | head -n 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", first], capture_output=True, text=True, env=reroot.environment, timeout=60)
    assert ended.stdout == "0\n" and ended.stderr == "", ended


def test_a_change_of_a_user_takes_nothing_back_that_somebody_else_has_changed_meanwhile(system):
    reroot = system.reroot
    reroot.run("users", "add", "grace", "--role", "viewer")
    program = Program(system.console.sign_in().client)

    def meddle(method, path):
        if method == "PUT":
            assert program.send("PUT", path.removeprefix("/api/v1"), {"name": "grace", "role": "operator"})[0] == 200

    with Meddler(system.console.port, system.folder / "meddler", meddle) as between:
        known = {"REROOT_SERVER": between.address, "REROOT_FINGERPRINT": between.fingerprint}
        # Who renames keeps the role, of which another one holds by now.
        refused = reroot.run("users", "change", "grace", "--rename", "hopper", environment=known, status="refused")
    assert "changed" in refused.stderr, refused
    assert [(one["name"], one["role"]) for one in reroot.json("users", "list")["items"]][1] == ("grace", "operator")
    assert "hopper is operator now" in reroot.run("users", "change", "grace", "--rename", "hopper").stdout


def test_a_console_begins_without_a_browser(tmp_path):
    data, secret = tmp_path / "data", tmp_path / "password"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def run(*words, status=0, input=""):
        ended = subprocess.run(
            [PROGRAM, *map(str, words)], input=input, capture_output=True, text=True, env=environment, timeout=60)
        assert ended.returncode == status, ended
        return ended

    add = ("users", "add", "ada", "--role", "administrator", "--data", data)
    assert "12 characters" in run(*add, status=1, input="short\n").stderr
    assert "guess" in run(*add, status=1, input="password1234\n").stderr
    assert "must be an administrator" in run("users", "add", "ada", "--role", "viewer", "--data", data, status=1).stderr
    secret.write_text(PASSWORD + "\n")
    assert "can be read by others" in run(*add, "--password-file", secret, status=64).stderr
    secret.chmod(0o600)
    assert json.loads(run(*add, "--password-file", secret, "--json").stdout)["role"] == "administrator"
    assert "already" in run(*add, "--password-file", secret, status=1).stderr
    run("users", "add", "grace", "--role", "viewer", "--data", data, input=PASSWORD + "\n")
    verified = json.loads(run("audit", "verify", "--data", data, "--json").stdout)
    assert verified["isGood"] and verified["good"] >= 2

    console = Console(tmp_path).start()
    try:
        reroot = CommandLine(tmp_path, console)
        # The page that would make the first administrator is closed.
        assert "/setup/" not in console.text() and console.client.get("/setup/anything").status == 404
        console.sign_in()
        root = tmp_path / "root.pfx"
        root.write_bytes(Authority("New Root").pfx(PFX_PASSWORD))
        reroot.run("roots", "import", root, input=PFX_PASSWORD + "\n")
        # There is nothing to bring it to yet.
        planned = reroot.json("plan", "--root", "New Root", status="refused")
        assert [problem["code"] for problem in planned["problems"]] == ["NO_COMPONENTS"]
        events = {(one["event"], one["subject"]) for one in reroot.json("audit", "list")["items"]}
        assert {("user.first", "ada"), ("user.added", "grace")} <= events
    finally:
        console.stop(signal.SIGKILL)


def test_an_old_root_is_retired_by_its_fingerprint(system):
    reroot = system.prepare().reroot
    reroot.run(*START)
    old = system.old.certificate.fingerprint(hashes.SHA256()).hex()
    reroot.run("retire", "No Such Root", status="refused")
    assert reroot.json("roots", "retiring")["items"][0]["fingerprint"] == old
    assert "It can be retired" in reroot.run("roots", "dependents", old, "--look").stdout
    assert reroot.json("retire", old, "--dry-run")["purpose"] == "retirement"
    assert "is completed" in reroot.run("retire", old, "--watch").stdout
    for part in system.parts:
        assert system.old.pem not in (part.folder / "roots.pem").read_bytes()


def test_where_a_second_person_is_needed_another_user_agrees_to_what_was_read(system):
    reroot = system.prepare().reroot
    link = reroot.run("users", "add", "bob", "--role", "administrator").stdout.strip()
    client = Client(system.console.port)
    form = client.get("/password/" + link.rsplit("/", 1)[1]).form("/password/.*")
    passwords = {name: PASSWORD for name in form["fields"] if "password" in name.lower() or "again" in name.lower()}
    assert client.post(form["action"], {**form["fields"], **passwords}).status == 200
    bob = CommandLine(system.folder, system.console, user="bob")
    reroot.run("settings", "second-person", "on")

    plan = reroot.json("plan", "--root", "New Root")["id"]
    refused = reroot.run("update", "start", "--plan", plan, status="refused")
    assert f"reroot agreements ask {plan}" in refused.stderr
    asked = reroot.json("agreements", "ask", plan)
    assert asked["standing"] == "waiting"
    assert bob.json("agreements", "show", asked["id"])["plan"]["id"] == plan
    shown = bob.run("agreements", "show", asked["id"]).stdout
    assert "update to “New Root”" in shown
    read = re.search(r"^Hash (\w+)$", shown, re.MULTILINE).group(1)
    reroot.run("agreements", "agree", asked["id"], read, status="refused")
    bob.run("agreements", "agree", asked["id"], "0" * 64, status="refused")
    bob.run("agreements", "agree", asked["id"], read)
    assert "is completed" in reroot.run("update", "start", "--plan", plan, "--watch").stdout

    # To abort takes somebody else, too; until then the update waits.
    waits = reroot.run("update", "decide", 1, "abort", "--json", status="waiting")
    request = re.search(r"request (\d+)", waits.stderr).group(1)
    assert json.loads(waits.stdout)["isTaken"] is False
    assert "Nothing waits" not in bob.run("agreements", "list").stdout
    bob.run("agreements", "decline", request, "--reason", "a test")
    reroot.run("settings", "second-person", "off", status="waiting")
    open_one = reroot.json("agreements", "list")["items"][0]["id"]
    assert "withdrawn" in reroot.run("agreements", "withdraw", open_one).stdout


def test_an_update_that_gives_the_console_another_certificate_is_watched_to_its_end(system):
    reroot = system.prepare().reroot
    hold = system.hold()
    seen = reroot.at_terminal(*START, "--https", "issue", environment={"NO_COLOR": "1"})
    seen.wait_for(r"▸ web ")
    hold.unlink()
    # The stream that is open is not cut; a new connection would meet a certificate that nobody has given.
    assert "is completed" in seen.end("done")
    changed = reroot.run("update", "list", status="notConnected")
    assert "another certificate" in changed.stderr
    root = system.folder / "root.pem"
    root.write_bytes(system.new.pem)
    known = {"REROOT_FINGERPRINT": "", "REROOT_CA_FILE": str(root)}
    assert reroot.run("trust-store", "https", environment=known).stdout.startswith("From           issued")


def test_commands_of_a_data_folder_print_json_too(system):
    reroot, data = system.reroot, system.console.folder / "data"
    secret = system.folder / "secret"
    secret.write_text("an owl, a kettle and a fish\n")
    secret.chmod(0o600)
    file = system.folder / "backup"
    made = reroot.json("backup", file, "--data", data, "--passphrase-file", secret)
    assert made["bytes"] == file.stat().st_size and made["unrecorded"] is None
    restored = reroot.json("restore", file, "--data", system.folder / "restored", "--passphrase-file", secret)
    assert restored["secrets"] == made["secrets"] and restored["former"] is None
    folder = ("--data", system.folder / "restored")
    reset = reroot.json("users", "reset", "ada", *folder)
    assert reset["user"] == "ada" and "/password/" in reset["address"]
    token = reroot.json("tokens", "make", "nightly", "--user", "ada", *folder)["token"]
    assert token.startswith("reroot_")
    assert "nightly" in reroot.run("tokens", "list", *folder).stdout
    applied = reroot.json("components", "apply", system.yaml, *folder)
    assert [one["change"] for one in applied["components"]] == ["added", "added"]
    assert "0 added, 0 changed, 2 unchanged. Nothing was done." in reroot.run(
        "components", "apply", system.yaml, "--dry-run", *folder).stdout
    assert 'name: "web"' in reroot.run("components", "export", *folder).stdout
    assert reroot.json("components", "export", *folder)["components"][0]["names"]
    refused = reroot.run("tokens", "make", "two\nlines", "--user", "ada", *folder, status="usage")
    assert "1 to 64 characters" in refused.stderr
    assert reroot.json("tokens", "list", *folder)["items"][0]["madeAt"].endswith("Z")
    key = system.folder / "other.key"
    assert reroot.json("master-key", "make", key)["file"] == str(key)
    assert reroot.json("master-key", "rotate", *folder)["secrets"] > 0


def test_notifications_are_set_up_and_a_secret_is_never_an_argument(system):
    reroot = system.reroot
    refused = reroot.run("notifications", "set", "webhookSecret=x", status="usage")
    assert "no argument" in refused.stderr
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    told = reroot.run("notifications", "secret", "webhook", input=secret + "\n")
    assert secret not in told.stdout and re.search(r"^hasWebhookSecret +true$", told.stdout, re.MULTILINE)
    assert reroot.json("notifications", "set", "webhookAddress=https://127.0.0.1:9/hook")["channels"] == ["webhook"]
    # Nobody listens there.
    assert "not taken" in reroot.run("notifications", "test", "webhook", status="failed").stdout
    assert reroot.json("notifications", "list")["items"][0]["channel"] == "webhook"
    reroot.run("notifications", "set", "webhookAddress=")
    assert reroot.json("notifications")["hasWebhookSecret"] is False
    # A password is for one server.
    file = system.folder / "smtp-password"
    file.write_text("a quiet sentence\n")
    file.chmod(0o600)
    mail = ("notifications", "set", "smtpUser=reroot", "smtpServer=smtps://one.example.net")
    assert reroot.json(*mail, "--smtp-password-file", file)["hasSMTPPassword"] is True
    other = ("notifications", "set", "smtpServer=smtps://two.example.net")
    assert "Give the password again" in reroot.run(*other, status="refused").stderr
    assert reroot.json(*other, "--smtp-password-file", file)["smtpServer"] == "smtps://two.example.net"
    assert reroot.json("notifications", "secret", "smtp", input="another\n")["hasSMTPPassword"] is True
    assert "webhookAddress" in reroot.run("notifications").stdout


def test_what_differs_after_a_restore_is_read_and_confirmed(system):
    reroot, data = system.prepare().reroot, system.console.folder / "data"
    secret = system.folder / "secret"
    secret.write_text("an owl, a kettle and a fish\n")
    secret.chmod(0o600)
    reroot.run("restoration", status="refused")
    reroot.run("backup", system.folder / "backup", "--data", data, "--passphrase-file", secret)
    # What the backup does not know: an update.
    reroot.run(*START)
    port = system.console.port
    system.console.stop()
    reroot.run("restore", system.folder / "backup", "--data", data, "--replace", "--passphrase-file", secret)
    # The tokens of the backup are void, so that one is made anew.
    made = reroot.run("tokens", "make", "anew", "--user", "ada", "--role", "administrator", "--data", data)
    reroot.token.write_text(made.stdout)
    system.console.start(port)

    def told():
        shown = subprocess.run(
            [PROGRAM, "restoration", "--json"], capture_output=True, text=True, env=reroot.environment, timeout=60
        )
        return json.loads(shown.stdout) if shown.returncode in (0, 11) else {}

    wait_until(lambda: told().get("lookedAt"), "the look at every component", 60)
    assert told()["differs"], "the components have another root than the backup knows"
    waits = reroot.run("restoration", status="waiting").stdout
    assert "differs  web: " in waits and "reroot restoration confirm" in waits
    assert "Updates can start" in reroot.run("restoration", "confirm").stdout
    plan = reroot.json("plan", "--root", "New Root")
    assert not plan["isBlocked"]
