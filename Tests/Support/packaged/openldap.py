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
        self.give()
        self.run(["/usr/sbin/slapadd", "-n", "0", "-F", str(self.etc("slapd.d")), "-l", str(self.etc("init.ldif"))])

    def tls(self):
        return (
            f"olcTLSCACertificateFile: {self.trust_bundle}\nolcTLSCertificateFile: {self.certificate}\n"
            f"olcTLSCertificateKeyFile: {self.key}\nolcTLSVerifyClient: allow\n"
        )

    @property
    def local_address(self):
        return "ldapi://" + urllib.parse.quote(str(self.folder / "run" / "ldapi"), safe="")

    def command(self):
        return ["/usr/sbin/slapd", "-d", "0", "-h", f"ldap://127.0.0.1:{self.port}/ {self.local_address}/", "-F",
                str(self.etc("slapd.d"))]

    def activation(self, preset):
        command = [word.replace("ldapi:///", self.local_address) for word in preset["command"]]
        assert command != preset["command"]
        return {"check": [*preset["check"], "-F", str(self.etc("slapd.d"))], "command": command}

    def break_configuration(self):
        return self.spoil(self.etc("slapd.d", "cn=config.ldif"), "olcIdleTimeout: never")
