import subprocess
import tempfile
import textwrap

from packaged.server import PackagedServer


class Mosquitto(PackagedServer):
    """The packaged configuration with one TLS listener in its folder `conf.d`."""

    kind = "mosquitto"
    user = "mosquitto"
    has_check = False
    refusal = "/usr/bin/test -r"

    def lay(self):
        self.copy_packaged("/etc/mosquitto", self.etc("mosquitto"), {
            "/etc/mosquitto/conf.d": self.etc("mosquitto", "conf.d"),
            "/run/mosquitto/": f"{self.folder}/run/",
            "/var/lib/mosquitto/": f"{self.folder}/lib/",
            "/var/log/mosquitto/": f"{self.folder}/log/",
        })
        self.etc("mosquitto", "conf.d", "tls.conf").write_text(
            f"listener {self.port} 127.0.0.1\ncertfile {self.certificate}\nkeyfile {self.key}\n"
            f"cafile {self.trust_bundle}\nrequire_certificate true\nallow_anonymous true\n"
        )
        self.script("restart", f"""
            former=$(cat {self.pid_file})
            kill "$former"
            until now=$(cat {self.pid_file} 2>/dev/null) && [ -n "$now" ] && [ "$now" != "$former" ]; do sleep 0.02; done
        """)
        self.script("keep", f"""
            trap 'kill $now; wait $now; exit' TERM
            while :; do /usr/sbin/mosquitto -c {self.etc('mosquitto', 'mosquitto.conf')} & now=$!; wait $now || sleep 0.1; done
        """)

    def script(self, name, text):
        path = self.folder / name
        path.write_text("#!/bin/sh\nset -eu\n" + textwrap.dedent(text))
        path.chmod(0o755)

    @property
    def pid_file(self):
        return self.folder / "run" / "mosquitto.pid"

    def command(self):
        """Somebody must start it again after it was ended, as systemd does at a restart."""
        return [str(self.folder / "keep")]

    def activation(self, preset):
        if "restart" in preset["command"]:
            return {"command": [str(self.folder / "restart")]}
        return {"signal": "HUP", "pid_file": str(self.pid_file)}

    def accepts(self, authority):
        """It names no authorities, so a client with a certificate tries."""
        with tempfile.TemporaryDirectory() as folder:
            authority.issue(["client"], folder)
            words = [
                "mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "--insecure", "--cafile", str(self.trust_bundle),
                "--cert", f"{folder}/server.pem", "--key", f"{folder}/server.key", "-t", "readings", "-m", "1", "-q", "1",
            ]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        return done.returncode == 0
