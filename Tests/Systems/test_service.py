"""The unit of systemd, and `reroot serve` under a service manager."""
import pathlib
import re
import signal
import subprocess

import pytest

from console import PROGRAM, Client
from notify import ServiceManager
from unit import expect_restricted, restricted

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ROOT / "Scripts" / "debian"


@pytest.fixture
def manager():
    made = ServiceManager()
    yield made
    made.close()


def exposure(folder, text):
    """The score of a unit by systemd-analyze, from 0 (nothing exposed) to 10, and the judgement of each setting."""
    unit = folder / "reroot.service"
    unit.write_text(text)
    ended = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)], capture_output=True, text=True,
        timeout=60,
    )
    found = re.search(r"Overall exposure level for reroot\.service: ([0-9.]+)", ended.stdout)
    assert found, ended.stdout + ended.stderr
    return float(found.group(1)), ended.stdout


def test_the_score_of_the_unit_is_the_one_that_the_readme_says(tmp_path):
    score, table = exposure(tmp_path, (PARTS / "reroot.service").read_text())
    print(f"figure: systemd-analyze security: {score}")
    stated = re.search(r"`systemd-analyze security` gives the unit ([0-9.]+)", (ROOT / "README.md").read_text())
    assert stated and float(stated.group(1)) == score, table


def test_the_score_of_the_unprivileged_one_too(tmp_path):
    both = (PARTS / "reroot.service").read_text().replace("[Install]", (PARTS / "unprivileged.conf").read_text() + "\n[Install]")
    score, table = exposure(tmp_path, both)
    stated = re.search(r"and ([0-9.]+) with `unprivileged.conf`", (ROOT / "README.md").read_text())
    assert stated and float(stated.group(1)) == score, table


def test_systemd_takes_every_line_of_the_unit(tmp_path):
    for name, change in [("reroot.service", lambda text: text), ("with-drop-in.service", lambda text: text.replace(
            "[Install]", (PARTS / "unprivileged.conf").read_text() + "\n[Install]"))]:
        unit = tmp_path / name
        text = change((PARTS / "reroot.service").read_text())
        # The program is not installed here; its manual page neither.
        text = text.replace("/usr/bin/reroot serve", "/usr/bin/true serve").replace("man:reroot(1) ", "")
        unit.write_text(text)
        ended = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0 and name not in ended.stderr, ended.stderr


def test_a_start_that_cannot_succeed_is_not_tried_for_ever():
    """Each attempt takes RestartSec at least; so many in that time must be more than is allowed."""
    unit = (PARTS / "reroot.service").read_text()
    pause = int(re.search(r"^RestartSec=(\d+)s$", unit, re.M).group(1))
    interval = int(re.search(r"^StartLimitIntervalSec=(\d+)min$", unit, re.M).group(1)) * 60
    burst = int(re.search(r"^StartLimitBurst=(\d+)$", unit, re.M).group(1))
    # A start that opens the folder and derives a key takes ten seconds at most.
    assert burst * (pause + 10) < interval


def test_every_directive_that_is_a_hardening_has_its_reason():
    """Each block of settings has a comment above it; the ones whose name says it all stand beneath one of those."""
    section, above = None, ""
    unexplained = []
    for line in (PARTS / "reroot.service").read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            if not above:
                unexplained.append(line)
            continue
        above = line if line.startswith("#") else above if line else ""
    assert [line for line in unexplained if not line.startswith(("Type=", "ExecStart="))] == []


def test_a_service_manager_hears_when_it_is_ready_and_when_it_stops(tmp_path, manager):
    configuration = tmp_path / "reroot.yaml"
    configuration.write_text(f"data: {tmp_path / 'data'}\nlisten: 127.0.0.1:0\n")
    configuration.chmod(0o600)
    unit = (PARTS / "reroot.service").read_text()
    process = subprocess.Popen(
        [*restricted(unit), PROGRAM, "serve", "--config", str(configuration)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env=manager.environment(),
    )
    try:
        ready = manager.waits_for("READY=1")
        assert manager.heard[0] == [f"STATUS=Opening the data folder {tmp_path / 'data'}"]
        port = re.search(r"STATUS=Serving https://127\.0\.0\.1:(\d+)$", "\n".join(ready), re.M).group(1)
        # With the powers that the unit leaves.
        expect_restricted(process.pid, unit)
        # Ready means that it answers.
        assert Client(int(port)).get("/sign-in").status == 200
        process.send_signal(signal.SIGTERM)
        stopping = manager.waits_for("STOPPING=1")
        assert "STATUS=Waiting for what is in flight (SIGTERM)" in stopping
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_one_that_has_gone_is_no_reason_to_end(tmp_path, manager):
    manager.close()
    process = subprocess.Popen(
        [PROGRAM, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env=manager.environment(),
    )
    try:
        for line in process.stdout:
            if "service manager not told" in line:
                break
        else:
            pytest.fail("the log does not say that the service manager was not told")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
