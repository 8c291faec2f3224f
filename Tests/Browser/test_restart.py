"""The console is ended and started again while somebody watches."""
import signal

import pytest
from playwright.sync_api import expect


@pytest.fixture
def watched(admin, browsers):
    browsers.may_lose_connections = True
    return admin


def test_a_page_goes_on_by_itself_after_a_restart_with_what_happened_since(watched, demo):
    watched.arm("Activation", "MQTT broker")
    path = watched.plan(demo).start()
    watched.expect_standing("deciding")
    watched.mark()
    assert demo.end(signal.SIGTERM) == 0
    expect(watched.page.locator("#connection")).to_contain_text("The connection to the server is lost")
    demo.start()
    other = watched.another_tab()
    other.open(path)
    other.expect_standing("deciding")
    other.decide("retry")
    other.expect_standing("completed")
    watched.expect_standing("completed")
    expect(watched.page.locator("#connection")).to_be_hidden()
    watched.expect_same_page()
    watched.expect_log(other.whole_log(path))
    watched.expect_nothing_refused()


def test_killed_in_the_middle_the_page_shows_the_interrupted_action_and_asks(watched, demo):
    # A component that does not reload is looked at for five seconds: time to be killed in.
    watched.arm("Verification", "Database")
    watched.plan(demo).start()
    watched.mark()
    watched.expect_state("Database", "verify", "running")
    demo.end(signal.SIGKILL)
    demo.start()
    watched.expect_standing("deciding")
    watched.expect_same_page()
    expect(watched.page.locator("#panel")).to_contain_text("Database")
    expect(watched.page.locator("#log")).to_contain_text("Reroot was ended in the middle")
    watched.decide("retry")
    watched.expect_standing("completed")
    watched.expect_nothing_refused()
