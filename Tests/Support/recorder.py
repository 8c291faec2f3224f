"""A client that keeps every answer, a reader of events, and a walk over everything that an administrator can open."""
import re
import subprocess

from console import Client


class Recorder(Client):
    """A client that keeps every answer, with its header."""

    answers = []

    def request(self, method, path, body=None, headers=None):
        page = super().request(method, path, body, headers)
        self.answers.append((f"{method} {path}", page.status, str(page.headers).encode() + page.body))
        return page


class Events:
    """Reads the event stream of an update into a file."""

    def __init__(self, client, path, file):
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self.file = file
        self.process = subprocess.Popen(
            ["curl", "-skN", "--max-time", "120", "-o", str(file), "-H", "@-", f"https://127.0.0.1:{client.port}{path}"],
            stdin=subprocess.PIPE,
        )
        self.process.stdin.write(f"Cookie: {cookies}\n".encode())
        self.process.stdin.close()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def visit_everything(client):
    """Every page that a link of another page leads to."""
    seen, waiting = set(), ["/roots"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.endswith("/events") or len(seen) > 300:
            continue
        seen.add(path)
        page = client.get(path)
        if "text/html" in (page.headers.get("Content-Type") or ""):
            waiting += [link for link in re.findall(r'href="(/[^"#]*)"', page.text) if not link.endswith((".css", ".svg"))]
    assert len(seen) > 20, seen
    return seen
