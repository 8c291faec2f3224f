"""A Java key store with its password in a file of its own, as keytool would make it."""
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from overheard import typed

PASSWORD = typed("the password of a Java store", "changeit-2026")

class KeyStore:
    """`keys.p12` and `password` in a folder; the first certificate is of an authority."""

    def __init__(self, folder, authority, password):
        self.folder, self.password = folder, password
        folder.mkdir()
        (folder / "password").write_text(password + "\n")
        made = folder / "made"
        authority.issue(["store.example"], made)
        key = serialization.load_pem_private_key((made / "server.key").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((made / "server.pem").read_bytes())
        for path in made.iterdir():
            path.unlink()
        made.rmdir()
        encryption = (
            serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(10_000)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256()).build(password.encode())
        )
        store = pkcs12.serialize_key_and_certificates(b"service", key, certificate, None, encryption)
        (folder / "keys.p12").write_bytes(store)

    def key(self):
        """The private key that is in it now."""
        return pkcs12.load_key_and_certificates((self.folder / "keys.p12").read_bytes(), self.password.encode())[0]

    def component(self, **changes):
        """The component as YAML has it, without an endpoint."""
        files = {"key_store": str(self.folder / "keys.p12"), "store_password_file": str(self.folder / "password")}
        return {"name": "store", "names": ["store.example"], "usage": "server", "files": files, "endpoints": [], **changes}
