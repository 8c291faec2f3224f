"""Those who only send the same messages to everybody."""
import http.client
import pathlib
import subprocess
import sys
import time

import processes
from authority import Authority
from figures import Figures
from places import HERE, program
from servers import free_port, listens, wait_until

from .client import Streams, with_memory



class Schedule:
    """When messages are published, in microseconds after the beginning, and how long each is."""

    def __init__(self, moments, size):
        self.moments, self.size = moments, size


# So few that all are sent before the next one comes: what is measured is one fan-out, not a queue.
FEW = Schedule([number * 500_000 for number in range(20)], 512)


class Hub:
    """Publishes what a schedule says."""

    name = ""
    path = "/events"

    def __init__(self, folder, schedule):
        self.folder, self.schedule = folder, schedule
        (folder / "moments").write_text("".join(f"{moment}\n" for moment in schedule.moments))
        Authority("Hub Root").issue(["localhost"], folder)
        self.times = folder / "times"
        self.streams = None
        self.port = self.start()

    def run(self, size):
        number = self.serving()
        memory = with_memory(number, lambda: self.open(size), size)
        cpu = processes.cpu(number)
        begun = time.monotonic()
        self.publish()
        told = self.streams.report(len(self.schedule.moments), 300, self.times)
        seconds = time.monotonic() - begun
        cpu, peak = processes.cpu(number) - cpu, processes.peak(number)
        more = {"p50 ms": told["p50"], "worst ms": told["worst"], "KB a stream": memory / 1e3, "all s": seconds}
        more |= {name: told[name] for name in ("lost", "doubled", "reconnects")}
        return Figures(told["p99"] / 1000, cpu, peak, more)

    def serving(self):
        """The process that serves the streams."""
        return self.process.pid

    def open(self, size):
        self.streams = Streams(self.folder, self.port, size, self.path, "data: ")
        return self.streams

    def begin(self, words):
        """Starts a program that says its port in its first line."""
        self.process = subprocess.Popen(
            list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self.folder)
        return int(self.process.stdout.readline())

    def publish(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def arguments(self):
        return [
            self.folder / "server.pem", self.folder / "server.key", self.folder / "moments", self.schedule.size, self.times]

    def close(self):
        if self.streams:
            self.streams.stop()
        self.process.kill()
        self.process.wait()


class LibMicroHTTPD(Hub):
    """tools/fanout.c"""

    name = "libmicrohttpd"

    def start(self):
        return self.begin([program("fanout"), *self.arguments()])


class ASGI(Hub):
    """uvicorn with uvloop, and Starlette."""

    name = "uvicorn"

    def start(self):
        return self.begin([sys.executable, HERE / "watchers" / "asgi_main.py", *self.arguments()])


class Nchan(Hub):
    """nginx with its module nchan, as Debian has it, and a publisher on the same machine."""

    name = "nchan"
    configuration = """
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; user root;
worker_rlimit_nofile 15000;
events {{ worker_connections 15000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/temp; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp;
  uwsgi_temp_path {folder}/temp; scgi_temp_path {folder}/temp;
  nchan_max_reserved_memory 256M;
  server {{
    listen 127.0.0.1:{port} ssl backlog=1024;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    ssl_buffer_size 4k; ssl_session_cache off;
    location = /events {{ nchan_subscriber eventsource; nchan_channel_id one; nchan_message_buffer_length 100000; }}
  }}
  server {{
    listen 127.0.0.1:{publishing};
    keepalive_requests 100000;
    location = /publish {{ nchan_publisher; nchan_channel_id one; nchan_message_buffer_length 100000; }}
  }}
}}
"""

    def start(self):
        port, self.publishing = free_port(), free_port()
        (self.folder / "nginx.conf").write_text(
            self.configuration.format(folder=self.folder, port=port, publishing=self.publishing))
        self.process = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"],
            stdin=subprocess.DEVNULL)
        wait_until(lambda: listens(port) and listens(self.publishing), "nginx listening")
        return port

    def serving(self):
        """The worker, which is there a moment after the port is."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        wait_until(children.read_text, "nginx's worker")
        return int(children.read_text())

    def publish(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.publishing, timeout=60)
        begun, moment = time.monotonic(), time.time_ns() // 1000
        with self.times.open("w") as file:
            for number, after in enumerate(self.schedule.moments, start=1):
                if (left := begun + after / 1e6 - time.monotonic()) > 0:
                    time.sleep(left)
                body = f"{number} ".ljust(self.schedule.size - len("data: \n\n"), ".")
                file.write(f"{number} {moment + after}\n")
                connection.request("POST", "/publish", body, {"Content-Type": "text/plain"})
                connection.getresponse().read()

    def close(self):
        if self.streams:
            self.streams.stop()
        self.process.terminate()
        self.process.wait(30)
