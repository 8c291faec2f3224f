"""A client that makes one new connection after the other, with a real program, and writes down what became of each.

    client.py KIND COMBINED BUNDLE PORT RESULTS

Each attempt takes what the files hold at its beginning. COMBINED holds certificate and key and is replaced by renaming,
so one reading of it gets a pair that belongs together; the program, which opens its certificate and its key one after
the other, is given a copy of that reading. Two files that are opened separately can be met in the middle of their
replacement by any program, whoever replaces them.
"""
import os
import pathlib
import signal
import subprocess
import sys
import time

from outcome import judge

LIMIT = 15
# At most 25 connections a second: the servers need the processor as well.
PACE = 0.04


def web(own, bundle, port):
    return ["curl", "-sS", "-4", "--max-time", str(LIMIT), "--cacert", bundle, "--cert", own, "--key", own,
            "-o", "-", "-w", "\nHTTP %{http_code}\n", f"https://localhost:{port}/"]


def download(own, bundle, port):
    return [*web(own, bundle, port)[:-1], f"https://localhost:{port}/download"]


def sql(own, bundle, port):
    options = {"host": "localhost", "hostaddr": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres",
               "sslmode": "verify-full", "sslrootcert": bundle, "sslcert": own, "sslkey": own}
    return ["psql", "-XAtq", " ".join(f"{key}='{value}'" for key, value in options.items()), "-c", "select 1"]


def publish(own, bundle, port):
    return ["mosquitto_pub", "-h", "127.0.0.1", "-p", port, "--cafile", bundle, "--cert", own, "--key", own,
            "-q", "1", "-t", "readings", "-m", "1"]


def cache(own, bundle, port):
    return ["redis-cli", "-e", "-h", "127.0.0.1", "-p", port, "--tls", "--sni", "localhost", "--cacert", bundle,
            "--cert", own, "--key", own, "PING"]


KINDS = {kind.__name__: kind for kind in (web, download, sql, publish, cache)}
# What the answer of a server ends with; a program that ends well without it has not been answered.
ANSWERS = {web: "HTTP 200", download: "HTTP 200", sql: "1", publish: "", cache: "PONG"}


def copy_of(combined, scratch):
    """A private copy of one reading of the file."""
    copy = scratch / "own.pem"
    copy.unlink(missing_ok=True)
    with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(combined.read_bytes())
    return str(copy)


def attempt(kind, own, bundle, port):
    """What became of one connection, and what the program said unless all went well."""
    try:
        done = subprocess.run(
            kind(own, bundle, port), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=LIMIT + 5,
        )
    except subprocess.TimeoutExpired as error:
        return judge(None, ""), (error.stdout or b"").decode("utf-8", "replace")
    text = done.stdout.decode("utf-8", "replace").strip()
    code = done.returncode
    if code == 0 and not text.endswith(ANSWERS[kind]):
        code = -1
    # A download that has begun was connected all the way.
    return judge(code, text, connected=kind is download and text.startswith(".")), text.strip(".")


def main(kind, combined, bundle, port, results):
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    combined = pathlib.Path(combined)
    scratch = pathlib.Path(results).parent
    with open(results, "a", buffering=1) as file:
        while not ended:
            begun = time.time()
            outcome, text = attempt(KINDS[kind], copy_of(combined, scratch), bundle, port)
            words = "" if outcome == "ok" else " ".join(text.split())[:300]
            file.write(f"{begun:.3f}\t{outcome}\t{words}\n")
            time.sleep(max(0, begun + PACE - time.time()))


if __name__ == "__main__":
    main(*sys.argv[1:])
