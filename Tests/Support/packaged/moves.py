"""What is done with the servers' consoles, and what must be seen afterwards."""
import html
import re

from cryptography import x509

import update as steps
from authority import Authority

# Seconds. The slowest step is a tool of RabbitMQ's, on a machine that builds something else at the same time.
LIMIT = 180
# How an update stands that does not go on by itself.
STANDINGS = {"completed", "completedWithErrors", "rolledBack", "deciding"}


def seen(server):
    """What there is to be put back: the files, the certificate that is served, the authorities that are accepted."""
    return server.files(), server.served(), sorted(server.announced())


def expect_before(server, before):
    """On disk byte for byte, owner, group and mode included, and on the wire."""
    files, served, accepted = seen(server)
    assert files == before[0], f"{server.kind}: its files are not what they were"
    assert served == before[1], f"{server.kind} does not serve what it served"
    assert accepted == before[2], f"{server.kind} accepts other authorities than it did"


def expect_under(server, root, trusted=None):
    """On the wire and on disk: one certificate, issued by the root, with a key that nobody else may read; and the roots that
    are to be trusted, usually this one, are accepted."""
    served = x509.load_pem_x509_certificate(server.served().encode())
    assert served.issuer == root.certificate.subject, f"{server.kind} serves a certificate of {served.issuer}"
    served.verify_directly_issued_by(root.certificate)
    assert served == x509.load_pem_x509_certificate(server.certificate.read_bytes())
    bundle = x509.load_pem_x509_certificates(server.trust_bundle.read_bytes())
    for accepted in (root,) if trusted is None else trusted:
        assert accepted.certificate in bundle
        assert server.accepts(accepted), f"{server.kind} does not accept {accepted.name}: {server.log()}"
    if trusted != ():
        assert not server.accepts(Authority("Stranger")), f"{server.kind} accepts everybody"
    assert server.key.stat().st_mode & 0o007 == 0, f"{server.kind}: others may read the key"


def words(page):
    """What a page says, without its tags."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text)))


def expect_standing(client, update, wanted):
    page = steps.wait_for(client, update, wanted, *(STANDINGS - {wanted}), limit=LIMIT)
    assert f'data-standing="{wanted}"' in page.text, words(page)
    return page


def move(client, root):
    """Runs one update to an imported root to its end; returns the update's path."""
    update = steps.start(client, steps.make_plan(client, root))
    expect_standing(client, update, "completed")
    return update


def abort(client, update):
    answer = steps.decide(client, update, "abort")
    assert answer.status == 303, answer.text
    expect_standing(client, update, "rolledBack")
