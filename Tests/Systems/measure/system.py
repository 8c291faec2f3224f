"""The whole: six servers, their clients, and a console that knows them all."""
import json
import os
import signal

import update as steps
from authority import Authority
from console import Console
from servers import wait_until

from .clients import Client, Span
from .stores import Mosquitto, PostgreSQL, Redis
from .web import Edge, HAProxy, Inner


class System:
    def __init__(self, folder):
        self.folder = folder
        self.roots = 0
        first = self.next_authority()
        members = folder / "members"
        members.mkdir()
        self.servers = []
        self.clients = []
        self.console = None
        try:
            self.build(members, first)
        except BaseException:
            self.stop()
            raise

    def build(self, members, first):
        self.inner = self.run(Inner(members, first))
        self.haproxy = self.run(HAProxy(members, first, self.inner))
        self.edge = self.run(Edge(members, first, self.haproxy))
        self.postgresql = self.run(PostgreSQL(members, first))
        self.mosquitto = self.run(Mosquitto(members, first))
        self.redis = self.run(Redis(members, first))
        self.clients = [
            Client(members, first, "browser", self.edge, ["web", "download"], ["web"]),
            Client(members, first, "gateway", self.haproxy, ["web"], ["web"]),
            Client(members, first, "reports", self.postgresql, ["sql"], ["sql"]),
            Client(members, first, "meter", self.mosquitto, ["publish"], ["subscription"]),
            Client(members, first, "shop", self.redis, ["cache"], ["cache"]),
        ]
        self.reports = self.clients[2]
        self.members = self.servers + self.clients
        self.processes = [process for client in self.clients for process in client.processes]

    def run(self, server):
        self.servers.append(server)
        return server.start()

    def next_authority(self):
        self.roots += 1
        return Authority(f"Root {self.roots}")

    def start_clients(self):
        for process in self.processes:
            process.start()
        self.wait_for_some_of_each(self.span())

    def span(self):
        return Span(self.processes)

    def wait_for_some_of_each(self, span):
        """Every process must have been served a few more times: what is begun is counted too."""
        wait_until(span.has_some_of_each, "a connection of every client", 60)

    def process_count(self):
        """How many processes the servers and clients consist of at this moment, the programs they start included."""
        roots = {one.process.pid for one in self.servers + self.processes}
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat") as stat:
                        parents[int(entry)] = int(stat.read().rpartition(")")[2].split()[1])
                except OSError:
                    continue

        def belongs(process):
            while process and process not in roots:
                process = parents.get(process)
            return bool(process)

        return sum(map(belongs, parents))

    # The console

    def start_console(self):
        components = [member.component() for member in self.members]
        self.console = Console(self.folder / "console", components=components).start().set_up()

    @property
    def client(self):
        return self.console.client

    def plan(self):
        """Imports the next root; returns it and the page of the plan of its update."""
        authority = self.next_authority()
        return authority, steps.make_plan(self.client, steps.import_root(self.client, authority))

    def change(self, *components):
        """Gives the console other descriptions of components, as YAML."""
        form = self.client.get("/components/import").form("/components/import")
        fields = form["fields"] | {"yaml": json.dumps({"components": components})}
        page = self.client.upload(form["action"], fields, [])
        assert page.status == 200 and self.client.location == "/components", page.text

    def put_in_one_stage(self):
        """As it is where nobody has given stages: servers and clients are replaced side by side."""
        self.change(*[member.component() | {"stage": 1} for member in self.members])

    def put_in_stages(self):
        """Servers before those who connect to them."""
        self.change(*[member.component() for member in self.members])

    def let_reloads_be_late(self, seconds):
        """Each server loads its files a while after its activation has ended well, as with `systemctl --no-block`."""
        late = []
        for server in self.servers:
            component = server.component() | {"stage": 1}
            component["activation"] = {"command": server.late_activation(seconds), "time_limit": 10}
            late.append(component)
        self.change(*late)

    def restart_console(self):
        self.console.stop(signal.SIGKILL)
        self.console.start()
        self.console.sign_in()

    def stop(self):
        """Ends everything that was started, the clients before their servers."""
        if self.console:
            self.console.stop(signal.SIGKILL)
        processes = [process for client in self.clients for process in client.processes]
        for process in processes:
            process.tell_to_stop()
        problems = []
        for one in processes + self.servers[::-1]:
            try:
                one.stop()
            except AssertionError as error:
                problems.append(error)
        assert not problems, problems
