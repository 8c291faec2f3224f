"""The words in which programs say that they were refused, told apart from other failures."""
import pytest

from measure.outcome import BEHIND, BY_CLIENT, BY_SERVER, DROPPED, FILES, OK, OTHER, SLOW, UNREACHABLE, judge

ROWS = {
    "curl does not accept the server": (
        60, "curl: (60) SSL certificate problem: unable to get local issuer certificate", BY_CLIENT,
    ),
    "curl is not accepted": (
        56, "curl: (56) OpenSSL SSL_read: error:0A000418:SSL routines::tlsv1 alert unknown ca, errno 0", BY_SERVER,
    ),
    "nginx does not accept the client": (-1, "<html>400 The SSL certificate error</html>\nHTTP 400", BY_SERVER),
    "nginx is refused by the one behind it": (-1, "<h1>502 Bad Gateway</h1>\nHTTP 502", BEHIND),
    "HAProxy is refused by the one behind it": (-1, "HTTP/1.1 503 Service Unavailable\r\n", BEHIND),
    "psql does not accept the server": (
        2, "psql: error: connection to server at \"127.0.0.1\" failed: SSL error: certificate verify failed", BY_CLIENT,
    ),
    "psql is not accepted": (2, "psql: error: connection failed: SSL error: tlsv1 alert unknown ca", BY_SERVER),
    "mosquitto_pub does not accept the server": (8, "Error: A TLS error occurred.", BY_CLIENT),
    "mosquitto_pub is not accepted": (7, "Error: The connection was lost.", BY_SERVER),
    "redis-cli does not accept the server": (
        1, "Could not connect to Redis at 127.0.0.1:6379: SSL_connect failed: certificate verify failed", BY_CLIENT,
    ),
    "redis-cli is not accepted": (1, "Error: Server closed the connection", BY_SERVER),
    "nobody listens for curl": (
        7, "curl: (7) Failed to connect to localhost port 443 after 0 ms: Couldn't connect to server", UNREACHABLE,
    ),
    "nobody listens for redis-cli": (
        1, "Could not connect to Redis at 127.0.0.1:6379: Connection refused", UNREACHABLE,
    ),
    "curl has a key of another certificate": (
        58, "curl: (58) unable to set private key file: 'own.pem' type PEM", FILES,
    ),
    "psql has a key of another certificate": (
        2, "psql: error: certificate does not match private key file \"own.pem\": key values mismatch", FILES,
    ),
    "redis-cli has half a certificate": (
        1, "Could not negotiate a TLS connection: Invalid client certificate", FILES,
    ),
    "the program was too slow": (None, "", SLOW),
    "something else": (2, "psql: error: FATAL:  the database system is shutting down", OTHER),
    "an answer": (0, "PONG", OK),
}


@pytest.mark.parametrize("code, text, outcome", ROWS.values(), ids=ROWS.keys())
def test_what_a_program_says_is_judged(code, text, outcome):
    assert judge(code, text) == outcome


def test_an_end_after_an_answer_is_a_drop_and_no_refusal():
    assert judge(-1, "server closed the connection unexpectedly", connected=True) == DROPPED
    again = "Error: Server closed the connection\nCould not connect to Redis: Connection refused"
    assert judge(-1, again, connected=True) == DROPPED


def test_a_proxy_that_is_refused_on_a_kept_connection_is_a_refusal():
    assert judge(-1, "HTTP/1.1 502 Bad Gateway\r\n", connected=True) == BEHIND
