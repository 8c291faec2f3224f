"""The examples, as they stand in the repository."""
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys

import pytest
import yaml

import update
from api_token import write_token
from authority import Authority
from console import PROGRAM
from fragile import Fragile

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "Examples"
PASSWORD = "examples-2026"


class Plant:
    """A small system with what the examples take: the address, a token, the console's certificate, a root."""

    def __init__(self, folder):
        self.system = Fragile(folder / "system")
        port = self.system.console.port
        certificate, token, tools = folder / "console.pem", write_token(folder, self.system.client), folder / "bin"
        certificate.write_text(ssl.get_server_certificate(("127.0.0.1", port)))
        tools.mkdir()
        (tools / "reroot").write_text(f'#!/bin/sh\nexec "{PROGRAM}" "$@"\n')
        (tools / "reroot").chmod(0o755)
        self.pfx, self.password = folder / "root.pfx", folder / "root-password"
        self.pfx.write_bytes(self.system.new.pfx(PASSWORD))
        # As an editor writes it.
        self.password.write_text(PASSWORD + "\n")
        self.environment = {
            **os.environ, "REROOT_SERVER": f"https://127.0.0.1:{port}", "REROOT_TOKEN_FILE": str(token),
            "REROOT_CA_FILE": str(certificate), "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder),
            "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False", "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1",
        }
        self.secrets = [token.read_text().strip(), PASSWORD]

    def run(self, *words, answers="", **environment):
        """Runs an example; no secret is in what it says."""
        ran = subprocess.run(
            list(map(str, words)), input=answers, capture_output=True, text=True, timeout=200,
            env={**self.environment, **environment},
        )
        for secret in self.secrets:
            assert secret not in ran.stdout + ran.stderr
        return ran

    def walk(self, answers="", **environment):
        return self.run(
            EXAMPLES / "curl" / "update", self.pfx, self.password, "3", answers=answers,
            **{"ACCEPT_PROBLEMS": "true", **environment},
        )

    def play(self, *words):
        return self.run(
            pathlib.Path(sys.executable).parent / "ansible-playbook", EXAMPLES / "ansible" / "update.yml",
            "-e", json.dumps({"pfx": str(self.pfx), "password_file": str(self.password), "accept_problems": True}), *words,
        )

    def expect(self, root):
        """Every server serves a certificate of this root."""
        for part in self.system.parts:
            part.leaf().verify_directly_issued_by(root.certificate)


@pytest.fixture
def plant(tmp_path):
    made = Plant(tmp_path)
    yield made
    made.system.stop(signal.SIGKILL)
    made.system.close()


def test_curl_walks_through_a_whole_update(plant):
    ran = plant.walk()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "CN=New Root" in ran.stdout and ran.stdout.endswith("Completed\n")
    for name in "abc":
        assert f"  {name}  " in ran.stdout
    plant.expect(plant.system.new)


@pytest.mark.parametrize("answers, status, end", [
    ("retry\n", 0, "Completed\n"),
    ("continue\n", 2, "Completed with errors\n"),
    ("override\n", 2, "Completed with errors\n"),
    ("abort\n", 4, "Rolled back\n"),
    ("", 3, "Nobody answers; the update waits.\n"),
])
def test_curl_shows_the_panel_and_takes_a_decision(plant, answers, status, end):
    plant.system.let_fail()
    ran = plant.walk(answers)
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert "  c, activate: The activation command of “c”" in ran.stdout and ran.stdout.endswith(end)
    assert "  override: " in ran.stdout and "  continue: " in ran.stdout
    if answers == "abort\n":
        plant.expect(plant.system.old)


def test_curl_says_what_the_console_refuses(plant):
    plant.password.write_text("another one")
    ran = plant.walk()
    assert ran.returncode == 1 and "password" in ran.stderr, ran.stdout + ran.stderr


def test_curl_says_what_the_import_warns_of_unless_it_is_accepted(plant):
    update.import_root(plant.system.client, Authority("New Root"))
    ran = plant.walk()
    assert ran.returncode == 1 and "New Root" in ran.stderr and "null" not in ran.stderr, ran.stdout + ran.stderr
    assert len(set(ran.stderr.splitlines())) == len(ran.stderr.splitlines()), ran.stderr


def test_curl_takes_a_password_with_characters_that_curl_or_a_shell_would_read(plant):
    plant.pfx.write_bytes(plant.system.new.pfx('a"b\\c $d\'e'))
    plant.password.write_text('a"b\\c $d\'e\r\n')
    ran = plant.walk(ACCEPT_PROBLEMS="false")
    assert "Planning" in ran.stdout, ran.stdout + ran.stderr


def stand_in_for_curl(folder, path, act):
    """A curl that does something else for one path, and what the real one does for all others."""
    curl = folder / "bin" / "curl"
    curl.write_text(f'#!/bin/sh\nfor word; do case $word in {path}) {act};; esac; done\nexec {shutil.which("curl")} "$@"\n')
    curl.chmod(0o755)


def test_curl_gives_up_a_console_that_is_not_reached_any_more(plant, tmp_path):
    stand_in_for_curl(tmp_path, "*/events*", "exit 7")
    ran = plant.walk(TRIES="1")
    assert ran.returncode == 1 and ran.stderr.count("watching again") == 1, ran.stdout + ran.stderr
    assert "goes on without it" in ran.stderr


