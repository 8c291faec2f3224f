"""Accessible in both colour schemes, and within a narrow screen: the pages of the second factor."""
from playwright.sync_api import expect

from administrator import Administrator
from console import PASSWORD
from test_first_start import NAME, fill, link
from test_second_factor import give_code, show_secret


def test_the_pages_of_the_second_factor_are_accessible_and_fit(console, browsers, inspection):
    owner = Administrator(browsers.new().new_page(), f"https://127.0.0.1:{console.port}")
    owner.open(link(console))
    fill(owner, NAME, PASSWORD)
    expect(owner.heading("Certificate Management")).to_be_visible()
    owner.open("/account/second-factor")
    inspection.look(owner.page, "second-factor")
    app = show_secret(owner)
    inspection.look(owner.page, "second-factor-secret", is_main=True)
    owner.page.fill("#code", app.code())
    owner.press("Turn on")
    expect(owner.heading("Recovery codes")).to_be_visible()
    inspection.look(owner.page, "recovery-codes", is_main=True)
    other = Administrator(browsers.new().new_page(), owner.address)
    other.open("/sign-in")
    other.give_credentials(NAME, PASSWORD)
    expect(other.heading("Second factor")).to_be_visible()
    inspection.look(other.page, "sign-in-code")
    give_code(other, "000000")
    expect(other.page.get_by_role("alert")).to_be_visible()
    inspection.look(other.page, "sign-in-code-refused")
    give_code(other, app.code())
    expect(other.page.locator("header .account")).to_be_visible()
    for path, name in [
        ("/account", "account-second-factor"),
        ("/account/second-factor/removal", "second-factor-removal"),
        ("/account/recovery-codes", "recovery-codes-new"),
        ("/account/sessions/others/end", "sessions-end"),
    ]:
        owner.open(path)
        inspection.look(owner.page, name, is_main=path == "/account")
    inspection.expect_nothing_wrong()
