"""Wrong usage ends every subcommand with the one status that the table of README.md has for it, whether a server answers or
not: the commands are taken from the parser's own description, so that none is left out."""
import json
import os
import subprocess

import pytest

from commandline import STATUSES
from console import PROGRAM

# What a required word may be, by the name of its value.
WORDS = {"id": "1", "number": "1", "plan": "1", "decision": "retry", "kind": "webhook", "channel": "webhook", "state": "on",
         "role": "administrator", "changes": "a=1"}
# These are made and not read.
MADE = {("audit", "export"): "output", ("backup",): "file"}
# A wrong file of settings has the status that service managers know (EX_CONFIG); whether a log can be read is what is asked.
OWN = {(("serve",), "config"): 78, (("audit", "verify"), "file"): 2}


def leaves(command, path=()):
    """Every subcommand that does something, with its arguments."""
    below = [one for one in command.get("subcommands") or [] if one["commandName"] != "help"]
    if not below:
        yield path, command.get("arguments") or []
    for one in below:
        yield from leaves(one, path + (one["commandName"],))


def described():
    dump = subprocess.run([PROGRAM, "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
    return dict(leaves(json.loads(dump)["command"]))


COMMANDS = described()


class Caller:
    """Calls of commands for which nobody listens."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.file = folder / "file"
        self.file.write_text("text")
        self.file.chmod(0o600)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "REROOT_SERVER": "https://127.0.0.1:1",
            "REROOT_TOKEN_FILE": str(self.file), "REROOT_FINGERPRINT": "0" * 64,
        }

    def run(self, *words):
        return subprocess.run(
            [PROGRAM, *map(str, words)], input="", capture_output=True, text=True, timeout=60, env=self.environment)

    def word(self, argument):
        name = named(argument)
        if name == "data":
            return self.data
        return self.file if is_file(argument) else WORDS.get(name, "word")

    def words(self, path, arguments, missing):
        """A call with everything that is required, and one file that is not there."""
        words = list(path)
        for argument in arguments:
            name = named(argument)
            if argument is not missing and argument["isOptional"]:
                continue
            value = self.folder / "none" / "file" if argument is missing else self.word(argument)
            words += [value] if argument["kind"] == "positional" else [f"--{name}", value]
        return words + self.companions(path, named(missing))

    def companions(self, path, name):
        """What belongs to a file."""
        if path[:2] == ("users", "add") and name == "password-file":
            return ["--data", self.data]
        if path == ("trust-store", "server-certificates", "add"):
            return {"certificate": ["--key", self.file], "key": ["--certificate", self.file], "pfx": []}.get(
                name, ["--pfx", self.file])
        # A root by which a plan is made, and everything that is not given otherwise.
        return {("plan",): ["--root", "R"], ("update", "start"): ["--plan", "1"], ("users", "change"): ["--role", "viewer"],
                ("notifications", "set"): [] if name in ("webhook-secret-file", "smtp-password-file") else ["a=1"],
                ("notifications", "secret"): [] if name == "secret-file" else ["--remove"],
                ("renewal", "set"): ["--before", "off"]}.get(path, [])


def named(argument):
    """An option's long name, or what the value of an argument is called."""
    long = [name["name"] for name in argument.get("names") or [] if name["kind"] == "long"]
    return long[0] if long else argument.get("valueName", "")


def is_file(argument):
    return "file" in (argument.get("completionKind") or {})


@pytest.fixture
def caller(tmp_path):
    return Caller(tmp_path)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_wrong_usage(caller, path):
    ended = caller.run(*path, "--no-such-option")
    assert ended.returncode == STATUSES["usage"], (ended.stdout, ended.stderr)
    assert ended.stderr.startswith("Error: "), ended.stderr


FILES = [
    (path, argument) for path, arguments in COMMANDS.items() for argument in arguments
    if is_file(argument) and MADE.get(path) != named(argument)
]


@pytest.mark.parametrize("path, argument", FILES, ids=lambda one: " ".join(one) if type(one) is tuple else named(one))
def test_a_file_that_is_not_there_is_wrong_usage_before_anything_is_asked(caller, path, argument):
    ended = caller.run(*caller.words(path, COMMANDS[path], argument))
    wanted = OWN.get((path, named(argument)), STATUSES["usage"])
    assert ended.returncode == wanted, (ended.args, ended.returncode, ended.stdout, ended.stderr)
    assert "No such file or directory" in ended.stderr or wanted == 2


@pytest.mark.parametrize("words", [
    "update decide 1 perhaps", "update decide 1 retry --action nonsense", "users add x --role boss",
    "users change x --role boss",
    "tokens make x --role boss", "tokens make x --days 0", "components list --state well", "audit list --topic weather",
    "audit list --from yesterday", "audit list --until 2026-02-30", "audit list --limit 0", "notifications test pigeon",
    "notifications secret pigeon", "settings second-person perhaps", "settings syslog http://x", "plan --root R --months 0",
    "plan --root R --on-failure perhaps", "audit export --format xml", "renewal set", "serve --data d --log-level loud",
])
def test_a_word_that_the_command_line_knows_to_be_wrong_is_wrong_usage(caller, words):
    ended = caller.run(*words.split())
    assert ended.returncode == STATUSES["usage"], (ended.stdout, ended.stderr)


def test_every_secret_may_come_from_standard_input_and_one_only(caller):
    for path, argument in FILES:
        name = named(argument)
        if name.endswith("-file") and name not in ("ca-file", "master-key-file"):
            assert "“-” is standard input" in argument["abstract"], (path, name)
    ended = caller.run("tokens", "list", "--token-file", "-")
    assert ended.returncode == STATUSES["usage"] and "holds no token" in ended.stderr, ended.stderr
    twice = caller.run("roots", "import", caller.file, "--password-file", "-", "--token-file", "-")
    assert twice.returncode == STATUSES["usage"], twice.stderr
    both = subprocess.run(
        [PROGRAM, "notifications", "set", "--webhook-secret-file", "-", "--smtp-password-file", "-"], input="secret",
        capture_output=True, text=True, env=caller.environment)
    assert both.returncode == STATUSES["usage"] and "can be read once only" in both.stderr, both.stderr
