import os
import pathlib
import urllib.parse

from packaged.server import PackagedServer


class OpenLDAP(PackagedServer):
    """The directory that the package's own script makes of its template, with TLS added to `cn=config`."""

    kind = "openldap"
    user = "openldap"
    transport = "ldap"
    refusal = 'unable to parse "never" as int'

    def lay(self):
        text = pathlib.Path("/usr/share/slapd/slapd.init.ldif").read_text()
        for old, new in {
            "@SUFFIX@": "dc=example,dc=net",
            "@PASSWORD@": "{SSHA}none",
            "/var/run/slapd/": f"{self.folder}/run/",
            "/var/lib/ldap": f"{self.folder}/lib",
            "gidNumber=0+uidNumber=0": f"gidNumber={os.getgid()}+uidNumber={os.getuid()}",
            "cn: config\n": f"cn: config\n{self.tls()}",
        }.items():
            assert old in text, old
            text = text.replace(old, new, 1 if old.startswith("cn:") else -1)
        self.etc("init.ldif").write_text(text)
        self.etc("slapd.d").mkdir()
        self.etc("reload.ldif").write_text(
            "dn: cn=config\nchangetype: modify\n"
            + "-\n".join(f"replace: {name}\n{name}: {path}\n" for name, path in self.settings().items())
        )
        self.give()
        self.run(["/usr/sbin/slapadd", "-n", "0", "-F", str(self.etc("slapd.d")), "-l", str(self.etc("init.ldif"))])

    def settings(self):
        return {
            "olcTLSCACertificateFile": self.trust_bundle,
            "olcTLSCertificateFile": self.certificate,
            "olcTLSCertificateKeyFile": self.key,
        }

    def tls(self):
        return "".join(f"{name}: {path}\n" for name, path in self.settings().items()) + "olcTLSVerifyClient: allow\n"

    @property
    def local_address(self):
        return "ldapi://" + urllib.parse.quote(str(self.folder / "run" / "ldapi"), safe="")

    def command(self):
        return ["/usr/sbin/slapd", "-d", "0", "-h", f"ldap://127.0.0.1:{self.port}/ {self.local_address}/", "-F",
                str(self.etc("slapd.d"))]

    def activation(self):
        return {
            "check": ["/usr/sbin/slaptest", "-u", "-F", str(self.etc("slapd.d"))],
            "command": ["/usr/bin/ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", self.local_address, "-f",
                        str(self.etc("reload.ldif"))],
        }

    def break_configuration(self):
        return self.spoil(self.etc("slapd.d", "cn=config.ldif"), "olcIdleTimeout: never")
