import os
import re
import signal

import pytest
from playwright.sync_api import expect, sync_playwright

from administrator import Administrator
from console import Console
from demo import Demo
from inspection import Inspection
import sanitizers

CHROMIUM = os.environ.get("REROOT_CHROMIUM", "/usr/bin/chromium")
# A machine that builds at the same time is slow; what never happens is told soon enough all the same.
PATIENCE = 60_000 * sanitizers.PATIENCE
LONGEST = 240 * sanitizers.PATIENCE

expect.set_options(timeout=PATIENCE)


@pytest.fixture(autouse=True)
def bound():
    """The last resort: nothing here may wait for ever."""

    def too_long(*_):
        raise TimeoutError(f"the test took longer than {LONGEST} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", event =>
  console.error(`Content-Security-Policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
LOST = re.compile(r"net::ERR_|Failed to load resource")


class Browsers:
    """Browsers of people who know nothing of each other. Whatever their consoles complain of is a failure."""

    def __init__(self, chromium):
        self.chromium = chromium
        self.contexts = []
        self.complaints = []
        self.may_lose_connections = False

    def new(self, **options):
        context = self.chromium.new_context(
            ignore_https_errors=True, viewport={"width": 1280, "height": 900}, **options
        )
        context.set_default_timeout(PATIENCE)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        context.on("response", self.look)
        self.contexts.append(context)
        return context

    def hear(self, message):
        text = message.text
        if message.type not in ("error", "warning") and "Content Security Policy" not in text:
            return
        # A form that is shown again has the status of a refusal.
        if REFUSED.match(text) or self.may_lose_connections and LOST.search(text):
            return
        self.complaints.append(f"{message.type}: {text}")

    def look(self, response):
        if not response.request.is_navigation_request() or 300 <= response.status < 400:
            return
        policy = response.headers.get("content-security-policy", "")
        if "default-src 'none'" not in policy or "unsafe-" in policy:
            self.complaints.append(f"the policy of {response.url} is “{policy}”")

    def close(self):
        for context in self.contexts:
            context.close()


@pytest.fixture
def browsers(chromium):
    made = Browsers(chromium)
    yield made
    made.close()
    assert not made.complaints, made.complaints


@pytest.fixture
def demo(tmp_path):
    made = Demo(tmp_path / "demo")
    try:
        yield made.start()
    finally:
        made.end(signal.SIGKILL)


@pytest.fixture
def admin(demo, browsers):
    """Somebody signed in to the demo."""
    return Administrator(browsers.new().new_page(), demo.address).sign_in(demo.administrator, demo.password)


@pytest.fixture(scope="session")
def quiet_demo(tmp_path_factory):
    """A demo that everybody uses who neither imports a root nor starts an update."""
    made = Demo(tmp_path_factory.mktemp("quiet") / "demo")
    try:
        yield made.start()
    finally:
        made.end(signal.SIGKILL)


@pytest.fixture
def reader(quiet_demo, browsers):
    """Somebody signed in there."""
    page = browsers.new().new_page()
    return Administrator(page, quiet_demo.address).sign_in(quiet_demo.administrator, quiet_demo.password)


@pytest.fixture
def console(tmp_path):
    """`reroot serve` that nobody has set up yet."""
    made = Console(tmp_path / "serve")
    try:
        yield made.start()
    finally:
        made.stop(signal.SIGKILL)


@pytest.fixture
def inspection():
    return Inspection()
