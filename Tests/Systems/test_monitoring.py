"""Watched from outside: health, metrics as Prometheus reads them, logs as machines read them, and what differs."""
import json
import pathlib
import re
import signal
import subprocess

import pytest

import update as steps
from authority import Authority
from console import Console
from servers import wait_until
from test_api import make_token
from watched import Watched

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "Examples" / "monitoring"


@pytest.fixture
def system(tmp_path):
    """Two servers that an update has moved to a new root."""
    old, new = Authority("Old Root"), Authority("New Root")
    servers = [Watched(tmp_path / name, old, name) for name in ("web", "broker")]
    console = Console(
        tmp_path / "console", "--log-format", "json", "--log-level", "debug",
        components=[server.component(number + 1) for number, server in enumerate(servers)],
    )
    try:
        console.start().set_up()
        console.old, console.servers = old, servers
        root = steps.import_root(console.client, new)
        console.update = steps.start(console.client, steps.make_plan(console.client, root))
        steps.wait_for_end(console.client, console.update, "completed")
        yield console
    finally:
        console.stop(signal.SIGKILL)
        for server in servers:
            server.stop()


def metrics(console, token):
    page = console.client.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
    assert page.status == 200 and page.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", page.text
    return page.text


def value(text, name):
    """The value of a name with its labels, as it stands there; None where it is not there."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return found and float(found.group(1))


def promtool(*words, **more):
    return subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=60, cwd=EXAMPLES, **more)


def names(text):
    """The names of measures in rules or panels, without what a histogram adds to its own."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\breroot_[a-z0-9_]+", text)}


def expressions(value):
    """Every expression of the dashboard."""
    if isinstance(value, dict):
        found = [value["expr"]] if isinstance(value.get("expr"), str) else []
        return found + [one for member in value.values() for one in expressions(member)]
    return [one for member in value for one in expressions(member)] if isinstance(value, list) else []


def test_prometheus_takes_what_is_measured_and_every_measure_of_the_rules_and_the_dashboard_is_there(system):
    text = metrics(system, make_token(system.client, "viewer"))
    checked = promtool("check", "metrics", input=text)
    assert checked.returncode == 0 and not checked.stderr, checked.stdout + checked.stderr
    measured = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    rules = names((EXAMPLES / "alerts.yaml").read_text().split("groups:", 1)[1])
    dashboard = json.loads((EXAMPLES / "dashboard.json").read_text())
    shown = names(" ".join(expressions(dashboard)))
    assert len(rules) >= 9 and len(shown) >= 12
    assert rules - measured == set() and shown - measured == set()
    assert value(text, 'reroot_updates{state="completed"}') == 1
    assert value(text, 'reroot_actions_total{kind="verify",result="succeeded"}') == 2
    assert value(text, 'reroot_action_duration_seconds_count{kind="deploy",result="succeeded"}') == 2
    assert 80 < value(text, 'reroot_child_daysleft{component="web"}') < 95
    assert value(text, 'reroot_component_last_seen_right_seconds{component="web"}') < 60
    print(f"figure: measures: {len(measured)}, of the alerts {len(rules)}, of the dashboard {len(shown)}")


def test_the_labels_that_the_rules_and_the_dashboard_name_are_there(system):
    text = metrics(system, make_token(system.client, "viewer"))
    both = (EXAMPLES / "alerts.yaml").read_text() + " ".join(expressions(json.loads((EXAMPLES / "dashboard.json").read_text())))
    for name, label, alternatives in re.findall(r'(reroot_[a-z_]+)\{[^}]*?(state|result|change)=~?"([^"]*)"', both):
        for one in alternatives.split("|"):
            if name != "reroot_root_daysleft":
                assert re.search(rf'^{name}(_bucket)?\{{.*{label}="{one}"', text, re.MULTILINE), (name, label, one)


