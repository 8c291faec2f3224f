"""What a person with good eyes, or without any, would complain of on a page. Leaves screenshots."""
import pathlib

from axe_playwright_python.sync_playwright import Axe

SCREENSHOTS = pathlib.Path(__file__).parent / "screenshots"
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
