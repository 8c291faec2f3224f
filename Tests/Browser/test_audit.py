"""The audit log as an administrator sees it, and the reason that Override asks for."""
import csv
import io

from playwright.sync_api import expect

REASON = "The broker is <b>replaced</b> on Monday; =ticket 4711"


def test_an_override_asks_why_and_the_audit_log_says_who_did_what(admin, demo):
    page = admin.page
    admin.arm("Activation", "MQTT broker")
    admin.plan(demo).start()
    admin.expect_standing("deciding")
    # The browser does not send the form without a reason.
    page.locator("#decide-override").click()
    expect(page.locator("#reason-override:invalid")).to_have_count(1)
    admin.expect_standing("deciding")
    admin.decide("override", REASON)
    admin.expect_standing("completedWithErrors")
    expect(page.locator("#log")).to_contain_text(REASON)

    page.get_by_role("link", name="Audit").click()
    expect(admin.heading("Audit")).to_be_visible()
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("Update ended")
    expect(first).to_contain_text("Reroot")
    expect(page.locator("tbody tr", has_text="Decided")).to_contain_text(REASON)
    expect(page.locator("main b")).to_have_count(0)

    page.get_by_label("Text").fill("replaced")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").click()
    expect(page.locator("main")).to_contain_text("from 127.0.0.1")
    expect(page.locator("main dl")).to_contain_text(REASON)
    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = open(download.value.path(), encoding="utf-8", newline="").read()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["event"], row["reason"]) for row in rows] == [
        # What follows a semicolon is a cell to some spreadsheets, so its formula is disarmed, too.
        ("update.decided", REASON.replace("; =", "; '="))
    ], rows
    page.get_by_role("link", name="Show everything").click()
    expect(page.locator("tbody tr").first).to_contain_text("Audit log exported")


def test_removing_asks_why(admin, demo):
    page = admin.page
    admin.open("/components/1/remove")
    admin.press("Remove")
    expect(page.locator("#reason:invalid")).to_have_count(1)
    page.get_by_label("Reason").fill("It was sold.")
    admin.press("Remove")
    expect(page.locator(".banner")).to_contain_text("was removed")
    admin.open("/audit?topic=components")
    expect(page.locator("tbody tr").first).to_contain_text("It was sold.")
