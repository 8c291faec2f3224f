"""The second factor and the list of sessions, as somebody with a phone and two browsers meets them."""
import re

import pytest
from playwright.sync_api import expect

from administrator import Administrator
from authenticator import Authenticator
from console import PASSWORD
from test_first_start import NAME, fill, link
from test_people import PASSWORD as PEOPLES, add

LONG_NAME = "Ädministrätörin für die Messstellen des nördlichen Wärmenetzes 7"


def administrator(console, browsers, name, **options):
    """The first administrator, who has just been made."""
    visitor = Administrator(browsers.new(**options).new_page(), f"https://127.0.0.1:{console.port}")
    visitor.open(link(console))
    fill(visitor, name, PASSWORD)
    expect(visitor.heading("Certificate Management")).to_be_visible()
    return visitor


@pytest.fixture
def owner(console, browsers):
    return administrator(console, browsers, NAME)


def show_secret(person):
    person.open("/account")
    person.page.get_by_role("link", name="Set up…").click()
    person.page.fill("#current", PASSWORD)
    person.press("Show the secret")
    return Authenticator.scan(person.page.locator("svg.qr").screenshot())


def turn_on(person):
    """Returns the app and the recovery codes."""
    app = show_secret(person)
    person.page.fill("#code", app.code())
    person.press("Turn on")
    expect(person.heading("Recovery codes")).to_be_visible()
    return app, person.page.locator(".codes code").all_inner_texts()


def give_code(person, code):
    expect(person.heading("Second factor")).to_be_visible()
    person.page.get_by_label("Code", exact=True).fill(code)
    person.press("Sign in")


@pytest.mark.parametrize("name, scheme", [(NAME, "light"), (LONG_NAME, "dark")])
def test_a_camera_reads_the_secret_that_the_page_shows_as_text(console, browsers, name, scheme):
    owner = administrator(console, browsers, name, color_scheme=scheme)
    app = show_secret(owner)
    assert app.account == f"Reroot:{name}"
    assert owner.page.locator("#secret").inner_text().replace(" ", "") == app.secret
    assert Authenticator(owner.page.locator("#uri").get_attribute("href")).key == app.key


def test_signing_in_takes_the_password_and_a_code_once_it_is_on(owner, browsers):
    app = show_secret(owner)
    owner.page.fill("#code", "000000")
    owner.press("Turn on")
    expect(owner.error("code")).to_contain_text("not the code")
    owner.page.fill("#code", app.code())
    owner.press("Turn on")
    expect(owner.page.locator(".codes code")).to_have_count(10)
    owner.page.get_by_role("link", name="I have kept them").click()
    expect(owner.page.locator("main")).to_contain_text("10 of 10 left")

    owner.sign_out()
    owner.open("/components/new")
    owner.give_credentials(NAME, PASSWORD)
    give_code(owner, "000000")
    expect(owner.page.get_by_role("alert")).to_contain_text("This code is not right")
    # In between nothing is open.
    peek = owner.another_tab()
    peek.open("/components")
    expect(peek.heading("Sign in")).to_be_visible()
    give_code(owner, app.code())
    expect(owner.page.locator("header .account")).to_contain_text(NAME)
    assert owner.path == "/components/new"


def test_a_recovery_code_stands_in_for_the_phone_once(owner, browsers):
    _, codes = turn_on(owner)
    owner.sign_out()
    owner.open("/sign-in")
    owner.give_credentials(NAME, PASSWORD)
    give_code(owner, codes[2].upper().replace("-", " "))
    expect(owner.page.locator("main")).to_contain_text("That recovery code is used up; 9 are left.")
    other = Administrator(browsers.new().new_page(), owner.address)
    other.open("/sign-in")
    other.give_credentials(NAME, PASSWORD)
    give_code(other, codes[2])
    expect(other.page.get_by_role("alert")).to_contain_text("This code is not right")

    owner.open("/account")
    owner.page.get_by_role("link", name="Switch off…").click()
    owner.page.fill("#current", PASSWORD)
    owner.page.fill("#code", codes[3])
    owner.press("Switch off")
    expect(owner.page.locator("main")).to_contain_text("The second factor is off.")
    other.sign_in(NAME, PASSWORD)


def test_another_browsers_session_is_listed_and_ended(owner, browsers):
    phone = browsers.new(user_agent="Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0")
    other = Administrator(phone.new_page(), owner.address).sign_in(NAME, PASSWORD)
    owner.open("/account")
    rows = owner.page.locator("tbody tr")
    expect(rows).to_have_count(2)
    own = rows.filter(has_text="This one")
    expect(own).to_contain_text(re.compile(r"Chrome on Linux.*127\.0\.0\.1", re.DOTALL))
    expect(own.get_by_role("link")).to_have_count(0)
    owner.row("Firefox on Android").get_by_role("link", name="End this session…").click()
    owner.page.fill("#current", PASSWORD)
    owner.press("End this session")
    expect(owner.page.locator("main")).to_contain_text("The session was ended.")
    expect(rows).to_have_count(1)
    other.open("/components")
    expect(other.heading("Sign in")).to_be_visible()

    third = Administrator(browsers.new().new_page(), owner.address).sign_in(NAME, PASSWORD)
    owner.open("/account")
    owner.page.get_by_role("link", name="End all others…").click()
    owner.page.fill("#current", "a wrong password")
    owner.press("End all others")
    expect(owner.error("current")).to_contain_text("not your present password")
    owner.page.fill("#current", PASSWORD)
    owner.press("End all others")
    expect(owner.page.locator("main")).to_contain_text("Every other session was ended.")
    third.open("/components")
    expect(third.heading("Sign in")).to_be_visible()
    owner.open("/components")
    expect(owner.heading("Components")).to_be_visible()


def test_once_it_is_required_everybody_sets_one_up_first(owner, browsers):
    turn_on(owner)
    grace = add(owner, browsers, "Grace", "Operator")
    owner.open("/settings")
    owner.press("Require it of everybody")
    expect(owner.page.locator("main")).to_contain_text("From now on everybody needs a second factor.")

    # Whoever is signed in already is led there by the next click, and so is who signs in anew.
    grace.open("/roots")
    expect(grace.page.locator("main")).to_contain_text("Everybody needs one here")
    grace.sign_out()
    grace.open("/sign-in")
    grace.give_credentials("Grace", PEOPLES.format("Grace"))
    expect(grace.page.locator("main")).to_contain_text("Everybody needs one here")
    grace.open("/components")
    expect(grace.page.locator("main")).to_contain_text("Everybody needs one here")

    grace.page.fill("#current", PEOPLES.format("Grace"))
    grace.press("Show the secret")
    app = Authenticator.scan(grace.page.locator("svg.qr").screenshot())
    grace.page.fill("#code", app.code())
    grace.press("Turn on")
    expect(grace.heading("Recovery codes")).to_be_visible()
    grace.open("/components")
    expect(grace.heading("Components")).to_be_visible()
