"""The steps of an update as an administrator takes them, over the pages' own forms."""
import re
import time

from overheard import typed
from servers import wait_until

PFX_PASSWORD = typed("the password of a PFX file", "Root-2026!")


def import_root(client, authority):
    """Uploads a root and confirms it; returns its path in Certificate Management."""
    form = client.get("/roots/import").form("/roots/import")
    field = "file"
    page = client.upload(
        form["action"], {**form["fields"], "password": PFX_PASSWORD},
        [(field, f"{authority.name}.pfx", authority.pfx(PFX_PASSWORD))],
    )
    assert page.status == 200, page.text
    confirm = page.form("/roots/import/[^/]+")
    page = client.post(confirm["action"], {**confirm["fields"], "name": authority.name})
    assert page.status == 200 and authority.name in page.text, page.text
    links = re.findall(r'href="(/roots/\d+)/update"', page.text)
    # The newest root has the highest number.
    return max(links, key=lambda link: int(link.rsplit("/", 1)[1]))


def make_plan(client, root, months=3, policy="stop", https="existing"):
    """Fills the form of the update; returns the plan's page."""
    form = client.get(f"{root}/update").form("/plans")
    fields = {**form["fields"], "months": str(months), "policy": policy, "https": https}
    page = client.post("/plans", fields)
    assert page.status == 200, page.text
    return page


def start(client, plan, in_spite_of_problems=False):
    """Starts the update of a plan's page; returns the update's path."""
    form = plan.form("/updates")
    accepted = {"acceptProblems": "yes"} if in_spite_of_problems else {}
    page = client.post("/updates", form["fields"] | accepted)
    assert page.status == 200, page.text
    assert re.fullmatch(r"/updates/\d+", client.location or ""), client.location
    return client.location


STANDING = re.compile(r'data-standing="([a-zA-Z]+)"')


def standing(client, update):
    found = STANDING.search(client.get(update).text)
    assert found, "the page of the update does not say how it stands"
    return found.group(1)


def wait_for(client, update, *wanted, limit=60):
    """Waits until the update stands as wanted; returns its page."""
    last = {}

    def reached():
        last["page"] = client.get(update)
        found = STANDING.search(last["page"].text)
        last["standing"] = found and found.group(1)
        return last["standing"] in wanted

    try:
        wait_until(reached, f"{update} standing {' or '.join(wanted)}", limit)
    except AssertionError as error:
        raise AssertionError(f"{error}; it stands {last['standing']}: {failures(last['page'])}") from None
    return last["page"]


def failures(page):
    """What failed, on the page of an update: what and the sentence, as they stand there."""
    return re.findall(r'<li class="failure"[^>]*>\s*<h3>(.*?)</h3>\s*<p>(.*?)</p>', page.text, re.DOTALL)


def wait_for_end(client, update, wanted, limit=60):
    """Waits until the update has ended or asks, and expects it to stand as wanted."""
    page = wait_for(
        client, update, "deciding", "completed", "completedWithErrors", "rolledBack", "rolledBackWithErrors", limit=limit
    )
    found = STANDING.search(page.text).group(1)
    assert found == wanted, f"{update} stands {found} and not {wanted}: {failures(page)}"
    return page


def decide(client, update, decision, page=None, reason="The test wants it so."):
    """Presses one of the four buttons; returns the answer without following it."""
    page = page or client.get(update)
    form = page.form(f"{update}/decisions", decision=decision)
    fields = form["fields"]
    if "reason" in fields:
        fields = {**fields, "reason": reason}
    return client.post(form["action"], fields, follow=False)


def abort_at_once(client, update):
    """Presses Abort while something hangs: within 2 s it is answered, and shown. Returns the page that shows it."""
    page = client.get(update)
    begun = time.monotonic()
    answer = decide(client, update, "abort", page=page)
    answered = time.monotonic() - begun
    page = client.get(update)
    shown = time.monotonic() - begun
    print(f"Abort answered after {answered:.2f} s, shown after {shown:.2f} s")
    assert answer.status == 303, answer.text
    assert "Stopping, to roll back" in page.text and "Abort is chosen" in page.text
    assert shown < 2
    return page
