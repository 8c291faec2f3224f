"""Accessible in both colour schemes, and within a narrow screen: pages that hold the longest names and paths."""
import signal

import pytest
from playwright.sync_api import expect

from administrator import Administrator
from authority import Authority
from console import PASSWORD, Console
from servers import free_port
from test_first_start import NAME, fill, link

LONG_NAME = "measurement-collector-of-the-northern-district-heating-network-7"
LONG_FOLDER = "/srv/" + "/".join(["district-heating-network-north-measurement-collectors"] * 5)


@pytest.fixture
def crowded(tmp_path, browsers):
    """A console with a component that has the longest name and long paths, and a trust store with something in it."""
    component = {
        "name": LONG_NAME,
        "description": "Collects what two hundred substations measure every ten seconds and hands it on to the archive",
        "names": [
            "collector-7.example.net",
            f"{LONG_NAME[:60]}.{'x' * 40}.internal.example.net",
            "2001:db8:1234:5678:9abc:def0:1234:5678",
        ],
        "files": {
            "certificate": f"{LONG_FOLDER}/server-certificate-chain.pem",
            "key": f"{LONG_FOLDER}/server-private-key.pem",
            "trust_bundle": f"{LONG_FOLDER}/trusted-root-certificates.pem",
        },
        "activation": {"command": ["/usr/bin/systemctl", "reload", LONG_NAME + "@" + LONG_NAME + ".service"]},
        "endpoints": [{"host": "127.0.0.1", "port": free_port()}],
    }
    console = Console(tmp_path / "crowded", components=[component])
    try:
        console.start()
        owner = Administrator(browsers.new().new_page(), f"https://127.0.0.1:{console.port}")
        owner.open(link(console))
        fill(owner, NAME, PASSWORD)
        expect(owner.heading("Certificate Management")).to_be_visible()
        yield owner
    finally:
        console.stop(signal.SIGKILL)


def test_the_longest_name_and_long_paths_do_not_break_a_page(crowded, inspection, tmp_path):
    page = crowded.page
    for path, name in [
        ("/components", "long-components"),
        ("/components/1", "long-component"),
        ("/components/1/edit", "long-component-edit"),
        ("/components/1/test", "long-component-test"),
        ("/components/1/remove", "long-component-remove"),
    ]:
        crowded.open(path)
        inspection.look(page, name)

    root = Authority("Second root certificate authority of the northern heating system", days=400)
    (tmp_path / "root.pfx").write_bytes(root.pfx("1"))
    crowded.open("/roots/import")
    crowded.upload(tmp_path / "root.pfx", "1")
    page.fill("#name", LONG_NAME)
    inspection.look(page, "long-root-confirm")
    crowded.press("Confirm")
    inspection.look(page, "long-roots")
    crowded.open("/roots/1")
    inspection.look(page, "long-root")
    crowded.open("/roots/1/remove")
    inspection.look(page, "root-remove")

    root.issue(["localhost", f"{LONG_NAME[:60]}.internal.example.net"], tmp_path / "served")
    crowded.open("/trust-store/certificates/add")
    page.fill("#name", LONG_NAME)
    page.set_input_files("#certificate", tmp_path / "served" / "server.pem")
    page.set_input_files("#key", tmp_path / "served" / "server.key")
    crowded.press("Add")
    crowded.open("/trust-store/authorities/add")
    page.locator("main textarea").fill(root.pem.decode())
    page.locator("main form button.primary").click()
    expect(page.locator("main table")).to_have_count(2)
    inspection.look(page, "long-trust-store")
    crowded.open("/trust-store/certificates/1")
    inspection.look(page, "long-server-certificate")

    crowded.open("/roots/1/update")
    page.check("input[name=https][value=trustStore]")
    inspection.look(page, "long-update-form")
    crowded.make_plan()
    inspection.look(page, "long-plan")
    inspection.expect_nothing_wrong()
