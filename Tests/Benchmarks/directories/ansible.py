"""Ansible: with its own modules, as its manual would have it, and in its fastest form, one shell task a host over Mitogen."""
import json
import os
import pathlib
import sys

from figures import launched

from .contestant import Contestant
from .shell import phases, words


class Ansible(Contestant):
    """The components are hosts."""

    program = ""
    python = ""
    forks = 2 * os.cpu_count()
    settings = {}

    def prepare(self):
        folder = self.system.folder
        hosts = "".join(f"{name} {self.system.ansible_host(name)}\n" for name in self.system.names)
        (folder / "hosts").write_text(f"{hosts}[all:vars]\nansible_python_interpreter={self.python}\n")
        (folder / "play.yml").write_text(json.dumps(self.play()))
        (folder / "ansible").mkdir()

    def play(self):
        return [{"hosts": "all", "gather_facts": False, "tasks": tasks} for tasks in self.tasks()]

    def run(self):
        folder = self.system.folder
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder / "ansible"), "ANSIBLE_FORKS": str(self.forks),
            "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"), "ANSIBLE_REMOTE_TEMP": str(folder / "ansible"),
            "ANSIBLE_DISPLAY_OK_HOSTS": "false", "LC_ALL": "C.UTF-8", "ANSIBLE_PIPELINING": "true", **self.settings,
        }
        arguments = [self.program, "-i", folder / "hosts", folder / "play.yml"]
        return launched(arguments, self.chosen.limit, env=environment, cwd=folder)


class Mitogen(Ansible):
    """Ansible of PyPI; the task is the script that the contestant `shell` runs."""

    name = "ansible-mitogen"
    largest = 100
    program = str(pathlib.Path(sys.executable).parent / "ansible-playbook")
    python = sys.executable
    forks = 16

    @property
    def settings(self):
        import ansible_mitogen

        plugins = pathlib.Path(ansible_mitogen.__file__).parent / "plugins" / "strategy"
        return {"ANSIBLE_STRATEGY_PLUGINS": str(plugins), "ANSIBLE_STRATEGY": "mitogen_free"}

    def tasks(self):
        for phase in phases(self.system):
            yield [{"shell": "sh " + " ".join(words(self.system, phase)) + " {{ inventory_hostname }}"}]


class Plain(Ansible):
    """Ansible of Debian with its collection community.crypto. Its modules replace files at once, but flush none."""

    name = "ansible"
    largest = 20
    program = "/usr/bin/ansible-playbook"
    python = "/usr/bin/python3"

    def tasks(self):
        part = f"{self.system.folder}/parts/{{{{ inventory_hostname }}}}"
        bundle = {"copy": {"src": f"{self.system.folder}/bundle.pem", "dest": f"{part}/roots.pem", "mode": "0644"}}
        activate = {"command": {"argv": [*self.system.activation, "{{ inventory_hostname }}"]}}
        if self.system.activations == 2:
            yield [bundle, activate]
            yield [*self.identity(part), activate, *self.verification(part)]
        else:
            yield [bundle, *self.identity(part), activate, *self.verification(part)]

    def identity(self, part):
        crypto = "community.crypto."
        kind = {"type": "ECC", "curve": "secp256r1"} if self.system.key == "p256" else {"type": "RSA", "size": 2048}
        root = self.system.folder
        return [
            {crypto + "openssl_privatekey": {"path": f"{part}/server.key", "mode": "0600", "force": True, **kind}},
            {
                crypto + "openssl_csr_pipe": {
                    "privatekey_path": f"{part}/server.key", "common_name": "{{ inventory_hostname }}",
                    "subject_alt_name": ["DNS:{{ inventory_hostname }}"], "key_usage": ["digitalSignature"],
                    "key_usage_critical": True, "extended_key_usage": ["serverAuth", "clientAuth"],
                    "basic_constraints": ["CA:FALSE"], "basic_constraints_critical": True,
                },
                "register": "request",
            },
            {
                crypto + "x509_certificate": {
                    "path": f"{part}/server.pem", "csr_content": "{{ request.csr }}", "provider": "ownca",
                    "ownca_path": f"{root}/root.pem", "ownca_privatekey_path": f"{root}/root.key",
                    "ownca_not_after": "+90d", "mode": "0644", "force": True,
                }
            },
        ]

    def verification(self, part):
        return [
            {"command": {"argv": ["openssl", "verify", "-CAfile", f"{self.system.folder}/root.pem", f"{part}/server.pem"]}},
            {"community.crypto.openssl_privatekey_info": {"path": f"{part}/server.key"}, "register": "key"},
            {"community.crypto.x509_certificate_info": {"path": f"{part}/server.pem"}, "register": "certificate"},
            {"assert": {"that": "key.public_key == certificate.public_key"}},
        ]
