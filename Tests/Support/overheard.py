"""Whatever the servers of the tests say is searched, as it comes, for what they must not give away: answers to the tests'
clients, event streams, and lines of output. `conftest.py` lets the test fail in which something was heard."""
import json
import re

from planted import base64_forms, text_forms

# What no answer has, in every form; what the tests type is added by the modules that say what it is.
SECRETS = {"a private key": {b"PRIVATE KEY-----"}}
END = rb"(?![A-Za-z0-9_-])"
# What the servers make up, and show once to whom it is for.
SHAPES = {
    "a token of the API": re.compile(rb"reroot_[A-Za-z0-9_-]{43}" + END),
    "a link to choose a password": re.compile(rb"/password/[A-Za-z0-9_-]{43}" + END),
    "the link of the first start": re.compile(rb"/setup/[A-Za-z0-9_-]{43}" + END),
    "the secret of a second factor": re.compile(rb"secret=[A-Z2-7]{32}"),
    "a recovery code": re.compile(rb"<code>[0-9a-z]{4}(-[0-9a-z]{4}){3}</code>"),
}
OWN_LINK = "the form on it is sent to where it is: whoever sees it has the link"
# The one list of what is shown by right: where, and why.
ALLOWED = [
    ("a token of the API", r"POST /tokens/new", "the page on which it is made, and no other"),
    ("a token of the API", r"POST /api/v1/tokens", "the answer with which it is made"),
    ("a link to choose a password", r"POST /users/(new|\d+/link)", "the page on which it is made, and no other"),
    ("a link to choose a password", r"POST /api/v1/users(/\d+/password-links)?", "the answer with which it is made"),
    ("a link to choose a password", r"(GET|POST) /password/\S+", OWN_LINK),
    ("the link of the first start", r"output of serve", "there is nobody yet who could be asked"),
    ("the link of the first start", r"(GET|POST) /setup/\S+", OWN_LINK),
    ("the secret of a second factor", r"(GET|POST) /account/second-factor/secret", "for the app, until a code is right"),
    ("a recovery code", r"POST /account/second-factor/secret", "they are written down there"),
]


def typed(name, text):
    """A password that tests type."""
    SECRETS[name] = text_forms(text)
    return text


class Overheard:
    def __init__(self):
        self.hits = []
        self.told = 0
        self.places = 0
        self.bytes = 0
        self.master_keys = {}

    def know(self, port, file):
        """Looks out for the master key in `file` in what the server at a port says."""
        if file.exists():
            self.master_keys[port] = key_forms(file)

    def hear(self, place, content, port=None, session=None):
        self.places += 1
        self.bytes += len(content)
        secrets = {**SECRETS, "the master key": self.master_keys.get(port, ())}
        if session:
            secrets["the session"] = {session.encode()}
        found = [name for name, forms in secrets.items() if any(form in content for form in forms)]
        found += [name for name, shape in SHAPES.items() if shape.search(content)]
        self.hits += [f"{name} in {place}" for name in found if not allows(name, place)]

    def write(self, file):
        file.write_text(json.dumps({"places": self.places, "bytes": self.bytes, "hits": self.hits}))

    def take(self):
        """What was heard since it was last asked."""
        new = self.hits[self.told :]
        self.told += len(new)
        return new


def allows(name, place):
    return any(name == allowed and re.fullmatch(where, place) for allowed, where, _ in ALLOWED)


def key_forms(file):
    """A master key in its file: the bytes, the digits, large and small, and base64 of either."""
    digits = file.read_text().split("\n")[1].strip()
    raw = bytes.fromhex(digits)
    return {raw, digits.encode(), digits.upper().encode(), *base64_forms(raw), *base64_forms(digits.encode())}


overheard = Overheard()
