"""The API as it is described: schemathesis makes requests of the description, and holds the answers against it."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

import update
from api_token import make_token
from authority import Authority
from console import Console
from program import Program
from servers import wait_until

EXAMPLES = os.environ.get("REROOT_API_EXAMPLES", "5")


@pytest.fixture
def served(tmp_path):
    """A console with one of everything that has a number in a path."""
    files = {"certificate": str(tmp_path / "server.pem"), "key": str(tmp_path / "server.key")}
    component = {"name": "web", "names": ["web.example.net"], "files": files, "activation": {"command": ["/bin/true"]}}
    console = Console(tmp_path / "console", "--requests-per-minute", "1000000", components=[component])
    try:
        console.start().set_up()
        update.import_root(console.client, Authority("Plant Root"))
        program, peers = Program(console.client), Authority("Peer Root")
        peers.issue(["console.example.net"], tmp_path / "served")
        program.trust(peers)
        files = {"certificate": "server.pem", "key": "server.key"}
        given = {field: (tmp_path / "served" / name).read_bytes() for field, name in files.items()}
        assert program.upload("/trust-store/server-certificates", {"name": "Web"}, given)[0] == 201
        assert program.send("POST", "/users", {"name": "grace", "role": "viewer"})[0] == 201
        assert program.send("POST", "/plans", {"root": 1, "months": 3})[0] == 201
        # An update that has ended, so that its actions and its decisions are of something.
        assert program.send("POST", "/updates", {"plan": 1, "acceptProblems": True})[0] == 201
        standing = lambda: program.send("GET", "/updates/1")[1]["standing"]
        wait_until(lambda: standing() in ["completed", "deciding"], "the update comes to rest")
        assert standing() == "completed"
        yield console
    finally:
        console.stop()


def test_every_answer_is_one_that_the_description_allows(served, tmp_path):
    token = make_token(served.client)
    # A GET with a body is refused before anything is looked up, and TRACE is answered 501: no resource has it (RFC 9110,
    # section 9.1).
    # What is too long for a request is refused before it is read: 413, 414, 431.
    (tmp_path / "schemathesis.toml").write_text(
        '[phases.coverage]\nunexpected-methods = ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"]\n'
        "[checks.negative_data_rejection]\nexpected-statuses = "
        "[400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 422, 428, 429, 431]\n"
    )
    ran = subprocess.run(
        [
            # Beside tests that have time limits.
            "nice", pathlib.Path(sys.executable).parent / "schemathesis", "run",
            f"https://127.0.0.1:{served.port}/api/v1/openapi.json",
            "--url", f"https://127.0.0.1:{served.port}/api/v1", "--tls-verify", "false",
            "--header", f"Authorization: Bearer {token}", "--max-examples", EXAMPLES, "--seed", "1", "--workers", "1",
            # What does not fit together, and what is no PFX file, no schema can say.
            "--exclude-checks", "positive_data_acceptance",
            "--no-color", "--phases", "examples,coverage,fuzzing",
            # A stream has no end, a token must not end itself, and what is removed is gone for the others.
            "--exclude-operation-id", "watchUpdate", "--exclude-operation-id", "endToken",
            # It would connect to whatever this machine serves.
            "--exclude-operation-id", "findComponents",
        ],
        capture_output=True, text=True, timeout=1200, cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout[-12000:] + ran.stderr[-2000:]
    generated = int(re.search(r"(\d+) generated", ran.stdout).group(1))
    assert generated > 500, ran.stdout
    print(f"figure: requests made of the API's description: {generated}, answers that it does not allow: 0")
