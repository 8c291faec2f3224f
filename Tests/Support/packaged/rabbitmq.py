import subprocess

from packaged.server import PackagedServer
from servers import free_port


class RabbitMQ(PackagedServer):
    """The packaged scripts with one TLS listener; node, cookie and port mapper are the test's own."""

    kind = "rabbitmq"
    user = "rabbitmq"
    has_check = False
    refusal = "/usr/bin/test -r"

    def lay(self):
        self.mapper_port = free_port()
        self.copy_packaged("/etc/rabbitmq", self.etc("rabbitmq"), {"#NODENAME=rabbit\n": self.settings()})
        self.etc("rabbitmq", "enabled_plugins").write_text("[].\n")
        self.etc("rabbitmq", "rabbitmq.conf").write_text(
            f"listeners.tcp = none\nlisteners.ssl.default = 127.0.0.1:{self.port}\n"
            f"ssl_options.certfile = {self.certificate}\nssl_options.keyfile = {self.key}\n"
            f"ssl_options.cacertfile = {self.trust_bundle}\nssl_options.verify = verify_peer\n"
            "ssl_options.fail_if_no_peer_cert = false\n"
        )

    def settings(self):
        """For `rabbitmq-env.conf`, which the server and its tools read."""
        return (
            f"NODENAME=reroot-{self.port}@localhost\nDIST_PORT={free_port()}\n"
            f"CONFIG_FILE={self.etc('rabbitmq', 'rabbitmq.conf')}\n"
            f"ENABLED_PLUGINS_FILE={self.etc('rabbitmq', 'enabled_plugins')}\n"
            f"MNESIA_BASE={self.folder}/lib/mnesia\nLOG_BASE={self.folder}/log\nPID_FILE={self.folder}/run/rabbitmq.pid\n"
        )

    def environment(self):
        return {
            "HOME": str(self.folder / "lib"),
            "RABBITMQ_CONF_ENV_FILE": str(self.etc("rabbitmq", "rabbitmq-env.conf")),
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def stop(self):
        super().stop()
        # Erlang's port mapper is started with the first node and outlives the last.
        words = ["epmd", "-port", str(self.mapper_port), "-kill"]
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)

    def command(self):
        return ["/usr/lib/rabbitmq/bin/rabbitmq-server"]

    def activation(self, preset):
        # What the package has in the search path changes to the user rabbitmq, and to that user's home with it.
        words = ["/usr/lib/rabbitmq/bin/rabbitmqctl", *preset["command"][1:]]
        return {"command": self.as_user(self.with_environment(words))}
