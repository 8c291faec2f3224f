"""Users with roles, and the second person: three people in three browsers, who know nothing of each other."""

import json
import re

from playwright.sync_api import expect

from administrator import Administrator

PASSWORD = "a long sentence for {}"


def add(admin, browsers, name, role):
    """Adds a user, who chooses a password over the link and signs in."""
    admin.open("/users/new")
    admin.page.get_by_label("Name", exact=True).fill(name)
    admin.page.get_by_role("radio", name=re.compile(f"^{role}")).check()
    admin.press("Add user")
    link = admin.page.locator("#link").inner_text()
    admin.open("/users")
    expect(admin.row(name)).to_contain_text("Has a link")

    page = browsers.new().new_page()
    page.goto(link)
    password = PASSWORD.format(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Password, once more").fill(password)
    page.get_by_role("button", name="Set the password").click()
    user = Administrator(page, admin.address)
    user.give_credentials(name, password)
    expect(page.locator("header .account")).to_be_visible()
    assert page.goto(link).status == 404
    return user


def test_a_second_person_agrees_to_the_start_and_to_abort(demo, admin, browsers):
    grace = add(admin, browsers, "Grace", "Operator")
    vera = add(admin, browsers, "Vera", "Viewer")
    admin.import_root(demo)
    admin.arm("Deployment", "MQTT broker")
    admin.open("/settings")
    admin.press("Switch it on")
    expect(admin.page.locator("#switch-second-person")).to_contain_text("Ask to switch it off")

    # Grace asks; she cannot answer herself.
    grace.open("/roots")
    grace.choose_update()
    grace.make_plan()
    expect(grace.page.get_by_role("button", name="Start Update")).to_have_count(0)
    grace.press("Ask for agreement")
    request = grace.path
    assert request.startswith("/agreements/")
    expect(grace.page.locator("#agree")).to_have_count(0)

    # What the demo adds is recorded, and open by roles, too.
    entries = admin.page.request.get(f"{admin.address}/audit/export.jsonl").text().splitlines()
    armed = [entry for entry in map(json.loads, entries) if entry.get("event") == "demo.fault"]
    assert [(entry["on"], entry["details"]["armed"]) for entry in armed] == [("MQTT broker", "yes")], armed
    vera.open("/demo")
    expect(vera.page.get_by_role("button", name="Deployment of Database")).to_have_count(0)
    token = vera.page.locator("meta[name=csrf-token]").get_attribute("content")
    fault = {"csrf": token, "component": "Database", "fault": "deployment", "armed": "1"}
    assert vera.page.request.post(f"{vera.address}/demo/faults", form=fault).status == 403
    for user in (vera, grace):
        assert user.page.request.get(f"{user.address}/demo/second-root").status == 403
    assert admin.page.request.get(f"{admin.address}/demo/second-root").status == 200

    # Vera only looks.
    vera.open("/components")
    expect(vera.page.get_by_role("link", name="Add component")).to_have_count(0)
    expect(vera.page.get_by_text("asks for your agreement")).to_have_count(0)
    expect(vera.page.get_by_role("link", name="Users")).to_have_count(0)
    vera.open(request)
    expect(vera.page.locator("#agree")).to_have_count(0)
    assert vera.open("/users").status == 403

    # The administrator is told on whatever page, reads the plan, and agrees.
    admin.open("/components")
    expect(admin.page.get_by_text("Grace asks for your agreement to start plan 1")).to_be_visible()
    admin.page.get_by_role("link", name="Open the request").click()
    admin.page.get_by_role("link", name="Read plan 1").click()
    expect(admin.heading(re.compile("^Plan of an update"))).to_be_visible()
    expect(admin.page.get_by_role("button", name="Ask for agreement")).to_have_count(0)
    admin.open(request)
    admin.page.locator("#agree").click()
    expect(admin.page.get_by_text("You have agreed.")).to_be_visible()

    grace.open(request)
    grace.press("Start now")
    update = grace.path
    grace.expect_standing("deciding")

    # Abort: asked by Grace, seen live by all, done the moment that the administrator agrees.
    admin.open(update)
    vera.open(update)
    expect(vera.page.locator("#waits-for-others")).to_be_visible()
    expect(vera.page.locator("[id^=decide-]")).to_have_count(0)
    admin.mark()
    vera.mark()
    grace.decide("abort")
    expect(grace.heading(re.compile("^Agreement to abort update"))).to_be_visible()
    for page in [admin.page, vera.page]:
        expect(page.locator("#abort-request")).to_contain_text("Grace asks to abort.")
    expect(admin.page.locator("#decide-abort")).to_have_count(0)
    expect(admin.page.locator("#decide-retry")).to_be_visible()
    admin.expect_same_page()
    admin.page.locator("#abort-request a").click()
    admin.press("Agree, and abort now")
    admin.expect_standing("rolledBack")
    vera.expect_standing("rolledBack")
    vera.expect_same_page()
    vera.expect_nothing_refused()
