"""The folders that all contestants work on, as they are at first, and the check of what they are afterwards."""
import collections
import os

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from authority import Authority
from figures import Failed, launched
from places import program

RENEWAL, NEW_ROOT = "renewal", "new-root"
P256, RSA = "p256", "rsa2048"

PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class System:
    """
    root.pem, root.key    the authority that is to issue
    bundle.pem            what each trust bundle is to hold: that root, and the one before where there is one
    parts/part-NNNNN      server.pem, server.key, roots.pem of a component
    activations           a line for each activation: the component's name
    """

    workload = "directories"

    def __init__(self, folder, size, form, key):
        self.folder, self.size, self.form, self.key = folder, size, form, key
        self.names = [f"part-{number:05}" for number in range(size)]
        self.old = Authority("Old Root")
        self.new = Authority("New Root") if form == NEW_ROOT else self.old
        for name in self.names:
            (folder / "parts" / name).mkdir(parents=True)
        self.write(self.old)
        launched([program("floor"), folder, size, "first", key], 600)
        self.first = {name: self.part(name, "server.pem").read_bytes() for name in self.names}
        self.write(self.new)
        # Until the first activation has made it, nobody could append to it.
        self.log.touch()
        # What was made here is not to be written while a contestant is measured.
        os.sync()

    def write(self, authority):
        (self.folder / "root.pem").write_bytes(authority.pem)
        with os.fdopen(os.open(self.folder / "root.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(
                authority.key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        known = {one.pem for one in (self.old, authority)}
        (self.folder / "bundle.pem").write_bytes(b"".join(sorted(known)))

    @property
    def log(self):
        return self.folder / "activations"

    @property
    def activation(self):
        """The words before a component's name."""
        return [program("activate"), str(self.log)]

    @property
    def floor_activation(self):
        """How the floor does the same."""
        return self.activation

    @property
    def script_shell(self):
        """What runs a script where a component is."""
        return ["sh"]

    def ansible_host(self, name):
        """How Ansible reaches a component: its variables in the inventory."""
        return "ansible_connection=local"

    @property
    def activations(self):
        return 2 if self.form == NEW_ROOT else 1

    def part(self, name, file):
        return self.folder / "parts" / name / file

    def component(self, name, **changes):
        """A component as Reroot's API has it."""
        described = {
            "name": name, "names": [name], "usage": "both",
            "key": "ecdsa-p256" if self.key == P256 else "rsa-2048",
            "files": {
                "certificate": str(self.part(name, "server.pem")), "key": str(self.part(name, "server.key")),
                "trust_bundle": str(self.part(name, "roots.pem")),
            },
            "activation": {"command": [*self.activation, name]},
        }
        return described | changes

    def close(self):
        """Ends what belongs to the system."""

    # The check

    def check(self):
        """Raises Failed unless each component has what it is to have; returns how often each was activated, if that was
        more often than needed."""
        for name in self.names:
            if problem := self.problem(name):
                raise Failed(f"the check failed: {name} {problem}")
        return self.counted()

    def counted(self):
        counted = collections.Counter(self.log.read_text().split())
        for name in self.names:
            if counted[name] < self.activations:
                raise Failed(f"the check failed: {name} was activated {counted[name]} times")
        mean = sum(counted.values()) / self.size
        return {"activations each": mean} if mean > self.activations else {}

    def problem(self, name):
        text = self.part(name, "server.pem").read_bytes()
        if text == self.first[name]:
            return "has its first certificate"
        certificate = x509.load_pem_x509_certificate(text)
        try:
            certificate.verify_directly_issued_by(self.new.certificate)
        except Exception as error:
            return f"has no certificate of the root: {error!r}"
        key = serialization.load_pem_private_key(self.part(name, "server.key").read_bytes(), None)
        if key.public_key().public_bytes(*PUBLIC) != certificate.public_key().public_bytes(*PUBLIC):
            return "has a key without its certificate"
        if self.part(name, "server.key").stat().st_mode & 0o077:
            return "has a key that others may read"
        found = set(x509.load_pem_x509_certificates(self.part(name, "roots.pem").read_bytes()))
        if found != {self.old.certificate, self.new.certificate}:
            return "has another trust bundle"
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return None if names.get_values_for_type(x509.DNSName) == [name] else "has a certificate for another name"