def test_curl_says_that_somebody_else_has_to_agree(plant, tmp_path):
    stand_in_for_curl(tmp_path, "*/decisions", """echo '{"isTaken": false, "agreement": 5}'; exit 0""")
    plant.system.let_fail()
    ran = plant.walk("abort\n")
    assert ran.returncode == 3 and "agree to it first: request 5." in ran.stdout, ran.stdout + ran.stderr


def test_no_task_of_the_play_that_carries_the_token_writes_what_it_is_given():
    play, = yaml.safe_load((EXAMPLES / "ansible" / "update.yml").read_text())
    block, = play["tasks"]
    careless = [task["name"] for task in block["block"] if "ansible.builtin.uri" in task and task.get("no_log") is not True]
    assert careless == []


def test_an_ansible_play_says_what_the_console_refuses_and_no_secret_however_much_it_is_to_tell(plant, tmp_path):
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "wrong.yaml").write_text("components:\n  - name: web\n    nmaes: [web.example.net]\n")
    ran = plant.play("-e", f"components={tmp_path}/wrong", "-vvv")
    assert ran.returncode == 2 and "nmaes" in ran.stdout, ran.stdout + ran.stderr
    (tmp_path / "none").mkdir()
    plant.password.write_text("another one")
    ran = plant.play("-e", f"components={tmp_path}/none", "-vvv")
    assert ran.returncode == 2 and "password" in ran.stdout.split("Say why")[1], ran.stdout + ran.stderr


def test_the_workflow_runs_as_it_stands(plant):
    workflow = yaml.safe_load((EXAMPLES / "pipeline" / "workflow.yml").read_text())
    # YAML 1.1 reads `on` as a truth value.
    assert set(workflow.get("on", workflow.get(True))) == {"pull_request", "push"}
    job, = workflow["jobs"].values()
    assert set(job["env"]) == {"REROOT_SERVER", "REROOT_TOKEN_FILE"}
    lines = [step["run"] for step in job["steps"] if "run" in step]
    assert len(lines) == 2
    for line in lines:
        ran = subprocess.run(
            ["bash", "-e", "-c", line], cwd=EXAMPLES.parent, env=plant.environment, capture_output=True, text=True, timeout=100,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "portal" in plant.system.client.get("/components").text


def test_an_ansible_play_brings_a_root_and_changes_nothing_when_it_is_run_again(plant, tmp_path):
    folder = tmp_path / "components"
    folder.mkdir()
    (folder / "one.yaml").write_text(
        "components:\n  - name: batch\n    names: [batch.example.net]\n    usage: client\n    files:\n"
        f"      certificate: {tmp_path}/batch.pem\n      key: {tmp_path}/batch.key\n    activation: {{command: [/bin/true]}}\n"
    )
    given = ["-e", f"components={folder}"]
    checked = plant.play(*given, "--check")
    assert checked.returncode == 0 and "batch: added" in checked.stdout, checked.stdout + checked.stderr
    listed = plant.run("curl", "--silent", "--cacert", plant.environment["REROOT_CA_FILE"], plant.environment["REROOT_SERVER"])
    assert listed.returncode == 0 and "batch" not in plant.system.client.get("/components").text

    first = plant.play(*given)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Every component has a certificate of New Root." in first.stdout
    plant.expect(plant.system.new)
    again = plant.play(*given)
    assert again.returncode == 0 and "changed=0 " in again.stdout, again.stdout + again.stderr


def test_an_ansible_play_fails_with_the_sentence_of_what_failed(plant, tmp_path):
    (tmp_path / "none").mkdir()
    plant.system.let_fail()
    ran = plant.play("-e", f"components={tmp_path}/none")
    assert ran.returncode == 2 and "stands deciding." in ran.stdout, ran.stdout + ran.stderr
    assert "c, activate: The activation command of" in ran.stdout


def test_a_pipeline_shows_what_would_change_and_then_applies_it(plant, tmp_path):
    folder = shutil.copytree(EXAMPLES / "components", tmp_path / "components")
    names = ["broker", "portal", "orders-db"]
    checked = plant.run(EXAMPLES / "pipeline" / "check", folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "2 added, 0 changed, 0 unchanged. Nothing was done." in checked.stdout
    assert all(name in checked.stdout and name not in plant.system.client.get("/components").text for name in names)
    applied = plant.run(EXAMPLES / "pipeline" / "apply", folder)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert all(name in plant.system.client.get("/components").text for name in names)
    text = (folder / "gateways.yaml").read_text()
    (folder / "gateways.yaml").write_text(text.replace("www.portal", "web.portal"))
    changed = plant.run(EXAMPLES / "pipeline" / "check", folder)
    assert "portal: changed" in changed.stdout and "orders-db: changed" not in changed.stdout


def test_a_pipeline_fails_where_a_file_is_wrong(plant, tmp_path):
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "wrong.yaml").write_text("components:\n  - name: web\n    nmaes: [web.example.net]\n")
    ran = plant.run(EXAMPLES / "pipeline" / "check", tmp_path / "wrong")
    assert ran.returncode == 14 and "nmaes" in ran.stdout + ran.stderr, ran.stdout + ran.stderr
