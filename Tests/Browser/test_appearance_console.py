"""Accessible in both colour schemes, and within a narrow screen: the pages of a console that has nothing yet."""
from playwright.sync_api import expect

from administrator import Administrator
from console import PASSWORD
from test_first_start import NAME, fill, link


def test_the_pages_before_signing_in_are_accessible_and_fit(console, browsers, inspection):
    visitor = Administrator(browsers.new().new_page(), f"https://127.0.0.1:{console.port}")
    setup = link(console)
    visitor.open(setup)
    inspection.look(visitor.page, "setup")
    fill(visitor, "", "short")
    expect(visitor.error("password")).to_be_visible()
    inspection.look(visitor.page, "setup-refused")
    fill(visitor, NAME, PASSWORD)
    expect(visitor.heading("Certificate Management")).to_be_visible()
    visitor.sign_out()
    inspection.look(visitor.page, "sign-in", is_main=True)
    visitor.give_credentials(NAME, "wrong")
    expect(visitor.page.get_by_role("alert")).to_be_visible()
    inspection.look(visitor.page, "sign-in-refused")
    visitor.open(setup)
    inspection.look(visitor.page, "setup-used-up")
    inspection.expect_nothing_wrong()


def test_the_empty_pages_of_a_new_console_are_accessible_and_fit(console, browsers, inspection):
    owner = Administrator(browsers.new().new_page(), f"https://127.0.0.1:{console.port}")
    owner.open(link(console))
    fill(owner, NAME, PASSWORD)
    expect(owner.heading("Certificate Management")).to_be_visible()
    for path, name in [
        ("/roots", "roots-empty"),
        ("/components", "components-empty"),
        ("/components/new", "component-new"),
        ("/components/kinds", "component-kinds"),
        ("/components/new?kind=openldap", "component-new-openldap"),
        ("/components/import", "components-import"),
        ("/updates", "updates-empty"),
        ("/trust-store", "trust-store-empty"),
        ("/trust-store/certificates/add", "server-certificate-add"),
        ("/trust-store/authorities/add", "authorities-add"),
        ("/settings", "settings"),
        ("/settings/notifications", "notifications"),
        ("/account", "account"),
        ("/nowhere", "not-found"),
    ]:
        owner.open(path)
        inspection.look(owner.page, name)
    owner.open("/components/new")
    owner.page.fill("#name", "")
    owner.page.locator("main form button.primary").click()
    expect(owner.page.locator(".banner.error")).to_be_visible()
    inspection.look(owner.page, "component-refused")
    owner.open("/components/import")
    owner.page.locator("main textarea").fill("components:\n  - name: one\n    stage: never\n    colour: red\n")
    owner.page.locator("main form button.primary").click()
    expect(owner.page.locator(".banner.error")).to_be_visible()
    inspection.look(owner.page, "components-import-refused")
    inspection.expect_nothing_wrong()
