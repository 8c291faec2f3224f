"""Accessible in both colour schemes, and within a narrow screen: an update that fails, is asked about and goes on."""
from playwright.sync_api import expect

from inspection import SCREENSHOTS


def test_an_update_with_failures_is_accessible_and_fits(admin, demo, inspection):
    page = admin.page
    admin.arm("Activation", "MQTT broker")
    # A component that does not reload is looked at for five seconds: time to be seen running.
    admin.arm("Verification", "Report server")
    path = admin.plan(demo).start()
    admin.expect_standing("deciding")
    page.locator("details.output summary").click()
    inspection.look(page, "update-deciding", is_main=True)
    stale = admin.another_tab()
    stale.page.route("**/events*", lambda route: route.fulfill(status=204))
    stale.open(path)
    admin.open("/roots")
    inspection.look(page, "roots-during-update")
    admin.open(path)
    admin.decide("override")
    admin.expect_state("Report server", "verify", "running")
    page.screenshot(path=SCREENSHOTS / "update-running-1280.png", full_page=True)
    admin.expect_standing("deciding")
    admin.decide("override")
    admin.expect_standing("completedWithErrors")
    inspection.look(page, "update-completed-with-errors", is_main=True)
    stale.decide("abort")
    expect(stale.page.locator("main")).to_contain_text("answered already")
    inspection.look(stale.page, "stale-decision")
    stale.page.close()
    admin.open("/components")
    inspection.look(page, "components-set-aside")
    inspection.expect_nothing_wrong()
