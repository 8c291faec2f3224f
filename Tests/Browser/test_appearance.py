"""Every page in every state: accessible in both colour schemes, and within a narrow screen. Leaves screenshots."""
import pathlib
import signal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from administrator import Administrator
from authority import Authority
from console import PASSWORD, Console
from servers import free_port
from test_first_start import NAME, fill, link

SCREENSHOTS = pathlib.Path(__file__).parent / "screenshots"
LONG_NAME = "measurement-collector-of-the-northern-district-heating-network-7"
LONG_FOLDER = "/srv/" + "/".join(["district-heating-network-north-measurement-collectors"] * 5)
TOO_WIDE = """() => {
  const wide = document.documentElement.clientWidth
  if (document.documentElement.scrollWidth <= wide) return []
  return [...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > wide + 1)
    .slice(0, 4).map(one => one.outerHTML.slice(0, 120))
}"""


class Inspection:
    """Looks at a page as it stands, in both schemes and both widths, and gathers what is wrong."""

    def __init__(self):
        self.axe = Axe()
        self.problems = []
        SCREENSHOTS.mkdir(exist_ok=True)

    def look(self, page, name, is_main=False):
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 900 if width == 1280 else 740})
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                if width == 1280 or is_main:
                    self.check(page, f"{name}, {width} px, {scheme}")
                if is_main or scheme == "light":
                    file = SCREENSHOTS / f"{name}-{width}{'-dark' if scheme == 'dark' else ''}.png"
                    page.screenshot(path=file, full_page=True, animations="disabled")
            if wide := page.evaluate(TOO_WIDE):
                self.problems.append(f"{name}, {width} px: wider than the screen: {wide}")
        page.set_viewport_size({"width": 1280, "height": 900})

    def check(self, page, where):
        for found in self.axe.run(page).response["violations"]:
            for node in found["nodes"][:3]:
                said = " ".join(node["failureSummary"].split())
                self.problems.append(f"{where}: {found['id']} at {node['target']}: {said}")

    def expect_nothing_wrong(self):
        assert not self.problems, "\n".join(["", *self.problems])


@pytest.fixture
def inspection():
    return Inspection()


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


def test_the_pages_up_to_an_update_are_accessible_and_fit(admin, demo, inspection):
    page = admin.page
    admin.open("/roots/import")
    inspection.look(page, "import", is_main=True)
    admin.upload(demo.pfx, "wrong")
    expect(admin.error("password")).to_be_visible()
    inspection.look(page, "import-refused")
    admin.upload(demo.pfx, demo.pfx_password)
    expect(page.get_by_role("button", name="Confirm")).to_be_visible()
    inspection.look(page, "import-confirm")
    admin.press("Confirm")
    expect(page.locator(".banner")).to_be_visible()
    page.locator("tbody details.menu summary").first.click()
    inspection.look(page, "roots-menu", is_main=True)
    admin.open("/roots/1")
    inspection.look(page, "root")
    admin.open("/roots/1/remove")
    inspection.look(page, "root-kept")
    admin.open("/roots/2/update")
    inspection.look(page, "update-form", is_main=True)
    page.fill("#months", "120")
    admin.press("Make the plan")
    inspection.look(page, "update-form-refused")
    page.fill("#months", "12")
    admin.press("Make the plan")
    inspection.look(page, "plan", is_main=True)
    page.locator("details.planned summary").first.click()
    inspection.look(page, "plan-opened")
    admin.open("/components/1")
    inspection.look(page, "component")
    admin.open("/components/1/test")
    page.locator("main form button").first.click()
    expect(page.locator("main table").first).to_be_visible()
    inspection.look(page, "component-test")
    admin.arm("Verification", "Database")
    inspection.look(page, "demo", is_main=True)
    inspection.expect_nothing_wrong()


def test_an_update_is_accessible_and_fits_in_each_of_its_states(admin, demo, inspection):
    page = admin.page
    admin.arm("Activation", "MQTT broker")
    # A component that does not reload is looked at for five seconds: time to be seen running.
    admin.arm("Verification", "Report server")
    path = admin.plan(demo).start()
    admin.expect_standing("deciding")
    page.locator("details.output summary").click()
    inspection.look(page, "update-deciding", is_main=True)
    stale = admin.another_tab()
    stale.page.route("**/events*", lambda route: route.fulfill(status=204))
    stale.open(path)
    admin.open("/roots")
    inspection.look(page, "roots-during-update")
    admin.open(path)
    admin.decide("override")
    admin.expect_state("Report server", "verify", "running")
    page.screenshot(path=SCREENSHOTS / "update-running-1280.png", full_page=True)
    admin.expect_standing("deciding")
    admin.decide("override")
    admin.expect_standing("completedWithErrors")
    inspection.look(page, "update-completed-with-errors", is_main=True)
    stale.decide("abort")
    expect(stale.page.locator("main")).to_contain_text("answered already")
    inspection.look(stale.page, "stale-decision")
    stale.page.close()
    admin.open("/components")
    inspection.look(page, "components-set-aside")
    admin.open(path)
    admin.decide("retry")
    admin.expect_standing("completed")
    inspection.look(page, "update-completed", is_main=True)
    page.locator("#quiet-abort summary").click()
    inspection.look(page, "update-completed-abort-opened")
    admin.open("/components")
    inspection.look(page, "components", is_main=True)
    admin.open("/roots")
    inspection.look(page, "roots", is_main=True)
    admin.open(path)
    page.locator("#quiet-abort summary").click()
    admin.decide("abort")
    admin.expect_standing("rolledBack")
    inspection.look(page, "update-rolled-back", is_main=True)
    admin.open("/updates")
    inspection.look(page, "updates")
    inspection.expect_nothing_wrong()
