"""The console's own certificate is exchanged under the pages that are open."""
import re

from cryptography import x509
from playwright.sync_api import expect

from authority import Authority
from demo import issuer, served


def add_server_certificate(admin, folder):
    authority = Authority("Company Root")
    certificate = authority.issue(["localhost", "127.0.0.1"], folder)
    admin.open("/trust-store/certificates/add")
    admin.page.fill("#name", "Console 2026")
    admin.page.set_input_files("#certificate", folder / "server.pem")
    admin.page.set_input_files("#key", folder / "server.key")
    admin.press("Add")
    expect(admin.row("Console 2026")).to_be_visible()
    return certificate


def test_a_server_certificate_of_the_trust_store_is_served_while_the_stream_stays_open(admin, demo, tmp_path):
    certificate = add_server_certificate(admin, tmp_path / "console")
    assert served(demo.port) != certificate
    admin.import_root(demo)
    admin.choose_update()
    admin.page.check("input[name=https][value=trustStore]")
    admin.page.select_option("#serverCertificate", index=0)
    admin.make_plan()
    expect(admin.page.locator("main")).to_contain_text("Console 2026")
    opened = []
    admin.page.on("request", lambda request: opened.append(request.url) if "/events" in request.url else None)
    admin.start()
    admin.mark()
    admin.expect_standing("completed")
    expect(admin.page.locator("#component-console [data-kind=https]")).to_have_attribute("data-state", "succeeded")
    assert served(demo.port) == certificate
    before = admin.page.locator("#strip b").first.inner_text()
    expect(admin.page.locator("#strip b").first).not_to_have_text(before)
    admin.expect_same_page()
    assert len(opened) == 1, opened
    admin.expect_nothing_refused()
    admin.open("/trust-store")
    expect(admin.row("Console 2026")).to_be_visible()

    admin.open("/updates/1")
    admin.page.get_by_text("Roll back to the previous certificate set").click()
    admin.decide("abort")
    admin.expect_standing("rolledBack")
    assert served(demo.port) != certificate


def test_the_new_root_issues_the_certificate_of_the_console(admin, demo):
    admin.import_root(demo)
    admin.choose_update()
    admin.page.check("input[name=https][value=trustStore]")
    admin.press("Make the plan")
    expect(admin.page.locator(".banner.error")).to_contain_text("server certificate")
    admin.page.check("input[name=https][value=issue]")
    admin.make_plan()
    admin.start()
    admin.expect_standing("completed")
    assert re.match(r"Sample System Root 20(?!24)", issuer(demo.port))
    names = served(demo.port).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
