from packaged.server import PackagedServer
from servers import free_port


class Redis(PackagedServer):
    """The packaged configuration with its commented `tls-` lines in force."""

    kind = "redis"
    user = "redis"
    has_check = False
    announces = False
    refused_by = "COMMAND_FAILED"
    refusal = "Unable to update TLS configuration"

    def lay(self):
        self.plain_port = free_port()
        self.copy_packaged("/etc/redis", self.etc("redis"), {
            "bind 127.0.0.1 -::1": "bind 127.0.0.1",
            "\nport 6379\n": f"\nport {self.plain_port}\n",
            "daemonize yes": "daemonize no",
            "/run/redis/": f"{self.folder}/run/",
            "/var/log/redis/": f"{self.folder}/log/",
            "dir /var/lib/redis": f"dir {self.folder}/lib",
            "# tls-port 6379\n": f"tls-port {self.port}\n",
            "# tls-cert-file redis.crt": f"tls-cert-file {self.certificate}",
            "# tls-key-file redis.key": f"tls-key-file {self.key}",
            "# tls-ca-cert-file ca.crt": f"tls-ca-cert-file {self.trust_bundle}",
            "# tls-auth-clients optional": "tls-auth-clients optional",
        })

    def command(self):
        return ["/usr/bin/redis-server", str(self.etc("redis", "redis.conf"))]

    def activation(self):
        program, *words = self.preset["command"]
        return {"command": [program, "-p", str(self.plain_port), *words]}
