import os
import pwd
import subprocess
import tempfile

from packaged.server import PackagedServer


class MariaDB(PackagedServer):
    """The packaged configuration with its commented `ssl-` lines in force."""

    kind = "mariadb"
    user = "mysql"
    has_check = False
    refused_by = "COMMAND_FAILED"
    transport = "mariadb"
    refusal = "Unable to get private key"

    def lay(self):
        self.copy_packaged("/etc/mysql", self.etc("mysql"), {
            "/etc/mysql/": f"{self.etc('mysql')}/",
            "/run/mysqld/mysqld.sock": self.folder / "run" / "s",
            "/run/mysqld/mysqld.pid": self.folder / "run" / "mysqld.pid",
        })
        self.edit(
            self.etc("mysql", "mariadb.conf.d", "50-server.cnf"),
            (f"#ssl-ca = {self.etc('mysql')}/cacert.pem", f"ssl-ca = {self.trust_bundle}"),
            (f"#ssl-cert = {self.etc('mysql')}/server-cert.pem", f"ssl-cert = {self.certificate}"),
            (f"#ssl-key = {self.etc('mysql')}/server-key.pem", f"ssl-key = {self.key}"),
            ("#datadir                 = /var/lib/mysql", f"datadir = {self.folder}/lib/data\nport = {self.port}"),
        )
        self.give()
        self.run([
            "mariadb-install-db", f"--defaults-file={self.configuration}", "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={pwd.getpwuid(os.getuid()).pw_name}", "--skip-test-db",
        ])

    @property
    def configuration(self):
        return self.etc("mysql", "mariadb.cnf")

    def command(self):
        return ["/usr/sbin/mariadbd", f"--defaults-file={self.configuration}"]

    def activation(self, preset):
        program, *words = preset["command"]
        return {"command": [program, f"--defaults-file={self.configuration}", *words]}

    def accepts(self, authority):
        """It names no authorities, so a client with a certificate tries; who may sign in is asked only afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            authority.issue(["client"], folder)
            words = [
                "mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={self.port}", "--user=root", "--ssl",
                f"--ssl-cert={folder}/server.pem", f"--ssl-key={folder}/server.key", "--execute=SELECT 1",
            ]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        # A connection that is refused is reset, at times before the reason has come.
        known = ("Access denied", "SSL error", "Lost connection to server at 'sending authentication information'")
        assert any(text in done.stderr for text in known), done.stderr
        return "Access denied" in done.stderr
