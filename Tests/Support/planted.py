"""Secrets that a test plants, in every form in which they could turn up."""
import base64
import urllib.parse

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def base64_forms(secret):
    """What stands in base64 of anything that holds the secret, whatever is before and behind it."""
    forms = []
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret)
        first = -(-before * 8 // 6)
        last = (before + len(secret)) * 8 // 6
        forms.append(text[first:last])
    return forms


def text_forms(secret):
    """A password or PIN: raw, hexadecimal, base64, URL-encoded, and as Windows has it."""
    raw = secret.encode()
    return {
        raw, raw.hex().encode(), raw.hex().upper().encode(), urllib.parse.quote_plus(secret).encode(),
        urllib.parse.quote(secret).encode(), secret.encode("utf-16-le"), secret.encode("utf-16-be"), *base64_forms(raw),
    }


def key_forms(key):
    """A private key: its private numbers as integers of DER, raw, in hexadecimal and base64, and the lines of its PEM."""
    numbers = key.private_numbers()
    secrets = [numbers.d, numbers.p, numbers.q] if isinstance(key, rsa.RSAPrivateKey) else [numbers.private_value]
    forms = set()
    for number in secrets:
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        forms |= {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), str(number).encode(), *base64_forms(raw)}
    for layout in [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]:
        pem = key.private_bytes(serialization.Encoding.PEM, layout, serialization.NoEncryption())
        # The first lines of keys of a kind are alike, and the last may hold the public half alone.
        forms |= set(pem.splitlines()[2:3])
    return {form for form in forms if len(form) >= 8}


def byte_forms(secret):
    """A secret of random bytes: raw, hexadecimal, base64, and base32 with and without gaps, as people type it."""
    text = base64.b32encode(secret).decode().rstrip("=")
    grouped = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    forms = {secret, secret.hex().encode(), secret.hex().upper().encode(), *base64_forms(secret)}
    return forms | text_forms(text) | text_forms(text.lower()) | text_forms(grouped)


class Planted:
    """The secrets by what they are, and where they were found."""

    def __init__(self):
        self.forms = {}
        self.hits = []
        self.places = 0
        self.bytes = 0

    def text(self, name, secret):
        self.forms[name] = text_forms(secret)
        return secret

    def random(self, name, secret):
        self.forms[name] = byte_forms(secret)
        return secret

    def key(self, name, key):
        self.forms[name] = key_forms(key)
        return key

    def search(self, content, place, but=()):
        """Looks through bytes; what is there by right is left out by its name."""
        self.places += 1
        self.bytes += len(content)
        for name, forms in self.forms.items():
            if name not in but and any(form in content for form in forms):
                self.hits.append(f"{name} in {place}")
