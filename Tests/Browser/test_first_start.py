"""The first start of `reroot serve`: the link that works once, signing in and out, the password."""
import re

import pytest
from playwright.sync_api import expect

from administrator import Administrator
from console import PASSWORD
from servers import wait_until

NAME = "Ada Lovelace"


@pytest.fixture
def visitor(console, browsers):
    return Administrator(browsers.new().new_page(), f"https://127.0.0.1:{console.port}")


@pytest.fixture
def owner(visitor, console):
    """The first administrator, who has just been made."""
    visitor.open(link(console))
    fill(visitor, NAME, PASSWORD)
    expect(visitor.heading("Certificate Management")).to_be_visible()
    return visitor


def link(console):
    wait_until(lambda: re.search(r"/setup/\S+", console.text()), "the link", 10)
    return re.search(r"/setup/[^\s]+", console.text()).group(0)


def fill(visitor, name, password, again=None):
    visitor.page.fill("#name", name)
    visitor.page.fill("#password", password)
    visitor.page.fill("#password_again", password if again is None else again)
    visitor.press("Create the administrator")


WRONG = [
    ("", PASSWORD, PASSWORD, "name", "Give a name"),
    (NAME, "short", "short", "password", "at least 12 characters"),
    (NAME, NAME, NAME, "password", "harder to guess"),
    (NAME, "aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa", "password", "harder to guess"),
    (NAME, PASSWORD, PASSWORD + "!", "password_again", "not the same"),
]


def test_what_is_wrong_with_the_first_administrator_is_said_at_its_field(visitor, console):
    for name, password, again, field, sentence in WRONG:
        visitor.open(link(console))
        fill(visitor, name, password, again)
        expect(visitor.error(field)).to_contain_text(sentence)
        expect(visitor.page.locator(f"#{field}")).to_have_attribute("aria-invalid", "true")
        expect(visitor.page.locator("#name")).to_have_value(name)
        expect(visitor.page.locator("#password")).to_have_value("")
        visitor.page.locator(".banner.error a").click()
        expect(visitor.page.locator(f"#{field}")).to_be_focused()


def test_the_link_of_the_first_start_makes_one_administrator_and_is_used_up(owner, console, browsers):
    owner.sign_out()
    answer = owner.open(link(console))
    assert answer.status == 404
    expect(owner.heading("The link is used up")).to_be_visible()
    owner.sign_in(NAME, PASSWORD)
    expect(owner.page.locator("header .account")).to_contain_text(NAME)


def test_a_wrong_password_is_refused_and_five_of_them_make_one_wait(owner, browsers):
    owner.sign_out()
    for _ in range(5):
        owner.give_credentials(NAME, "not the password")
        expect(owner.page.get_by_role("alert")).to_contain_text("The name or the password is wrong")
        expect(owner.page.locator("#name")).to_have_value(NAME)
        expect(owner.page.locator("#password")).to_have_value("")
        # The next answer must not be taken for this one.
        owner.page.get_by_role("alert").evaluate("one => one.remove()")
    owner.give_credentials(NAME, PASSWORD)
    expect(owner.page.get_by_role("alert")).to_contain_text(re.compile(r"Try again in \d+ seconds"))
    expect(owner.page.locator("header .account")).to_have_count(0)


def test_signing_out_ends_the_session_on_the_server(owner, browsers):
    cookies = owner.page.context.cookies()
    owner.sign_out()
    thief = browsers.new()
    thief.add_cookies(cookies)
    page = thief.new_page()
    page.goto(owner.address + "/roots")
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()


def test_the_back_button_shows_nothing_after_signing_out(owner):
    owner.open("/components")
    owner.sign_out()
    owner.page.go_back()
    expect(owner.heading("Sign in")).to_be_visible()


def test_a_changed_password_signs_the_other_browser_out(owner, browsers):
    other = Administrator(browsers.new().new_page(), owner.address).sign_in(NAME, PASSWORD)
    owner.open("/account")
    owner.page.fill("#current", "not the password")
    owner.page.fill("#password", PASSWORD + " 2")
    owner.page.fill("#password_again", PASSWORD + " 2")
    owner.press("Change password")
    expect(owner.error("current")).to_contain_text("not your present password")
    other.open("/components")
    expect(other.heading("Components")).to_be_visible()

    owner.page.fill("#current", PASSWORD)
    owner.page.fill("#password", PASSWORD + " 2")
    owner.page.fill("#password_again", PASSWORD + " 2")
    owner.press("Change password")
    expect(owner.page.locator("main")).to_contain_text("The password was changed")
    other.open("/components")
    expect(other.heading("Sign in")).to_be_visible()
    other.give_credentials(NAME, PASSWORD)
    expect(other.page.get_by_role("alert")).to_contain_text("wrong")
    other.give_credentials(NAME, PASSWORD + " 2")
    expect(other.heading("Components")).to_be_visible()


def test_every_cookie_is_bound_to_the_host_and_out_of_reach_of_scripts(owner):
    cookies = owner.page.context.cookies()
    assert any("reroot" in cookie["name"] for cookie in cookies)
    for cookie in cookies:
        assert cookie["name"].startswith("__Host-"), cookie["name"]
        assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/"
    assert owner.page.evaluate("() => document.cookie") == ""


def test_a_page_behind_the_session_asks_to_sign_in_and_comes_back(owner, browsers):
    for path in ["/components/new", "/trust-store", "/account", "/updates"]:
        stranger = Administrator(browsers.new().new_page(), owner.address)
        stranger.open(path)
        expect(stranger.heading("Sign in")).to_be_visible()
        stranger.give_credentials(NAME, PASSWORD)
        expect(stranger.page.locator("header .account")).to_be_visible()
        assert stranger.path == path


def test_the_way_back_after_signing_in_never_leads_to_another_site(owner, browsers):
    stranger = Administrator(browsers.new().new_page(), owner.address)
    stranger.open("/sign-in?return=//example.org/")
    stranger.give_credentials(NAME, PASSWORD)
    expect(stranger.heading("Certificate Management")).to_be_visible()
    assert stranger.path == "/roots"
