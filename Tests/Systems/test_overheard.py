"""The search that goes along with every test, and the one after all of them: they find what they are for."""
import contextlib
import gzip
import secrets
import sqlite3

import leftovers
import overheard
from overheard import Overheard

TOKEN = secrets.token_urlsafe(32)
MADE_UP = {
    "a token of the API": f"reroot_{TOKEN}",
    "a link to choose a password": f"https://localhost/password/{TOKEN}",
    "the link of the first start": f"https://localhost/setup/{TOKEN}",
    "the secret of a second factor": "otpauth://totp/x?secret=" + "ABCDEFG234567XYZ" * 2 + "&digits=6",
    "a recovery code": "<li><code>7k2m-9xq4-c0vd-h3ns</code></li>",
}


def heard(content, place="GET /roots", **known):
    one = Overheard()
    one.hear(place, content, **known)
    return [hit.removesuffix(f" in {place}") for hit in one.take()]


def test_what_is_typed_and_what_is_made_up_is_heard_in_an_answer():
    assert len(overheard.SECRETS) >= 5 and set(MADE_UP) == set(overheard.SHAPES)
    for name, forms in overheard.SECRETS.items():
        for form in forms:
            assert name in heard(b"before " + form + b" behind"), (name, form)
    for name, text in MADE_UP.items():
        assert heard(f"before {text}\" behind".encode()) == [name]
    assert heard(b'<input value="' + TOKEN.encode() + b'">', session=TOKEN) == ["the session"]
    assert heard(b"<h1>Certificate Management</h1> /password/new reroot_build_info /setup/") == []


def test_the_page_that_shows_it_once_may_and_every_other_may_not():
    made = MADE_UP["a token of the API"].encode()
    assert heard(made, "POST /tokens/new") == []
    for place in ["GET /tokens", "GET /tokens/new", "POST /tokens/new/x", "event stream", "output of serve"]:
        assert heard(made, place) == ["a token of the API"]
    # What may be shown by name is shown by some server of the suites, and nothing that is typed is among it.
    assert not {name for name, _, _ in overheard.ALLOWED} & set(overheard.SECRETS)


def test_a_master_key_is_heard_from_its_own_server(tmp_path):
    file = tmp_path / "master.key"
    digits = secrets.token_hex(32)
    file.write_text(f"a key\n{digits}\n")
    one = Overheard()
    one.know(7, file)
    one.hear("output of serve", f"k={digits.upper()}".encode(), 7)
    one.hear("output of serve", f"k={digits}".encode(), 8)
    assert one.take() == ["the master key in output of serve"] and one.take() == []


def test_what_is_left_in_files_is_found_but_where_it_belongs(tmp_path):
    # Put together here, so that this test does not leave behind what is looked for.
    opens = "-----BEGIN " + "PRIVATE KEY-----"
    data = tmp_path / "live" / "data"
    data.mkdir(parents=True)
    digits = secrets.token_hex(32)
    (data / "master.key").write_text(f"a key\n{digits}\n")
    (data / "reroot.sqlite").write_text("")
    (data / "reroot.sqlite-wal").write_text(f"x{digits}x")
    (data / "server.key").write_text(opens)
    (tmp_path / "server.key").write_text(opens)
    (tmp_path / "server.log").write_text(opens)
    try:
        count, of_data, hits = leftovers.search(tmp_path)
    finally:
        for path in [data / "reroot.sqlite-wal", data / "server.key", tmp_path / "server.log"]:
            path.unlink()
    assert (count, of_data) == (6, 4)
    assert {hit.split(str(tmp_path))[1] for hit in hits} == {
        "/live/data/reroot.sqlite-wal", "/live/data/server.key", "/server.log",
    }


def test_what_is_compressed_in_a_database_is_found_too(tmp_path):
    opens = "-----BEGIN " + "PRIVATE KEY-----"
    (tmp_path / "master.key").write_text(f"a key\n{secrets.token_hex(32)}\n")
    with contextlib.closing(sqlite3.connect(tmp_path / "reroot.sqlite")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE plans (packed BLOB)")
        database.executemany("INSERT INTO plans VALUES (?)", [(gzip.compress(b"a plan"),), (None,)])
        database.commit()
        assert leftovers.search(tmp_path)[2] == []
        # In the log beside the database.
        database.execute("INSERT INTO plans VALUES (?)", (gzip.compress(opens.encode()),))
        database.commit()
        assert leftovers.search(tmp_path)[2] == [f"a private key in {tmp_path}/reroot.sqlite"]
        database.execute("DELETE FROM plans")
        database.commit()
