"""A running console, and a client that fills its forms as a browser without JavaScript would."""
import html.parser
import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import threading
import time
import urllib.parse
import uuid

from overheard import overheard, typed

PROGRAM = os.environ.get("REROOT_PROGRAM") or str(
    pathlib.Path(__file__).resolve().parents[2] / ".build" / "debug" / "reroot"
)
PASSWORD = typed("an administrator's password", "an owl, a kettle and a fish")


class Forms(html.parser.HTMLParser):
    """The forms of a page with what a browser would send of them untouched."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.select = None
        self.area = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "fields": {}, "buttons": []})
        if not self.forms:
            return
        fields = self.forms[-1]["fields"]
        name = attributes.get("name")
        if tag == "input" and name:
            kind = attributes.get("type", "text")
            if kind in ("checkbox", "radio"):
                if "checked" in attributes:
                    fields[name] = attributes.get("value", "on")
            elif kind not in ("submit", "file"):
                fields[name] = attributes.get("value", "")
        elif tag == "button" and name:
            self.forms[-1]["buttons"].append((name, attributes.get("value", "")))
        elif tag == "select" and name:
            self.select = name
        elif tag == "option" and self.select:
            if self.select not in fields or "selected" in attributes:
                fields[self.select] = attributes.get("value", "")
        elif tag == "textarea" and name:
            self.area = name
            fields[name] = ""

    def handle_endtag(self, tag):
        if tag == "select":
            self.select = None
        if tag == "textarea":
            self.area = None

    def handle_data(self, data):
        if self.area and self.forms:
            self.forms[-1]["fields"][self.area] += data


class Page:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        self.text = body.decode("utf-8", "replace")

    def forms(self):
        return Forms(self.text).forms

    def form(self, action, **fields):
        """The form that posts to an address (a regular expression) and has these values already."""
        for form in self.forms():
            if re.fullmatch(action, form["action"]) and all(form["fields"].get(k) == v for k, v in fields.items()):
                return form
        raise AssertionError(f"no form for {action} {fields} among {[f['action'] for f in self.forms()]}")


class Client:
    def __init__(self, port):
        self.port = port
        self.cookies = {}
        self.context = ssl._create_unverified_context()

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.context)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        sent = dict(headers or {})
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        page = Page(answer.status, answer.headers, answer.read())
        connection.close()
        head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items() if name.lower() != "set-cookie")
        overheard.hear(f"{method} {path}", head.encode() + page.body, self.port, self.cookies.get("__Host-reroot"))
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name.strip()] = value.strip()
        return page

    def get(self, path):
        page = self.request("GET", path)
        while page.status in (302, 303):
            page = self.request("GET", page.headers["Location"])
        return page

    def post(self, path, fields, follow=True):
        body = urllib.parse.urlencode(fields, doseq=True)
        page = self.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        return self.follow(page) if follow else page

    def upload(self, path, fields, files, follow=True):
        """Posts multipart/form-data; files are (field, file name, bytes)."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        for name, file, content in files:
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n'
            parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n")
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        page = self.request("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
        return self.follow(page) if follow else page

    def follow(self, page):
        self.location = None
        while page.status in (302, 303):
            self.location = page.headers["Location"]
            page = self.request("GET", self.location)
        return page


class Console:
    """`reroot serve` on a folder of its own, with an administrator who has signed in."""

    def __init__(self, folder, *options, components=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.options = list(options)
        if components is not None:
            file = self.folder / "components.yaml"
            file.write_text(json.dumps({"components": components}))
            self.options += ["--components", str(file)]
        self.process = None
        self.port = 0
        self.output = []
        self.environment = None
        # Of the master key, where it is derived from one; it is read from standard input.
        self.passphrase = None

    def start(self, port=0):
        """Starts it, at the port that it had before if one is given: a connection that has that one meanwhile goes away."""
        end = time.monotonic() + 60
        self.launch(port)
        while port and re.search("Port .* is taken", self.text()) and time.monotonic() < end:
            time.sleep(0.2)
            self.launch(port)
        found = re.search(r"https://[^\s/]+:(\d+)", self.text())
        assert found, f"the console did not start: {self.text()}"
        self.port = int(found.group(1))
        overheard.know(self.port, self.folder / "data" / "master.key")
        self.client = Client(self.port)
        return self

    def launch(self, port):
        words = [PROGRAM, "serve", "--data", str(self.folder / "data"), "--listen", f"127.0.0.1:{port}", *self.options]
        if self.passphrase is not None:
            words.append("--master-key-passphrase")
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment,
            stdin=subprocess.DEVNULL if self.passphrase is None else subprocess.PIPE,
        )
        if self.passphrase is not None:
            self.process.stdin.write(self.passphrase + "\n")
            self.process.stdin.close()
        self.output = []
        ready = threading.Event()

        def read():
            for line in self.process.stdout:
                self.output.append(line)
                overheard.hear("output of serve", line.encode(), self.port)
                if re.search(r"https://\S+", line):
                    ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        assert ready.wait(60), "the console did not say where it answers"

    def text(self):
        return "".join(self.output)

    def set_up(self, name="ada"):
        end = time.monotonic() + 10
        while not re.search(r"/setup/\S+", self.text()) and time.monotonic() < end:
            time.sleep(0.02)
        path = re.search(r"(/setup/[^\s]+)", self.text()).group(1)
        form = self.client.get(path).form(".*")
        names = list(form["fields"])
        fields = dict(form["fields"])
        for field in names:
            if "password" in field.lower() or "again" in field.lower() or "repeat" in field.lower():
                fields[field] = PASSWORD
            elif field == "name":
                fields[field] = name
        page = self.client.post(form["action"], fields)
        assert page.status == 200, page.text
        self.sign_in(name)
        return self

    def sign_in(self, name="ada"):
        self.client.cookies = {}
        form = self.client.get("/sign-in").form("/sign-in.*")
        page = self.client.post("/sign-in", {**form["fields"], "name": name, "password": PASSWORD})
        assert page.status == 200 and "__Host-reroot" in self.client.cookies, page.text
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the console did not end on SIGTERM")
        return self.process.returncode
