"""The four decisions after a failure that was armed on the page of the demo."""

import pytest
from playwright.sync_api import expect

from demo import NAMES, issuer

OLD_ROOT = "Sample System Root 2024"


def start(admin, demo, kind, name):
    """An update that stands before the decision on one failure; returns the ports of the sample system."""
    ports = admin.ports()
    admin.arm(kind, name)
    admin.plan(demo).start()
    admin.mark()
    admin.expect_standing("deciding")
    expect(admin.page.locator(".failure")).to_have_count(1)
    expect(admin.page.locator(".failure h3")).to_contain_text(name)
    for decision in ["retry", "override", "continue", "abort"]:
        expect(admin.page.locator(f"#decide-{decision}")).to_be_visible()
    return ports


def issuers(ports):
    return {name: issuer(port) for name, port in ports.items()}


@pytest.mark.parametrize(
    "kind, action, words",
    [
        ("Deployment", "deploy", "no space left"),
        ("Activation", "activate", ""),
        ("Verification", "verify", ""),
    ],
)
def test_retry_goes_on_after_a_failure_of_each_kind(admin, demo, kind, action, words):
    ports = start(admin, demo, kind, "Database")
    admin.expect_state("Database", action, "failed")
    expect(admin.page.locator(".failure")).to_contain_text(words)
    expect(admin.page.locator(".failure .advice")).not_to_be_empty()
    if action == "activate":
        output = admin.page.locator("details.output")
        output.locator("summary").click()
        expect(output.locator("pre")).to_contain_text("unknown option 'tls_session_cach'")
    admin.decide("retry")
    admin.expect_standing("completed")
    admin.expect_nothing_refused()
    assert OLD_ROOT not in issuers(ports).values()
    admin.open("/demo")
    expect(admin.page.locator("button[aria-pressed=true]")).to_have_count(0)


def test_override_sets_the_component_aside_until_its_own_retry(admin, demo):
    ports = start(admin, demo, "Activation", "Device gateway")
    admin.decide("override")
    admin.expect_standing("completedWithErrors")
    expect(admin.row("Device gateway")).to_contain_text("set aside")
    seen = issuers(ports)
    assert [name for name in NAMES if seen[name] == OLD_ROOT] == ["Device gateway"]
    admin.expect_nothing_refused()

    admin.page.locator(".failure").get_by_role("button", name="Retry").click()
    admin.expect_standing("completed")
    assert OLD_ROOT not in issuers(ports).values()
    admin.expect_nothing_refused()


def test_continue_update_goes_on_and_ends_with_errors(admin, demo):
    ports = start(admin, demo, "Deployment", "MQTT broker")
    admin.decide("continue")
    admin.expect_standing("completedWithErrors")
    seen = issuers(ports)
    assert [name for name in NAMES if seen[name] == OLD_ROOT] == ["MQTT broker"]
    expect(admin.page.locator("#decide-abort")).to_be_visible()
    admin.expect_nothing_refused()


def test_abort_puts_every_component_back(admin, demo):
    ports = start(admin, demo, "Verification", "Management server")
    admin.decide("abort")
    admin.expect_standing("rolledBack")
    assert set(issuers(ports).values()) == {OLD_ROOT}
    admin.expect_nothing_refused()
    admin.open("/roots")
    expect(admin.row(OLD_ROOT)).to_contain_text("In force")


def test_a_completed_update_is_rolled_back_to_the_previous_certificate_set(admin, demo):
    ports = admin.ports()
    before = issuers(ports)
    admin.plan(demo).start()
    admin.expect_standing("completed")
    assert OLD_ROOT not in issuers(ports).values()
    admin.page.get_by_text("Roll back to the previous certificate set").click()
    admin.decide("abort")
    admin.expect_standing("rolledBack")
    assert issuers(ports) == before
    admin.expect_nothing_refused()


def test_a_fault_is_armed_and_cancelled(reader):
    reader.arm("Deployment", "Database")
    button = reader.page.get_by_role("button", name="Deployment of Database", exact=True)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
