"""What SECURITY.md names as the test or the place that meets a line is there."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACE = re.compile(r"`((?:Tests|Sources|Public|Scripts)/[^` ]+|\w+\.swift|test_\w+\.py|Package\.swift)")
QUOTED = re.compile(r"“([^”…]+)”")


def files():
    return [path for folder in ("Tests", "Sources", "Public", "Scripts") for path in (ROOT / folder).rglob("*")
            if ".venv" not in path.parts] + [ROOT / "Package.swift"]


def test_every_place_that_it_names_is_there():
    text = (ROOT / "SECURITY.md").read_text()
    there = files()
    names = {name.rstrip("/") for name in PLACE.findall(text)}
    assert len(names) > 40
    missing = [name for name in names if not (ROOT / name).exists() and not any(path.name == name for path in there)]
    assert not missing


def test_every_test_that_it_quotes_is_there():
    titles = [title for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith("| ")
              for title in QUOTED.findall(line)]
    sources = "".join(path.read_text() for path in files() if path.suffix == ".swift" and "Tests" in path.parts)
    assert len(titles) >= 4
    assert not [title for title in titles if title not in sources]
