"""What became of one attempt to use a server, judged by what the client's program says."""
import re

OK = "ok"
CLOSED = "closed while idle"
BY_CLIENT = "refused by the client"
BY_SERVER = "refused by the server"
BEHIND = "refused behind a proxy"
UNREACHABLE = "refused connection"
DROPPED = "dropped connection"
FILES = "unusable files"
SLOW = "no answer in time"
OTHER = "other"
REFUSED = [BY_CLIENT, BY_SERVER, BEHIND]
BAD = [*REFUSED, UNREACHABLE, DROPPED, FILES, SLOW, OTHER]

# The first that is found in what a program wrote decides.
PATTERNS = [
    # Read before anything is sent: the program cannot use what it was given.
    (FILES, r"key values mismatch|does not match private key|unable to load client (cert|key)|unable to set private key"
            r"|could not (read|load|open).*(certificate|private key)|Problem with the local SSL certificate"
            r"|Could not negotiate a TLS connection: Invalid"),
    # nginx and HAProxy answer so when they cannot connect to the one behind them.
    (BEHIND, r"^HTTP(/1\.1)? (502|503)"),
    (BY_CLIENT, r"verify failed|certificate problem|unable to get local issuer|A TLS error occurred"),
    # nginx completes the handshake with a client that it does not accept, and answers 400.
    (BY_SERVER, r"^HTTP(/1\.1)? (400|495|496)|SSL certificate error|alert|unknown ca|handshake|SSL_connect|SSL error"),
    (UNREACHABLE, r"refused|Could not connect|Couldn.t connect|Failed to connect"),
]
# What a client sees when a server that has refused its certificate hangs up, from TLS 1.3 on, is no more than an end.
ENDS = r"unexpectedly|Protocol error|connection was lost|reset by peer|Broken pipe|Empty reply|EOF|closed"


def judge(code, text, connected=False):
    """One of the words above.

    - code: the program's status; None when it was ended for being too slow.
    - text: everything that it wrote.
    - connected: whether it had got an answer from the server before, so that an end is no refusal.
    """
    if code is None:
        return SLOW
    if code == 0:
        return OK
    # What follows the end of a connection, such as that it could not be made anew, does not matter.
    patterns = [row for row in PATTERNS if row[0] == BEHIND] if connected else PATTERNS
    for outcome, pattern in patterns:
        if re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
            return outcome
    if re.search(ENDS, text, re.IGNORECASE):
        return DROPPED if connected else BY_SERVER
    return DROPPED if connected else OTHER
