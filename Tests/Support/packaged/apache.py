from packaged.server import PackagedServer
from servers import free_port


class Apache(PackagedServer):
    """The packaged `default-ssl` site and module `ssl`, enabled as `a2ensite` and `a2enmod` would."""

    kind = "apache"
    user = reader = "www-data"
    refusal = "Invalid command 'Nonsense'"

    def lay(self):
        places = {
            "/var/run/apache2": self.folder / "run",
            "/var/lock/apache2": self.folder / "run",
            "/var/log/apache2": self.folder / "log",
            "/etc/ssl/certs/ssl-cert-snakeoil.pem": self.certificate,
            "/etc/ssl/private/ssl-cert-snakeoil.key": self.key,
        }
        self.copy_packaged("/etc/apache2", self.etc("apache2"), places)
        for kind, names in (("mods", ("socache_shmcb.load", "ssl.load", "ssl.conf")), ("sites", ("default-ssl.conf",))):
            for name in names:
                self.etc("apache2", f"{kind}-enabled", name).symlink_to(f"../{kind}-available/{name}")
        self.edit(
            self.etc("apache2", "ports.conf"), ("Listen 80\n", f"Listen 127.0.0.1:{free_port()}\n"),
            ("Listen 443\n", f"Listen 127.0.0.1:{self.port}\n"),
        )
        self.edit(
            self.etc("apache2", "sites-available", "default-ssl.conf"), ("*:443", f"127.0.0.1:{self.port}"),
            ("\tSSLEngine on\n", f"\tSSLEngine on\n\tSSLCACertificateFile {self.trust_bundle}\n\tSSLVerifyClient optional\n"),
        )
        self.etc("apache2", "conf-enabled", "server-name.conf").write_text("ServerName localhost\n")

    def environment(self):
        return {"APACHE_CONFDIR": str(self.etc("apache2"))}

    def command(self):
        return ["/usr/sbin/apache2ctl", "-DFOREGROUND"]

    def activation(self, preset):
        return {
            "check": self.with_environment(preset["check"]),
            "command": self.with_environment(["/usr/sbin/apache2ctl", "graceful"]),
        }

    def break_configuration(self):
        return self.spoil(self.etc("apache2", "apache2.conf"), "Nonsense on")
