"""Text that means harm, and what is expected of whatever may show it."""
import csv
import html
import io
import json
import re

# What turns, hides or ends the text beside it, or is a terminal's command.
HIDDEN = "\u202e\u2066\u200f\u061c\u0007\u001b\u2028\u0085\ufeff\u200b\u00ad\u3164"
HARM = "<img src=x>" + HIDDEN + "]0;title\u0007\r\ndata: forged"
# Where nothing that cannot be seen is taken.
SEEN = "<img src=x>\"'{{title}}x&lt;"
# What a terminal is never told, whatever colours a program uses.
COMMANDS = re.compile(r"\x1b(?!\[[0-9;?]*[A-Za-z])")


def harm(word):
    return f"=planted-{word}{HARM}"


def seen(word):
    return f"=planted-{word}{SEEN}"


def without_controls(word):
    """For where control characters are refused, and all that turns or hides text is taken."""
    return "".join(sign for sign in harm(word) if ord(sign) >= 0xA0 or 0x20 <= ord(sign) < 0x7F)


def lines(word):
    """For where several lines are taken."""
    return f"{seen(word)}\r\ndata: forged\n\nevent: forged"


def hidden_in(text):
    return sorted({f"U+{ord(sign):04X}" for sign in HIDDEN if sign in text})


def has_forged(text):
    """Whether a text that was planted begins a line of its own."""
    return any(line.startswith(("data: forged", "event: forged")) for line in text.splitlines())


def expect_text(what, page):
    """An answer by its kind."""
    head, _, body = page.partition(b"\n\n")
    text = body.decode("utf-8", "replace")
    kind = re.search(r"^content-type: ([^;\r\n]*)", head.decode("latin-1"), re.IGNORECASE | re.MULTILINE)
    kind = kind.group(1) if kind else ""
    assert hidden_in(head.decode("latin-1")) == [], what
    if kind == "text/html":
        assert "<img" not in text, what
        assert hidden_in(text) == [] and hidden_in(html.unescape(text)) == [], (what, hidden_in(html.unescape(text)))
    elif kind == "text/csv":
        expect_csv(what, text)
    elif kind in ("application/x-ndjson", "application/jsonl"):
        expect_json_lines(what, text)
    elif kind.startswith("text/"):
        assert hidden_in(text) == [], what
    return kind


def expect_csv(what, text):
    rows = list(csv.reader(io.StringIO(text), strict=True))
    assert {len(row) for row in rows} == {len(rows[0])} and hidden_in(text) == [], what
    cells = [cell for row in rows for cell in row]
    assert any("planted-" in cell for cell in cells)
    assert not [cell for cell in cells if re.match(r"\s*[=+@-]", cell)], what


def expect_json_lines(what, text):
    """A line for each entry, and no sign in it that would end a line elsewhere."""
    lines = text.split("\n")
    assert lines.pop() == "" and len(lines) == len(text.splitlines()) > 20, what
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert hidden_in(text) == [], (what, hidden_in(text))


def expect_stream(content):
    """Events, of the kinds that there are, and comments."""
    lines = content.decode().split("\n")
    assert len(lines) > 20 and hidden_in(content.decode()) == []
    for line in lines:
        assert re.match(r"(event: [a-z-]+|data: ?|id: ?[0-9.-]+|retry: ?\d+$|:|$)", line), line[:200]
        assert not has_forged(line), line
    assert "<img" not in content.decode() and "planted-output" in content.decode()


def expect_terminal(words, text):
    assert "planted-" in text, (words, text)
    assert not COMMANDS.search(text) and hidden_in(text.replace("\x1b", "")) == [], (words, hidden_in(text), text)
    assert not has_forged(text), (words, text)
