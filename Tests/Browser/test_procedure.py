"""The whole procedure of the demo, from the upload of a root to the last component in use."""
import re

import pytest
from playwright.sync_api import expect

from administrator import Administrator
from demo import NAMES, issuer

NEW_ROOT = re.compile(r"^Sample System Root 20(?!24)\d\d$")


def test_a_wrong_password_of_the_file_is_said_at_the_password(admin, demo):
    admin.open("/roots/import")
    admin.upload(demo.pfx, "not its password")
    expect(admin.error("password")).to_contain_text("The password is wrong")
    expect(admin.page.locator("main")).to_contain_text(demo.pfx.name)
    expect(admin.page.locator("#password")).to_have_value("")
    admin.open("/roots")
    expect(admin.page.locator("tbody tr")).to_have_count(1)


def test_a_file_that_is_no_pfx_is_said_at_the_file(admin, tmp_path):
    wrong = tmp_path / "holiday.pfx"
    wrong.write_bytes(b"not a key store")
    admin.open("/roots/import")
    admin.upload(wrong, "anything")
    expect(admin.error("file")).to_be_visible()
    expect(admin.page.locator("main")).to_contain_text("holiday.pfx")


def test_more_months_than_the_root_lasts_are_refused_with_the_largest_number(admin, demo):
    admin.import_root(demo)
    admin.choose_update()
    largest = admin.page.locator("#months").get_attribute("max")
    assert re.fullmatch(r"\d+", largest) and int(largest) < 120
    admin.page.fill("#months", "120")
    admin.press("Make the plan")
    expect(admin.error("months")).to_contain_text(f"largest possible number is {largest}")
    expect(admin.page.locator("#months")).to_have_value("120")
    admin.page.fill("#months", largest)
    admin.press("Make the plan")
    expect(admin.heading(re.compile("^Plan of an update"))).to_be_visible()


def go_through(admin, demo, live):
    ports = admin.ports()
    admin.import_root(demo)
    admin.choose_update()
    admin.make_plan()
    expect(admin.page.locator("details.planned")).to_have_count(6)
    admin.start()
    if live:
        admin.mark()
    admin.expect_standing("completed")
    if live:
        admin.expect_same_page()
    for name in NAMES:
        for kind in ["generate", "trust", "deploy", "activate", "verify"]:
            admin.expect_state(name, kind, "succeeded")
    admin.expect_nothing_refused()
    for name, port in ports.items():
        assert NEW_ROOT.match(issuer(port)), name
    admin.open("/roots")
    new = admin.page.locator("tbody tr").filter(has_text="In force")
    expect(new.get_by_role("rowheader")).to_have_text(NEW_ROOT)
    expect(new.locator("[data-label=Components]")).to_have_text("6")
    expect(admin.row("Sample System Root 2024")).to_contain_text("Retiring")
    admin.open("/components")
    expect(admin.page.locator("tbody tr").filter(has_text="In use")).to_have_count(6)
    admin.open("/updates")
    expect(admin.page.locator("tbody tr")).to_contain_text("Completed")


def test_an_update_goes_from_the_upload_to_the_end_without_a_reload_and_without_a_refused_handshake(admin, demo):
    go_through(admin, demo, live=True)


def test_without_javascript_the_whole_procedure_works_by_forms_and_the_page_refreshes_itself(demo, browsers):
    plain = Administrator(browsers.new(java_script_enabled=False).new_page(), demo.address)
    plain.sign_in(demo.administrator, demo.password)
    go_through(plain, demo, live=False)


def test_without_javascript_a_failure_is_shown_and_answered(demo, browsers):
    plain = Administrator(browsers.new(java_script_enabled=False).new_page(), demo.address)
    plain.sign_in(demo.administrator, demo.password)
    plain.arm("Activation", "Database")
    plain.plan(demo).start()
    plain.expect_standing("deciding")
    output = plain.page.locator("details.output")
    output.locator("summary").click()
    expect(output.locator("pre")).to_contain_text("tls_session_cach")
    plain.decide("retry")
    plain.expect_standing("completed")
    plain.expect_nothing_refused()


def test_the_page_of_an_update_shows_the_same_after_a_reload(admin, demo):
    admin.arm("Activation", "MQTT broker")
    admin.plan(demo).start()
    admin.expect_standing("deciding")
    panel = admin.page.locator("#panel").inner_text()
    table = admin.page.locator("table.matrix").inner_text()
    log = admin.log()
    admin.page.reload()
    assert admin.page.locator("#panel").inner_text() == panel
    assert admin.page.locator("table.matrix").inner_text() == table
    assert admin.log() == log


def test_a_second_update_is_not_started_while_one_waits_for_a_decision(admin, demo):
    admin.plan(demo)
    second = admin.another_tab()
    second.open(admin.path)
    admin.arm("Deployment", "Database")
    third = admin.another_tab()
    third.open(second.path)
    third.start()
    third.expect_standing("deciding")
    second.press("Start Update")
    expect(second.page.locator("main")).to_contain_text("The update was not started")


@pytest.mark.parametrize("choice, standing", [("stop", "deciding"), ("continue", "completedWithErrors")])
def test_the_failure_policy_decides_whether_a_failure_asks(admin, demo, choice, standing):
    admin.arm("Activation", "Report server")
    admin.plan(demo, policy=choice).start()
    admin.expect_standing(standing)
    admin.expect_nothing_refused()
