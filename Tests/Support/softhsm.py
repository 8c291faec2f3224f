"""A hardware module in software: SoftHSM2 with its tokens in a folder of a test's own."""
import os
import pathlib
import shutil
import subprocess

from cryptography.hazmat.primitives import serialization

from overheard import typed

LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"
# OpenSC's library between a program and a module, which writes down every call.
SPY = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"
PIN = typed("a PIN", "pin-7301-planted")
OFFICER_PIN = "officer-5528"


class SoftHSM:
    """Tokens; `environment` is what a program needs to find them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "tokens").mkdir(parents=True)
        self.configuration = self.folder / "softhsm2.conf"
        self.environment = {"SOFTHSM2_CONF": str(self.configuration)}
        self.configure()

    def configure(self, *lines):
        text = [f"directories.tokendir = {self.folder / 'tokens'}", "log.level = ERROR", *lines]
        self.configuration.write_text("\n".join(text) + "\n")

    def run(self, *words):
        done = subprocess.run(
            words, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def make_token(self, label):
        self.run(
            "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", OFFICER_PIN
        )
        return self

    def put(self, token, label, key, identifier="01"):
        """Moves a private key into a token."""
        file = self.folder / f"{label}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.run(
            "softhsm2-util", "--import", str(file), "--token", token, "--label", label, "--id", identifier, "--pin", PIN
        )
        file.unlink()

    def change_pin(self, token, former, pin):
        self.run(
            "pkcs11-tool", "--module", LIBRARY, "--token-label", token, "--login", "--pin", former, "--change-pin",
            "--new-pin", pin,
        )

    def remove(self):
        shutil.rmtree(self.folder / "tokens")
        (self.folder / "tokens").mkdir()
