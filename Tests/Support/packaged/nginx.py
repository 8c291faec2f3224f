from packaged.server import PackagedServer
from servers import free_port


class Nginx(PackagedServer):
    """The packaged default site with its commented TLS lines in force."""

    kind = "nginx"
    user = reader = "www-data"
    refusal = 'unknown directive "nonsense"'

    def lay(self):
        self.copy_packaged("/etc/nginx", self.etc("nginx"), {
            "/etc/nginx/": f"{self.etc('nginx')}/",
            "/etc/ssl/certs/ssl-cert-snakeoil.pem": self.certificate,
            "/etc/ssl/private/ssl-cert-snakeoil.key": self.key,
            "/run/nginx.pid": self.folder / "run" / "nginx.pid",
            "/var/log/nginx/": f"{self.folder}/log/",
        })
        self.edit(
            self.etc("nginx", "sites-enabled", "default"),
            ("\tlisten 80 default_server;", f"\tlisten 127.0.0.1:{free_port()} default_server;"),
            ("\tlisten [::]:80 default_server;", ""),
            ("# listen 443 ssl default_server;", f"listen 127.0.0.1:{self.port} ssl default_server;"),
            ("# include snippets/snakeoil.conf;",
             f"include snippets/snakeoil.conf; ssl_client_certificate {self.trust_bundle}; ssl_verify_client optional;"),
        )
        # What else is installed on this machine is none of the default: some modules do not take the places below.
        for module in self.etc("nginx", "modules-enabled").iterdir():
            module.unlink()
        places = "".join(
            f"{what}_temp_path {self.folder}/lib/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.etc("nginx", "conf.d", "places.conf").write_text(places)

    @property
    def places(self):
        return ["-e", str(self.folder / "log" / "error.log"), "-c", str(self.etc("nginx", "nginx.conf"))]

    def command(self):
        return ["/usr/sbin/nginx", *self.places, "-g", "daemon off;"]

    def activation(self, preset):
        return {
            "check": [*preset["check"], *self.places],
            "signal": "HUP",
            "pid_file": str(self.folder / "run" / "nginx.pid"),
        }

    def break_configuration(self):
        return self.spoil(self.etc("nginx", "nginx.conf"), "nonsense on;")
