"""What an administrator does in a browser, in the words of the pages."""
import re

from playwright.sync_api import expect

from demo import NAMES


class Administrator:
    """One tab of one browser on one console."""

    def __init__(self, page, address):
        self.page = page
        self.address = address

    def open(self, path):
        return self.page.goto(self.address + path)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    @property
    def path(self):
        return self.page.url.removeprefix(self.address)

    def another_tab(self):
        return Administrator(self.page.context.new_page(), self.address)

    # Signing in

    def sign_in(self, name, password, path="/roots"):
        self.open(path)
        self.give_credentials(name, password)
        expect(self.page.locator("header .account")).to_be_visible()
        return self

    def give_credentials(self, name, password):
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.press("Sign in")

    def sign_out(self):
        self.page.locator("header .account summary").click()
        self.press("Sign out")
        expect(self.heading("Sign in")).to_be_visible()

    # What a page says

    def heading(self, text):
        return self.page.get_by_role("heading", level=1, name=text)

    def error(self, field):
        """The sentence at a field."""
        return self.page.locator(f"#{field}-error")

    def row(self, name):
        return self.page.locator("tbody tr").filter(has=self.page.get_by_role("rowheader", name=re.compile(name)))

    # A root and its update

    def upload(self, file, password):
        self.page.set_input_files("#file", file)
        self.page.fill("#password", password)
        self.press("Upload")

    def import_root(self, demo):
        """Imports the second root; the list is open afterwards."""
        self.open("/roots/import")
        self.upload(demo.pfx, demo.pfx_password)
        self.press("Confirm")
        expect(self.heading("Certificate Management")).to_be_visible()

    def choose_update(self):
        """Opens the form of an update from the menu of the root that was not used yet."""
        row = self.page.locator("tbody tr").filter(has_text="Imported")
        row.locator("summary").click()
        row.get_by_role("link", name="Update", exact=True).click()
        expect(self.page.locator("#months")).to_be_visible()

    def make_plan(self, months=3, policy="stop"):
        self.page.fill("#months", str(months))
        self.page.check(f"input[name=policy][value={policy}]")
        self.press("Make the plan")
        expect(self.heading(re.compile("^Plan of an update"))).to_be_visible()

    def start(self):
        """Starts the update of the plan that is open; returns the path of its page."""
        self.press("Start Update")
        expect(self.progress).to_be_visible()
        return self.path

    def plan(self, demo, **choices):
        self.import_root(demo)
        self.choose_update()
        self.make_plan(**choices)
        return self

    # The page of an update

    @property
    def progress(self):
        return self.page.locator("#progress")

    def expect_standing(self, word):
        expect(self.progress).to_have_attribute("data-standing", word)

    def decide(self, kind, reason="The test wants it so."):
        asked = self.page.locator(f"#reason-{kind}")
        if asked.count():
            asked.fill(reason)
        self.page.locator(f"#decide-{kind}").click()

    def cell(self, name, kind):
        return self.row(name).locator(f"[data-kind={kind}]")

    def expect_state(self, name, kind, state):
        expect(self.cell(name, kind)).to_have_attribute("data-state", state)

    def log(self):
        """The ids of the entries of the log, the newest first."""
        return self.page.locator("#log > li").evaluate_all("all => all.map(one => one.id)")

    def whole_log(self, path):
        """The log of an update as a page shows it that is loaded now."""
        fresh = self.another_tab()
        fresh.open(path)
        log = fresh.log()
        fresh.page.close()
        return log

    def expect_log(self, log):
        """The last entry may come a moment after the standing."""
        expect(self.page.locator("#log > li").first).to_have_id(log[0])
        assert self.log() == log

    def mark(self):
        """Leaves something in the page that a reload would take away."""
        self.page.evaluate("() => { window.isStillTheSamePage = true }")

    def expect_same_page(self):
        assert self.page.evaluate("() => window.isStillTheSamePage === true"), "the page was loaded again"

    def expect_nothing_refused(self):
        try:
            expect(self.page.locator("#strip")).to_contain_text(re.compile(r"\b0\s+refused"))
        except AssertionError as failure:
            # Which call it was, and why, says the page of the system.
            self.open("/demo")
            raise AssertionError(f"{failure}\n{self.page.locator('main').inner_text()}") from None

    # The sample system

    def arm(self, kind, name):
        """Lets the component's next step of this kind fail: Deployment, Activation or Verification."""
        self.open("/demo")
        button = self.page.get_by_role("button", name=f"{kind} of {name}", exact=True)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")

    def ports(self):
        """The port of each component of the sample system."""
        self.open("/demo")
        found = {}
        for name in NAMES:
            text = self.row(f"^{name}").inner_text()
            found[name] = int(re.search(r"Port (\d+)", text).group(1))
        return found
