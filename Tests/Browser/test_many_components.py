"""An update of more components than one page shows."""
import re
import signal

import pytest
from playwright.sync_api import expect

import update as steps
from administrator import Administrator
from authority import Authority
from console import PASSWORD, Console
from many import components

COUNT, SHOWN = 120, 80
LAST = f"part-{COUNT:03}"


@pytest.fixture
def large(tmp_path):
    """A console with many components, an update of which waits because the last one's activation fails."""
    new, broken = Authority("New Root"), tmp_path / "broken"
    broken.touch()
    fails = ["/bin/sh", "-c", f"test ! -e {broken}"]
    parts = components(tmp_path, COUNT, lambda folder: fails if folder.name == LAST else ["/bin/true"])
    console = Console(tmp_path / "serve", components=parts)
    try:
        client = console.start().set_up().client
        update = steps.start(client, steps.make_plan(client, steps.import_root(client, new)))
        steps.wait_for(client, update, "deciding", limit=120)
        yield console, update, broken
    finally:
        console.stop(signal.SIGKILL)


def test_failures_come_first_pages_and_filters_lead_to_the_rest_and_a_decision_redraws_what_is_shown(large, browsers):
    console, path, broken = large
    page = browsers.new().new_page()
    admin = Administrator(page, f"https://127.0.0.1:{console.port}").sign_in("ada", PASSWORD, path)
    rows, listed = page.locator("#rows tr[id^=component-]"), page.locator(".rows-range")
    expect(rows).to_have_count(SHOWN)
    expect(rows.first.get_by_role("rowheader")).to_contain_text(LAST)
    expect(listed).to_have_text(f"1 to {SHOWN} of {COUNT} components")

    page.get_by_role("link", name="Next", exact=True).click()
    expect(rows).to_have_count(COUNT - SHOWN)
    page.get_by_label("Name", exact=True).fill("part-1")
    page.get_by_label("Show", exact=True).select_option("failed")
    admin.press("Filter")
    expect(listed).to_contain_text("Filtered: 1 to 1 of 1 component")
    expect(rows).to_have_count(1)

    # Override sets the component aside, which no row that is sent tells: each page asks for those that it shows.
    broken.unlink()
    admin.mark()
    other = admin.another_tab()
    other.open(path)
    expect(rows.first).not_to_have_class(re.compile("set-aside"))
    other.decide("override")
    expect(rows.first).to_have_class(re.compile("set-aside"))
    admin.expect_standing("completedWithErrors")
    expect(rows).to_have_count(1)
    admin.expect_same_page()

    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(SHOWN)
    expect(page.locator("#rows td[data-state=waiting]")).to_have_count(0)
