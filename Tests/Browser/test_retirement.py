"""The way of the old root out of the sample system, from the menu in the list to its removal."""
import re

from playwright.sync_api import expect

from demo import NAMES

OLD = "Sample System Root 2024"


def choose(admin, name, link):
    row = admin.row(f"^{name}")
    row.locator("summary").click()
    row.get_by_role("link", name=link, exact=True).click()


def test_the_old_root_is_retired_and_removed_without_a_refused_handshake(admin, demo):
    admin.plan(demo).start()
    admin.expect_standing("completed")
    admin.open("/roots")
    expect(admin.row(f"^{OLD}")).to_contain_text("Retiring")
    choose(admin, OLD, "What depends on it")
    expect(admin.heading(f"What depends on {OLD}")).to_be_visible()
    admin.press("Look again")
    expect(admin.page.locator(".banner.ok")).to_contain_text("Nothing depends on it any more")
    admin.press("Retire…")
    expect(admin.heading(f"Plan to retire {OLD}")).to_be_visible()
    expect(admin.page.locator("details.planned")).to_have_count(6)
    admin.press("Retire Root")
    admin.mark()
    admin.expect_standing("completed")
    admin.expect_same_page()
    expect(admin.heading(f"Retire {OLD}")).to_be_visible()
    for name in NAMES:
        admin.expect_state(name, "trust", "succeeded")
    admin.expect_nothing_refused()
    admin.open("/roots")
    expect(admin.row(f"^{OLD}")).to_contain_text("Retired")
    choose(admin, OLD, "Remove")
    admin.page.get_by_label("Reason").fill("It is retired.")
    admin.press("Remove")
    expect(admin.page.locator("tbody tr")).to_have_count(1)
    admin.open("/updates")
    expect(admin.page.locator("tbody tr").first).to_contain_text(f"retire {OLD}")
    admin.expect_nothing_refused()


def test_a_component_that_was_set_aside_keeps_the_old_root_from_being_retired(admin, demo):
    admin.arm("Deployment", "Database")
    admin.plan(demo).start()
    admin.expect_standing("deciding")
    admin.decide("override")
    admin.expect_standing("completedWithErrors")
    admin.open("/roots")
    choose(admin, OLD, "What depends on it")
    expect(admin.page.locator(".banner.warn")).to_contain_text("It cannot be retired yet")
    expect(admin.page.get_by_role("heading", name="Set aside by Override")).to_be_visible()
    expect(admin.page.locator("tbody tr").first).to_contain_text(re.compile("Database"))
    expect(admin.page.get_by_role("button", name="Retire…")).to_have_count(0)
    admin.expect_nothing_refused()
