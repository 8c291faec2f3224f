import os
import pathlib
import pwd
import shutil

from packaged.server import PackagedServer

SHARED = pathlib.Path("/usr/share/postfix")


class Postfix(PackagedServer):
    """The configuration that the package's own scripts compose, with TLS as they turn it on.

    Postfix's `master` refuses every user but root, so that it can give each of its services away to the user postfix; so it
    runs as root here too, with its folders in the test's.
    """

    kind = "postfix"
    user = "postfix"
    transport = "smtp"
    refusal = "missing '=' after attribute name"

    def lay(self):
        for part in ("main.cf.debian", "main.cf.tls"):
            with open(self.etc("main.cf"), "a") as text:
                text.write((SHARED / part).read_text())
        shutil.copy(SHARED / "master.cf.dist", self.etc("master.cf"))
        for name in ("dynamicmaps.cf", "postfix-files"):
            shutil.copy(f"/etc/postfix/{name}", self.etc(name))
        self.edit(
            self.etc("main.cf"), ("/etc/ssl/certs/ssl-cert-snakeoil.pem", self.certificate),
            ("/etc/ssl/private/ssl-cert-snakeoil.key", self.key),
        )
        with open(self.etc("main.cf"), "a") as text:
            text.write(
                f"smtpd_tls_CAfile = {self.trust_bundle}\nsmtpd_tls_ask_ccert = yes\nmyhostname = localhost\n"
                f"inet_interfaces = 127.0.0.1\nqueue_directory = {self.folder}/lib/queue\n"
                f"data_directory = {self.folder}/lib/data\nmaillog_file = {self.folder}/log/mail.log\n"
                f"maillog_file_prefixes = {self.folder}\nalias_maps =\nalias_database =\n"
            )
        for name in ("queue", "data"):
            (self.folder / "lib" / name).mkdir()
        self.edit(self.etc("master.cf"), ("\nsmtp      inet", f"\n127.0.0.1:{self.port} inet"))

    def give(self):
        # Postfix refuses folders of its queue that belong to others than it expects, and says so itself.
        if os.getuid() == 0:
            os.chown(self.folder / "lib" / "data", pwd.getpwnam(self.user).pw_uid, -1)

    def as_user(self, words):
        return words

    def command(self):
        return ["/usr/sbin/postfix", "-c", str(self.etc()), "start-fg"]

    def stop(self):
        # `master` has a session of its own.
        if self.process and self.process.poll() is None:
            self.run(["/usr/sbin/postfix", "-c", str(self.etc()), "stop"])
        super().stop()

    def activation(self, preset):
        return {
            name: [program, "-c", str(self.etc()), *words] for name, (program, *words) in preset.items()
        }

    def break_configuration(self):
        return self.spoil(self.etc("main.cf"), "nonsense")
