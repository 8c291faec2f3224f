"""Several tabs on one update, and what a tab that was left behind may still do."""
import pytest
from playwright.sync_api import expect

from administrator import Administrator


def waiting(admin, demo):
    """An update that waits for a decision; returns its path."""
    admin.arm("Activation", "MQTT broker")
    path = admin.plan(demo).start()
    admin.expect_standing("deciding")
    return path


def test_two_tabs_see_the_same_update_and_a_decision_in_one_changes_the_other(admin, demo):
    admin.arm("Activation", "MQTT broker")
    admin.plan(demo)
    other = admin.another_tab()
    path = admin.start()
    other.open(path)
    admin.mark()
    other.mark()
    for tab in (admin, other):
        tab.expect_standing("deciding")
        tab.expect_same_page()
    other.expect_log(admin.whole_log(path))
    third = admin.another_tab()
    third.open(path)
    for part in ["#panel", "table.matrix"]:
        assert third.page.locator(part).inner_text() == other.page.locator(part).inner_text()
    third.page.close()
    admin.decide("retry")
    admin.expect_standing("completed")
    other.expect_standing("completed")
    other.expect_same_page()
    expect(other.page.locator("#decide-retry")).to_have_count(0)
    log = admin.whole_log(path)
    admin.expect_log(log)
    other.expect_log(log)


@pytest.mark.parametrize("way", ["a cut stream", "no JavaScript"])
def test_a_stale_click_is_refused_says_so_leads_back_and_changes_nothing(admin, demo, browsers, way):
    path = waiting(admin, demo)
    if way == "no JavaScript":
        stale = Administrator(browsers.new(java_script_enabled=False).new_page(), demo.address)
        stale.sign_in(demo.administrator, demo.password, path)
        # It would refresh itself before long: that is held up, as by a slow network.
        expect(stale.page.locator("#decide-override")).to_be_visible()
        stale.page.route(f"**{path}", lambda route: None if route.request.method == "GET" else route.continue_())
    else:
        browsers.may_lose_connections = True
        stale = admin.another_tab()
        stale.page.route("**/events*", lambda route: route.abort())
        stale.open(path)
        expect(stale.page.locator("#connection")).to_contain_text("The connection to the server is lost")
    admin.decide("retry")
    admin.expect_standing("completed")
    log = admin.whole_log(path)

    stale.expect_standing("deciding")
    with stale.page.expect_response(lambda response: response.url.endswith("/decisions")) as answered:
        stale.decide("override")
    assert answered.value.status == 409
    expect(stale.page.locator("main")).to_contain_text("answered already")
    stale.page.unroute_all(behavior="ignoreErrors")
    stale.page.locator(f'main a[href="{path}"]').click()
    stale.expect_standing("completed")
    assert stale.log() == log
    assert admin.whole_log(path) == log


def test_a_double_click_on_a_decision_is_one_decision(admin, demo):
    waiting(admin, demo)
    admin.page.locator("#decide-retry").dblclick()
    admin.expect_standing("completed")
    expect(admin.page.locator("#log")).to_contain_text("decided: Retry")
    assert admin.page.locator("#log > li", has_text="decided").count() == 1


def test_an_open_output_stays_open_while_the_page_changes_around_it(admin, demo):
    waiting(admin, demo)
    output = admin.page.locator("details.output")
    output.locator("summary").click()
    expect(output).to_have_attribute("open", "")
    # The strip above is drawn again twice a second; the page is alive.
    before = admin.page.locator("#strip b").first.inner_text()
    expect(admin.page.locator("#strip b").first).not_to_have_text(before)
    expect(output).to_have_attribute("open", "")


def test_a_button_stays_the_same_while_its_row_changes_around_it(admin, demo):
    admin.open("/demo")
    button = admin.page.get_by_role("button", name="Deployment of Database", exact=True).element_handle()
    button.focus()
    accepted = admin.page.locator("#member-database td.number").first
    before = accepted.inner_text()
    expect(accepted).not_to_have_text(before)
    assert button.evaluate("button => button.isConnected && document.activeElement === button")


def test_a_session_that_ends_elsewhere_ends_the_stream_and_says_so(admin, demo):
    path = waiting(admin, demo)
    other = admin.another_tab()
    other.open(path)
    admin.sign_out()
    link = other.page.get_by_role("link", name="Sign in again")
    expect(link).to_be_visible()
    link.click()
    other.give_credentials(demo.administrator, demo.password)
    other.expect_standing("deciding")
