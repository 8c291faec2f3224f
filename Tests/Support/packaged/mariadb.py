import os
import pwd

from packaged.server import PackagedServer


class MariaDB(PackagedServer):
    """The packaged configuration with its commented `ssl-` lines in force."""

    kind = "mariadb"
    user = "mysql"
    has_check = False
    announces = False
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

    def activation(self):
        program, *words = self.preset["command"]
        return {"command": [program, f"--defaults-file={self.configuration}", *words]}
