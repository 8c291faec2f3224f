"""The menus of the rows and of the account, by keyboard and by pointer."""
import pytest
from playwright.sync_api import expect

from administrator import Administrator


@pytest.fixture
def menu(reader):
    return reader.page.locator("tbody details.menu").first


def test_enter_opens_a_menu_and_escape_closes_it_and_gives_the_focus_back(reader, menu):
    menu.locator("summary").focus()
    reader.page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    expect(menu.get_by_role("link", name="Update")).to_be_visible()
    reader.page.keyboard.press("Tab")
    expect(menu.get_by_role("link").first).to_be_focused()
    reader.page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


def test_arrow_keys_walk_through_a_menu_and_around_its_ends(reader, menu):
    links = menu.get_by_role("link")
    menu.locator("summary").focus()
    reader.page.keyboard.press("ArrowDown")
    expect(menu).to_have_attribute("open", "")
    expect(links.first).to_be_focused()
    reader.page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    reader.page.keyboard.press("End")
    expect(links.last).to_be_focused()
    reader.page.keyboard.press("ArrowDown")
    expect(links.first).to_be_focused()
    reader.page.keyboard.press("ArrowUp")
    expect(links.last).to_be_focused()
    reader.page.keyboard.press("Home")
    reader.page.keyboard.press("Enter")
    expect(reader.page.locator("#months")).to_be_visible()


def test_a_click_elsewhere_and_another_menu_close_a_menu(reader, menu):
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    reader.page.get_by_role("heading", level=1).click()
    expect(menu).not_to_have_attribute("open", "")
    menu.locator("summary").click()
    account = reader.page.locator("header .account")
    account.locator("summary").click()
    expect(account).to_have_attribute("open", "")
    expect(menu).not_to_have_attribute("open", "")


def test_leaving_a_menu_with_the_tab_key_closes_it(reader, menu):
    menu.locator("summary").focus()
    reader.page.keyboard.press("ArrowUp")
    expect(menu.get_by_role("link").last).to_be_focused()
    reader.page.keyboard.press("Tab")
    expect(menu).not_to_have_attribute("open", "")


def test_without_javascript_a_menu_opens_all_the_same(quiet_demo, browsers):
    plain = Administrator(browsers.new(java_script_enabled=False).new_page(), quiet_demo.address)
    plain.sign_in(quiet_demo.administrator, quiet_demo.password)
    plain.page.locator("tbody details.menu summary").first.click()
    plain.page.get_by_role("link", name="Details", exact=True).click()
    expect(plain.heading("Sample System Root 2024")).to_be_visible()


def test_the_skip_link_leads_past_the_navigation(reader):
    reader.open("/roots")
    reader.page.keyboard.press("Tab")
    skip = reader.page.locator(".skip-link")
    expect(skip).to_be_focused()
    reader.page.keyboard.press("Enter")
    expect(reader.page.locator("#main")).to_be_focused()