@pytest.mark.parametrize(
    "words", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml"),
              ("check", "config", "--syntax-only", "prometheus.yaml")],
)
def test_the_alerts_are_rules_that_prometheus_takes_and_that_tell_what_they_should(words):
    ran = promtool(*words)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_prometheus_takes_every_expression_of_the_dashboard(tmp_path):
    shown = expressions(json.loads((EXAMPLES / "dashboard.json").read_text()))
    assert len(shown) > 10
    written = [one.replace("$instance", ".*") for one in shown]
    # What Grafana would still replace by itself could not be checked.
    assert [one for one in written if "$" in one] == []
    rules = tmp_path / "dashboard.json"
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{number}", "expr": one} for number, one in enumerate(written)]}]}))
    ran = promtool("check", "rules", str(rules))
    assert ran.returncode == 0 and f"{len(shown)} rules found" in ran.stdout, ran.stdout + ran.stderr


def test_it_is_alive_and_ready_and_measured_by_nobody_without_a_token(system):
    assert system.client.request("GET", "/healthz").text == "Reroot is alive.\n"
    assert system.client.request("GET", "/readyz").text == "Reroot is ready.\n"
    refused = system.client.request("GET", "/metrics")
    assert refused.status == 401 and refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_each_line_of_the_log_is_an_object_and_names_its_update_and_its_component(system):
    lines = [line for line in system.output if line.startswith("{")]
    # Only what is for whoever starts it stands beside the log.
    assert all(re.match(r"Reroot |Set up |\d+ component|Added|The component", line) for line in set(system.output) - set(lines)), system.output
    events = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "source", "message"} <= set(event) for event in events)
    number = system.update.rsplit("/", 1)[1]
    actions = [event for event in events if event["message"].startswith("action ")]
    for name in ("web", "broker"):
        for kind in ("generate", "trust", "deploy", "activate", "verify"):
            told = [event["message"] for event in actions if (event["component"], event["action"]) == (name, kind)]
            assert told == ["action begun", "action succeeded"], (name, kind, told)
    assert all(event["update"] == number for event in actions)
    assert [event["outcome"] for event in events if event["message"] == "update ended"] == ["completed"]


def test_what_differs_is_seen_told_and_measured_and_so_is_that_it_does_not_any_more(system):
    web, broker = system.servers
    kept = {path: path.read_bytes() for path in web.folder.iterdir()}
    system.old.issue(["web.example.net", "127.0.0.1"], web.folder)
    broker.stop()
    page = system.client.post("/components/looks", system.client.get("/components").form("/components/looks")["fields"])
    assert "2 components are not as Reroot deployed them" in page.text, page.text
    token = make_token(system.client, "viewer")
    text = metrics(system, token)
    assert value(text, 'reroot_component_differs{component="web",finding="anotherCertificate"}') == 1
    assert value(text, 'reroot_component_differs{component="broker",finding="noAnswer"}') == 1
    wait_until(lambda: system.text().count('"message":"endpoint differs"') == 2, "both are in the log")
    event = next(json.loads(line) for line in system.output if '"component":"web"' in line and "endpoint differs" in line)
    assert event["level"] == "warning" and event["finding"] == "anotherCertificate"
    assert event["endpoint"] == f"127.0.0.1:{web.port}"
    checked = promtool("check", "metrics", input=text)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    for path, content in kept.items():
        path.write_bytes(content)
    # It is known over a restart, and not told again.
    system.stop()
    system.start()
    system.sign_in()
    system.client.post("/components/looks", system.client.get("/components").form("/components/looks")["fields"])
    wait_until(lambda: '"message":"endpoint differs no more"' in system.text(), "its end is in the log")
    assert '"message":"endpoint differs"' not in system.text()
    text = metrics(system, token)
    assert value(text, 'reroot_component_differs{component="web",finding="anotherCertificate"}') is None
    assert value(text, 'reroot_component_differs{component="broker",finding="noAnswer"}') == 1
