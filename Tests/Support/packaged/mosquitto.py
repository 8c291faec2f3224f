from packaged.server import PackagedServer


class Mosquitto(PackagedServer):
    """The packaged configuration with one TLS listener in its folder `conf.d`."""

    kind = "mosquitto"
    user = "mosquitto"
    has_check = False
    announces = False
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
            f"cafile {self.trust_bundle}\nallow_anonymous true\n"
        )

    def command(self):
        return ["/usr/sbin/mosquitto", "-c", str(self.etc("mosquitto", "mosquitto.conf"))]

    def activation(self):
        return {"signal": "HUP", "pid_file": str(self.folder / "run" / "mosquitto.pid")}
