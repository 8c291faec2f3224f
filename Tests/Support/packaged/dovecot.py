from packaged.server import PackagedServer
from servers import free_port


class Dovecot(PackagedServer):
    """The packaged configuration; what lets it run without root is in the `local.conf` that it asks for."""

    kind = "dovecot"
    user = reader = "dovecot"
    transport = "imap"
    refusal = "Unknown setting: nonsense"

    def lay(self):
        self.copy_packaged("/etc/dovecot", self.etc("dovecot"), {
            "/etc/dovecot/private/dovecot.pem": self.certificate,
            "/etc/dovecot/private/dovecot.key": self.key,
        })
        self.etc("dovecot", "local.conf").write_text(
            f"""
protocols = imap
ssl_ca = <{self.trust_bundle}
ssl_verify_client_cert = yes
base_dir = {self.folder}/run/d
state_dir = {self.folder}/lib
log_path = {self.folder}/log/dovecot.log
default_internal_user = {self.user}
default_internal_group = {self.user}
default_login_user = {self.user}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {free_port()}
  }}
}}
service anvil {{
  chroot =
}}
"""
        )

    @property
    def configuration(self):
        return str(self.etc("dovecot", "dovecot.conf"))

    def command(self):
        return ["/usr/sbin/dovecot", "-F", "-c", self.configuration]

    def activation(self, preset):
        return {
            name: [program, "-c", self.configuration, *words] for name, (program, *words) in preset.items()
        }

    def break_configuration(self):
        return self.spoil(self.etc("dovecot", "local.conf"), "nonsense = on")
