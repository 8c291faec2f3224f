"""Disks that are full, or lose their power. They need root, and loop devices for the latter."""
import os
import pathlib
import signal
import subprocess
import time

import pytest


def require_root():
    """Skips, which the gate counts as failed unless REROOT_MAY_SKIP is set: nothing has been shown then."""
    if os.getuid() != 0:
        pytest.skip("a file system can be mounted by root only")


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True, timeout=60)


def unmount(folder):
    subprocess.run(["umount", str(folder)], check=True, capture_output=True, timeout=60)


class SmallDisk:
    """A file system in memory that can be filled to the last block."""

    def __init__(self, folder, megabytes):
        require_root()
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "none", self.folder)

    @property
    def ballast(self):
        return self.folder / "ballast"

    def fill(self, free=0):
        """Leaves so many bytes."""
        found = os.statvfs(self.folder)
        with open(self.ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - free))

    def make_room(self):
        self.ballast.unlink()

    def close(self):
        unmount(self.folder)


class Disk:
    """An ext4 in an image file, which holds only what the file system has really handed to its disk: a copy of it,
    taken at any moment, is the disk after a power cut at that moment."""

    def __init__(self, folder):
        require_root()
        if not pathlib.Path("/dev/loop-control").exists():
            pytest.skip("there are no loop devices")
        self.folder = pathlib.Path(folder)
        self.image = self.folder / "disk.img"
        self.place = self.folder / "live"
        self.place.mkdir(parents=True)
        with open(self.image, "wb") as file:
            file.truncate(48 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True, timeout=60)
        self.is_mounted = False
        self.attach(self.image)

    def attach(self, image):
        # Nothing is written by the file system of its own accord while a test runs.
        mount("-o", "loop,commit=300", image, self.place)
        self.is_mounted = True

    def detach(self):
        if self.is_mounted:
            unmount(self.place)
        self.is_mounted = False

    def sync(self):
        subprocess.run(["sync", "-f", str(self.place)], check=True, timeout=60)

    def copy(self, name):
        image = self.folder / name
        subprocess.run(["cp", "--sparse=always", str(self.image), str(image)], check=True, timeout=60)
        return image


class Stopped:
    """A process of which no thread does anything for as long as this is entered."""

    def __init__(self, process):
        self.process = process

    def __enter__(self):
        self.process.send_signal(signal.SIGSTOP)
        end = time.monotonic() + 20
        while any(state(task) not in "TXZ" for task in self.tasks()):
            assert time.monotonic() < end, "the process does not stop"
            time.sleep(0.002)
        return self

    def tasks(self):
        return list(pathlib.Path(f"/proc/{self.process.pid}/task").iterdir())

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)


def state(task):
    try:
        return (task / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
