"""Finding a server and adding it as a component, by clicks; the note and the group of a component on its pages."""
import re
import socket

import pytest
from playwright.sync_api import expect

from administrator import Administrator
from authority import Authority
from console import PASSWORD
from servers import Nginx, free_port, let_through
from update import wait_until


@pytest.fixture
def nginx(tmp_path):
    let_through(tmp_path)
    server = Nginx(tmp_path / "nginx", Authority("Plant Root")).start()
    yield server
    server.stop()


@pytest.fixture
def admin(console, browsers):
    console.set_up()
    page = browsers.new().new_page()
    return Administrator(page, f"https://127.0.0.1:{console.port}").sign_in("ada", PASSWORD, "/components")


# Keeps the event streams that a page opens, so that a test can ask how they stand.
KEEP_STREAMS = """
window.streams = []
window.EventSource = class extends EventSource {
  constructor(...words) { super(...words); window.streams.push(this) }
}
"""


def test_the_stream_of_a_search_that_has_ended_is_not_opened_again(admin):
    page = admin.page
    page.add_init_script(KEEP_STREAMS)
    page.goto(page.url.replace("/components", "/components/find"))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        page.get_by_label("Hosts and ports").fill(f"127.0.0.1:{mute.getsockname()[1]}")
        admin.press("Find")
        expect(page.get_by_text("Looking")).to_be_visible()
        wait_until(lambda: page.evaluate("streams.map(stream => stream.readyState)") == [1], "an open stream")
    expect(page.get_by_text("Finished")).to_be_visible()
    # CLOSED; between two attempts of the browser a stream is CONNECTING.
    wait_until(lambda: page.evaluate("streams[0].readyState") == 2, "a stream that is closed for good")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate("streams.length") == 1


def test_a_found_server_is_added_by_clicks_and_known_afterwards(admin, nginx, inspection):
    page = admin.page
    page.get_by_role("link", name="Find", exact=True).click()
    expect(admin.heading("Find components")).to_be_visible()
    inspection.look(page, "find", is_main=True)
    page.get_by_label("Hosts and ports").fill(f"nobody here\n127.0.0.1:{nginx.port}")
    admin.press("Find")
    expect(admin.error("places")).to_contain_text("Line 1")
    page.get_by_label("Hosts and ports").fill(f"127.0.0.1:{nginx.port},{free_port()}")
    admin.press("Find")
    expect(page.get_by_text("Finished")).to_be_visible()
    row = admin.row(str(nginx.port))
    expect(row).to_contain_text("Plant Root")
    inspection.look(page, "found", is_main=True)
    found = page.url
    row.get_by_role("link", name="Add as component…").click()
    expect(page.get_by_label("Names", exact=True)).to_have_value("localhost\n127.0.0.1")
    expect(page.get_by_label("Endpoint 1: port")).to_have_value(str(nginx.port))
    page.get_by_label("Certificate file").fill(str(nginx.folder / "server.pem"))
    page.get_by_label("Key file").fill(str(nginx.folder / "server.key"))
    page.get_by_label("Rolling", exact=True).check()
    page.get_by_label(re.compile("^Group")).first.fill("web")
    page.get_by_label("Maintenance note").fill("Ask the shift leader first.")
    inspection.look(page, "found-form")
    admin.press("Save")
    expect(admin.row("localhost")).to_be_visible()
    page.get_by_role("link", name="localhost").first.click()
    expect(page.get_by_text("Ask the shift leader first.")).to_be_visible()
    page.goto(found)
    expect(admin.row(str(nginx.port))).to_contain_text("Known")
    inspection.expect_nothing_wrong()
