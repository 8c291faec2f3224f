"""Tokens for the API, made as an administrator makes them."""
import os
import re
import uuid

import console


def make_token(client, role="administrator"):
    """Makes a token on its page; it is shown there once."""
    form = client.get("/tokens/new").form("/tokens/new")
    fields = {"name": f"test {uuid.uuid4()}", "role": role, "days": "1", "current": console.PASSWORD}
    page = client.post("/tokens/new", {**form["fields"], **fields})
    return re.search(r'<code id="link">(reroot_[^<]+)</code>', page.text).group(1)


def write_token(folder, client, role="administrator"):
    """A file with a token, for its owner only; its path."""
    path = folder / f"{role}-token"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(make_token(client, role) + "\n")
    return path
