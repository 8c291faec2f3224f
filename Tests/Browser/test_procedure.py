"""The whole procedure of the demo, from the upload of a root to the last component in use."""
import re

from playwright.sync_api import expect

from administrator import Administrator
from demo import NAMES, issuer

NEW_ROOT = re.compile(r"^Sample System Root 20(?!24)\d\d$")


def test_a_wrong_password_of_the_file_is_said_at_the_password(reader, quiet_demo):
    reader.open("/roots/import")
    reader.upload(quiet_demo.pfx, "not its password")
    expect(reader.error("password")).to_contain_text("The password is wrong")
    expect(reader.page.locator("main")).to_contain_text(quiet_demo.pfx.name)
    expect(reader.page.locator("#password")).to_have_value("")
    reader.open("/roots")
    expect(reader.page.locator("tbody tr")).to_have_count(1)


def test_a_file_that_is_no_pfx_is_said_at_the_file(reader, tmp_path):
    wrong = tmp_path / "holiday.pfx"
    wrong.write_bytes(b"not a key store")
    reader.open("/roots/import")
    reader.upload(wrong, "anything")
    expect(reader.error("file")).to_be_visible()
    expect(reader.page.locator("main")).to_contain_text("holiday.pfx")


def refuse_too_many_months(admin):
    largest = admin.page.locator("#months").get_attribute("max")
    assert re.fullmatch(r"\d+", largest) and int(largest) < 120
    admin.page.fill("#months", "120")
    admin.press("Make the plan")
    expect(admin.error("months")).to_contain_text(f"largest possible number is {largest}")
    expect(admin.page.locator("#months")).to_have_value("120")


def answer_the_failure(admin):
    admin.expect_standing("deciding")
    # The page is loaded again every few seconds, which closes what was opened: the output is there without a click.
    expect(admin.page.locator("details.output pre")).to_contain_text("tls_session_cach")
    admin.decide("retry")


def go_through(admin, demo, live):
    ports = admin.ports()
    admin.import_root(demo)
    admin.choose_update()
    refuse_too_many_months(admin)
    admin.make_plan()
    expect(admin.page.locator("details.planned")).to_have_count(6)
    admin.start()
    if live:
        admin.mark()
    else:
        answer_the_failure(admin)
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
    plain.arm("Activation", "Database")
    go_through(plain, demo, live=False)


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


def test_with_the_policy_continue_update_a_failure_does_not_ask(admin, demo):
    admin.arm("Activation", "Report server")
    admin.plan(demo, policy="continue").start()
    admin.expect_standing("completedWithErrors")
    assert admin.page.locator("#log > li", has_text="decided").count() == 0
    admin.expect_nothing_refused()
