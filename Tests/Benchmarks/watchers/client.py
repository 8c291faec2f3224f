"""The streams of a measurement: tools/watch.c."""
import json
import subprocess

import processes
from figures import Failed
from places import program


class Streams:
    def __init__(self, folder, port, count, path, mark, headers=""):
        (folder / "headers").touch(0o600)
        (folder / "headers").write_text(headers)
        words = [program("watch"), port, count, path, folder / "headers", mark, "dense"]
        self.process = subprocess.Popen(
            list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait(self):
        """Until every stream is answered."""
        if self.process.stdout.readline() != "ready\n":
            raise Failed("not all streams were answered")
        return self

    def report(self, last, seconds, times):
        """Waits until every stream has the last event; what is told then."""
        self.process.stdin.write(f"{last} {seconds} {times}\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline() or "{}")
        if not told or told["behind"]:
            raise Failed(f"{told.get('behind', 'all')} streams had not the last event after {seconds} s more: {told}")
        return told

    def stop(self):
        self.process.kill()
        self.process.wait()


def with_memory(number, streams, size):
    """Bytes for each stream: what a process has grown by while they were opened."""
    before = processes.resident(number)
    streams().wait()
    return (processes.resident(number) - before) / size
