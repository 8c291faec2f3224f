"""The page of a large update stays smooth while it goes on, and comes soon over a slow line, as Chromium itself counts it."""
import signal
import time

import pytest

import sanitizers
import update as steps
from administrator import Administrator
from authority import Authority
from console import PASSWORD, Console
from many import components

COUNT = 300
# Its script draws ten times a second at most; once a second the clock of the page goes on besides.
LAYOUTS_A_SECOND = 12
# WebPageTest's “3G”: 1.6 Mbit/s and 300 ms from question to answer.
SLOW_LINE = {"offline": False, "latency": 300, "downloadThroughput": 200_000, "uploadThroughput": 96_000}
FIRST_PAINT = 2.0 * sanitizers.PATIENCE


@pytest.fixture
def large(tmp_path):
    """A console with many components that take their time, and the page of a plan for them."""
    console = Console(tmp_path / "serve", components=components(tmp_path, COUNT, lambda _: ["/bin/sleep", "0.2"]))
    try:
        client = console.start().set_up().client
        yield console, client, steps.make_plan(client, steps.import_root(client, Authority("New Root")))
    finally:
        console.stop(signal.SIGKILL)


NODES = """() => {
  let count = 0
  for (const walker = document.createTreeWalker(document); walker.nextNode();) count++
  return count
}"""


class Measure:
    """What Chromium counts of a page (DevTools protocol, domain Performance)."""

    def __init__(self, page):
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable")

    def now(self):
        """The figures after what nobody needs any more was thrown away."""
        self.session.send("HeapProfiler.collectGarbage")
        found = self.session.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found} | {"at": time.monotonic()}


def test_ten_drawings_a_second_at_most_and_no_more_memory_at_the_end_than_in_the_middle(large, browsers):
    console, client, plan = large
    page = browsers.new().new_page()
    admin = Administrator(page, f"https://127.0.0.1:{console.port}").sign_in("ada", PASSWORD)
    measure = Measure(page)
    admin.open(steps.start(client, plan))
    page.locator("#log > :nth-child(200)").wait_for()
    middle = measure.now()
    admin.expect_standing("completed")
    end = measure.now()
    took = end["at"] - middle["at"]
    layouts = end["LayoutCount"] - middle["LayoutCount"]
    print(
        f"{took:.1f} s watched: {layouts / took:.1f} layouts a second; heap {middle['JSHeapUsedSize'] / 1e6:.1f} MB, then {end['JSHeapUsedSize'] / 1e6:.1f} MB; "
        f"nodes {middle['Nodes']:.0f}, then {end['Nodes']:.0f}")
    # The questions that the test asks of the page lay it out, too.
    assert layouts <= LAYOUTS_A_SECOND * took + 10
    assert page.locator("#rows tr[id^=component-]").count() == 80
    assert page.locator("#log > *").count() == 200
    assert end["JSHeapUsedSize"] <= 1.2 * middle["JSHeapUsedSize"] + 1e6
    # What was taken out of the page goes when its collector likes; thousands of entries would be many times as much.
    assert end["Nodes"] <= 3 * page.evaluate(NODES)


RESOURCES = """() => performance.getEntriesByType("resource").map(one => ({
  name: new URL(one.name).pathname, versioned: new URL(one.name).searchParams.has("v"), type: one.initiatorType,
  sent: one.encodedBodySize, size: one.decodedBodySize, cached: one.transferSize === 0 }))"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def test_over_3g_the_first_paint_comes_within_two_seconds(large, browsers):
    console, client, plan = large
    path = steps.start(client, plan)
    steps.wait_for(client, path, "completed", limit=120)
    signed_in = browsers.new()
    page = signed_in.new_page()
    Administrator(page, f"https://127.0.0.1:{console.port}").sign_in("ada", PASSWORD, path)
    session = signed_in.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.clearBrowserCache")
    session.send("Network.emulateNetworkConditions", SLOW_LINE)
    page.goto(page.url)
    page.wait_for_function(PAINTED)
    painted = page.evaluate(PAINTED) / 1000
    loaded = {one["name"]: one for one in page.evaluate(RESOURCES) if not one["name"].endswith("/events")}
    print(f"first paint after {painted:.2f} s; " + ", ".join(f"{name} {one['sent']}" for name, one in loaded.items()))
    assert painted <= FIRST_PAINT
    assert sum(name.endswith(".css") for name in loaded) == 1
    assert sum(name.endswith(".js") for name in loaded) <= 2
    assert not [name for name in loaded if not name.endswith((".css", ".js", ".svg"))]
    for name, one in loaded.items():
        assert one["versioned"], f"{name} is not kept by its content's hash"
        if one["size"] > 5_000:
            assert one["sent"] < one["size"] / 2, f"{name} was not sent compressed"

    page.goto(page.url)
    again = [one for one in page.evaluate(RESOURCES) if one["name"].endswith((".css", ".js"))]
    assert again and all(one["cached"] for one in again)
