"""Whoever tries a name learns neither from the answer nor from its time whether there is somebody of that name.

Each attempt costs one scrypt, which is most of its time: where one kind cost none, or two, its time would differ by a
factor of two at least. Kinds are tried in turn, so that whatever else the machine does meets them alike.
"""
import base64
import hashlib
import http.client
import re
import sqlite3
import statistics
import time
import urllib.parse

import pytest

from authenticator import set_up_second_factor
from console import PASSWORD, Client, Console, Page
from program import Program

# Names of one length: it stands in the answer.
NAMES = {
    "unknown name": "eve", "wrong password": "ada", "second factor": "ivy", "older hash": "kim", "removed user": "tom",
}
REFERENCE = "unknown name"
# The middle between the same and twice as much.
LIMIT = 2 ** 0.5
# A name may be tried 60 times by all strangers together.
ROUNDS, MOST_ROUNDS = 15, 45


def add(program, port, name):
    """Somebody with a password of his own, signed in."""
    status, answer = program.send("POST", "/users", {"name": name, "role": "viewer"})
    assert status == 201, answer
    client = Client(port)
    form = client.get(answer["link"]["path"]).form("/password/.*")
    chosen = {field: PASSWORD for field in form["fields"] if "password" in field or "again" in field}
    assert client.post(form["action"], {**form["fields"], **chosen}).status == 200
    form = client.get("/sign-in").form("/sign-in.*")
    assert client.post("/sign-in", {**form["fields"], "name": name, "password": PASSWORD}).status == 200
    return answer["user"]["id"], client


def half_the_work(folder, name):
    """Gives somebody a hash as it was made when it cost half as much."""
    salt = bytes(range(16))
    made = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=32, maxmem=1 << 26)
    salt, made = (base64.b64encode(part).decode().rstrip("=") for part in (salt, made))
    database = sqlite3.connect(folder / "data" / "reroot.sqlite", timeout=20)
    with database:
        hashed = f"$scrypt$ln=14,r=8,p=1${salt}${made}"
        assert database.execute("UPDATE users SET password_hash = ? WHERE name = ?", (hashed, name)).rowcount == 1
    database.close()


@pytest.fixture
def console(tmp_path):
    made = Console(tmp_path).start().set_up(NAMES["wrong password"])
    try:
        program = Program(made.client)
        _, ivy = add(program, made.port, NAMES["second factor"])
        set_up_second_factor(ivy, PASSWORD)
        add(program, made.port, NAMES["older hash"])
        half_the_work(tmp_path, NAMES["older hash"])
        removed, _ = add(program, made.port, NAMES["removed user"])
        assert program.send("DELETE", f"/users/{removed}?reason=It%20is%20over.")[0] == 204
        yield made
    finally:
        made.stop()


def attempt(console, name, place):
    """A wrong password from an address where nobody has failed yet; what was answered, and after how many seconds."""
    client = Client(console.port)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", console.port, timeout=60, context=client.context, source_address=(place, 0)
    )
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    page = Page(answer.status, answer.headers, answer.read())
    cookies = "; ".join(cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie"))
    fields = {**page.form("/sign-in.*")["fields"], "name": name, "password": "a wrong one of some length"}
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}
    began = time.monotonic()
    connection.request("POST", "/sign-in", urllib.parse.urlencode(fields), sent)
    answer = connection.getresponse()
    page = Page(answer.status, answer.headers, answer.read())
    took = time.monotonic() - began
    connection.close()
    return page, took


def shown(page, name):
    """All of an answer but what differs from one browser to the next."""
    assert page.text.count(f'value="{name}"') == 1, page.text
    text = re.sub("[0-9a-f]{64}", "TOKEN", page.text.replace(f'value="{name}"', 'value="NAME"'))
    fields = [(field, value) for field, value in page.headers.items() if field.lower() != "date"]
    return page.status, tuple(re.sub("[0-9a-f]{64}", "TOKEN", f"{field}: {value}") for field, value in fields), text


def ratios(times):
    """The middle of what each kind took in the measure of the reference beside it."""
    return {
        kind: statistics.median(one / reference for one, reference in zip(taken, times[REFERENCE]))
        for kind, taken in times.items()
    }


def test_no_attempt_to_sign_in_tells_by_its_answer_or_its_time_whether_there_is_such_a_user(console):
    times, answers = {kind: [] for kind in NAMES}, set()
    kinds = list(NAMES)
    for number in range(1, MOST_ROUNDS + 1):
        kinds = kinds[1:] + kinds[:1]
        for kind in kinds:
            page, took = attempt(console, NAMES[kind], f"127.0.1.{number}")
            assert page.status == 422, (kind, page.status)
            answers.add(shown(page, NAMES[kind]))
            times[kind].append(took)
        # A machine with much else to do gets more rounds; what differs by a factor stays so however many there are.
        found = ratios(times)
        if number % ROUNDS == 0 and all(1 / LIMIT < ratio < LIMIT for ratio in found.values()):
            break
    told = ", ".join(f"{kind} {found[kind]:.2f} ({statistics.median(times[kind]) * 1000:.0f} ms)" for kind in NAMES)
    print(f"figure: failed attempts to sign in, {number} of each kind, beside one of an {REFERENCE}: {told}")
    assert len(answers) == 1, answers
    assert all(1 / LIMIT < ratio < LIMIT for ratio in found.values()), told
