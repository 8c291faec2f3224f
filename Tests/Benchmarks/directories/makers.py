"""Who makes a key and a certificate for a name: both as PEM."""
import contextlib
import datetime
import http.client
import json
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 90


class Cryptography:
    def __init__(self, folder, key):
        self.is_rsa = key == "rsa2048"
        self.root = x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())
        self.key = serialization.load_pem_private_key((folder / "root.key").read_bytes(), None)
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        self.purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        self.authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root.public_key())

    def __call__(self, name):
        key = rsa.generate_private_key(65537, 2048) if self.is_rsa else ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder(self.root.subject, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - datetime.timedelta(hours=1))
            .not_valid_after(self.now + datetime.timedelta(days=DAYS))
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(self.usage, critical=True)
            .add_extension(self.purposes, critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(self.authority, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return pem, certificate.public_bytes(serialization.Encoding.PEM)


class CFSSL:
    """A client of `cfssl serve` that keeps its connection."""

    def __init__(self, folder, key):
        self.key = {"algo": "rsa", "size": 2048} if key == "rsa2048" else {"algo": "ecdsa", "size": 256}
        self.port = int((folder / "cfssl.port").read_text())
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def __call__(self, name):
        request = {"request": {"CN": name, "hosts": [name], "key": self.key, "names": []}}
        self.connection.request(
            "POST", "/api/v1/cfssl/newcert", json.dumps(request), {"Content-Type": "application/json"})
        answer = json.loads(self.connection.getresponse().read())
        return answer["result"]["private_key"].encode(), answer["result"]["certificate"].encode()


@contextlib.contextmanager
def no_server(_):
    yield


@contextlib.contextmanager
def cfssl_server(folder):
    usages = ["digital signature", "server auth", "client auth"]
    (folder / "cfssl.json").write_text(
        json.dumps({"signing": {"default": {"usages": usages, "expiry": f"{24 * DAYS}h"}}}))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "cfssl.port").write_text(str(port))
    server = subprocess.Popen(
        ["cfssl", "serve", "-address", "127.0.0.1", "-port", str(port), "-ca", folder / "root.pem",
         "-ca-key", folder / "root.key", "-config", folder / "cfssl.json", "-loglevel", "4"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end and server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.01)
        yield
    finally:
        server.terminate()
        server.wait()


MAKERS = {"cryptography": Cryptography, "cfssl": CFSSL}
SERVERS = {"cryptography": no_server, "cfssl": cfssl_server}
