import os
import pathlib
import pwd
import subprocess

from packaged.server import PackagedServer

PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))[-1]


class PostgreSQL(PackagedServer):
    """A cluster as `pg_createcluster` makes it."""

    kind = "postgresql"
    user = "postgres"
    transport = "postgresql"
    refusal = 'unrecognized configuration parameter "nonsense"'

    def lay(self):
        version = PROGRAMS.parent.name
        user = pwd.getpwuid(os.getuid()).pw_name if os.getuid() else self.user
        self.give()
        words = [
            "pg_createcluster", "--user", user, "--datadir", str(self.folder / "lib" / "data"), "--socketdir",
            str(self.folder / "run"), "--logfile", str(self.folder / "log" / "postgresql.log"), "--port", str(self.port),
            version, "main", "--", "--no-sync",
        ]
        done = subprocess.run(
            words, env={**os.environ, "PG_CLUSTER_CONF_ROOT": str(self.etc("postgresql"))}, capture_output=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        self.configuration = self.etc("postgresql", version, "main")
        self.etc("postgresql", version, "main", "conf.d", "tls.conf").write_text(
            f"ssl = on\nssl_cert_file = '{self.certificate}'\nssl_key_file = '{self.key}'\n"
            f"ssl_ca_file = '{self.trust_bundle}'\nfsync = off\nlisten_addresses = '127.0.0.1'\n"
        )

    def command(self):
        return [str(PROGRAMS / "postgres"), "-D", str(self.configuration)]

    def activation(self, preset):
        moved = {f"/etc/postgresql/{self.configuration.parent.name}/main": str(self.configuration)}
        return {
            "check": [moved.get(word, word) for word in preset["check"]],
            "signal": "HUP",
            "pid_file": str(self.folder / "lib" / "data" / "postmaster.pid"),
        }

    def break_configuration(self):
        return self.spoil(self.configuration / "postgresql.conf", "nonsense = on")
