"""An authenticator app: RFC 6238 with the usual parameters, and a camera."""
import base64
import hashlib
import hmac
import html
import io
import re
import struct
import time
import urllib.parse

import zxingcpp
from PIL import Image


class Authenticator:
    def __init__(self, uri):
        parts = urllib.parse.urlsplit(uri)
        query = dict(urllib.parse.parse_qsl(parts.query))
        assert (parts.scheme, parts.netloc) == ("otpauth", "totp"), uri
        assert (query["algorithm"], query["digits"], query["period"]) == ("SHA1", "6", "30"), uri
        self.account = urllib.parse.unquote(parts.path.lstrip("/"))
        self.secret = query["secret"]
        self.key = base64.b32decode(self.secret)
        self.last = 0

    @classmethod
    def scan(cls, picture):
        """Takes what a camera reads in a picture (PNG)."""
        found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("L"))
        assert len(found) == 1, [one.text for one in found]
        return cls(found[0].text)

    def code(self):
        """The code of the present step, or of the next one where that was given before, which a server still takes: nobody
        waits here for half a minute."""
        self.last = max(int(time.time()) // 30, self.last + 1)
        digest = hmac.new(self.key, struct.pack(">Q", self.last), hashlib.sha1).digest()
        start = digest[19] & 15
        number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
        return f"{number % 1_000_000:06}"


def begin(client, password):
    """Asks for a second factor; the app that knows its secret now, and the page that shows it and asks for a code."""
    form = client.get("/account/second-factor").form("/account/second-factor")
    page = client.post(form["action"], {**form["fields"], "current": password})
    return Authenticator(html.unescape(re.search(r'id="uri" href="([^"]*)"', page.text).group(1))), page


def confirm(client, page, app):
    """Gives the first code; the recovery codes, which the answer shows."""
    form = page.form("/account/second-factor/secret")
    page = client.post(form["action"], {**form["fields"], "code": app.code()})
    codes = re.findall("<li><code>([^<]*)</code></li>", page.text)
    assert len(codes) == 10, page.text
    return codes


def set_up_second_factor(client, password):
    """Turns on the second factor of whoever is signed in; the app for it."""
    app, page = begin(client, password)
    confirm(client, page, app)
    return app
