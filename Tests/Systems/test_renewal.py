"""Reroot renews the certificate of a real server by itself, before it ends."""
from cryptography import x509

import update as steps
from authority import Authority
from servers import wait_until
from test_clock import DAY, library, make  # noqa: F401 (fixtures)


def served(system):
    return x509.load_pem_x509_certificate(system.server.served().encode())


def choose(client, **settings):
    form = client.get("/settings").form("/settings")
    return client.post("/settings", {**form["fields"], **settings})


def test_a_certificate_of_a_month_is_renewed_ten_days_before_its_end(make):  # noqa: F811
    # Nobody is there who would press Retry where a machine that does much else is slow.
    system = make(verification_time_limit=60)
    root = Authority("Lasting Root")
    system.update_to(root, months=1)
    steps.wait_for_end(system.client, system.update, "completed")
    first = served(system)
    refused = choose(system.client, renewal="ten days", renewal_windows="Monday", renewal_zone="Middle Earth")
    assert refused.status == 422
    for sentence in ("Give off, a number of days", "is no window", "Give the name of a time zone"):
        assert sentence in refused.text
    saved = choose(
        system.client, renewal="10 days", renewal_windows="daily 00:00-12:00\ndaily 12:00-24:00",
        renewal_zone="Europe/Berlin")
    assert saved.status == 200
    assert "Certificates are renewed by themselves" in system.client.get("/updates").text
    # Nine days before the end the server is started, and looks a minute later.
    system.restart(22 * DAY)
    wait_until(lambda: "/updates/2" in system.client.get("/updates").text, "the renewal", 150)
    page = steps.wait_for_end(system.client, "/updates/2", "completed")
    assert "renewal" in page.text
    second = served(system)
    assert second.serial_number != first.serial_number
    assert second.not_valid_after_utc > first.not_valid_after_utc
    system.served_by(root)
    audit = system.client.get("/audit").text
    assert "Update started" in audit and "by itself" in audit
