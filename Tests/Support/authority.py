"""Root certificates, PFX files and first certificates for the tests, made when they run."""
import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

UTC = datetime.timezone.utc


class Authority:
    """A root certificate with its key."""

    def __init__(self, name, days=3650, key=None, organization=None):
        self.name = name
        # It stands in the certificates that are issued, too.
        self.organization = organization
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(UTC)
        subject = self.subject(name)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def subject(self, name):
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if self.organization:
            parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization))
        return x509.Name(parts)

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def pfx(self, password):
        """The root as an administrator would upload it."""
        encryption = (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(20_000)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
            .hmac_hash(hashes.SHA256())
            .build(password.encode())
        )
        return pkcs12.serialize_key_and_certificates(
            self.name.encode(), self.key, self.certificate, None, encryption
        )

    def issue(self, names, folder, certificate="server.pem", key="server.key", bundle="roots.pem", days=90):
        """Writes a certificate, its key and a bundle with this root into a folder."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        child = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(self.subject(names[0]))
            .issuer_name(self.certificate.subject)
            .public_key(child.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        (folder / certificate).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        (folder / key).write_bytes(
            child.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (folder / key).chmod(0o600)
        (folder / bundle).write_bytes(self.pem)
        return signed


def general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
