"""A Debian in a folder, booted: its own systemd is the first process of namespaces of their own. Nothing of this machine but
its kernel is reached from within: no network, no clock, no setting of the kernel."""
import os
import pathlib
import shlex
import signal
import subprocess

from servers import wait_until

# What a container needs: files of the kernel that are only read, devices that do nothing, a control group to put services in.
BEGIN = r"""
set -e
root=$1
mount --bind "$root" "$root"
cd "$root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid tmpfs dev
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p .former
pivot_root . .former
umount -l .former
hostname booted
exec setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-syslog,-sys_boot,-mac_admin,-mac_override \
  env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console --show-status=false
"""


def control_groups():
    """Where the control groups of the second version are; None on a machine without them."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split(" ")
        if kind == "cgroup2":
            return pathlib.Path(place)
    return None


class Booted:
    """The services of a root folder, until it is left."""

    def __init__(self, root):
        self.root = root

    def __enter__(self):
        self.group = control_groups() / f"booted-{os.getpid()}"
        self.group.mkdir()
        join = f'echo $$ > {shlex.quote(str(self.group))}/cgroup.procs && exec "$@"'
        self.process = subprocess.Popen(
            ["sh", "-c", join, "sh", "unshare", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--net", "--fork",
             "--kill-child=SIGKILL", "--propagation", "private", "sh", "-c", BEGIN, "sh", str(self.root)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        try:
            wait_until(lambda: self.first and self.answers(), "systemd answers", 60)
        except AssertionError:
            self.__exit__()
            raise AssertionError(f"it does not boot: {self.process.stdout.read()[-3000:]}") from None
        return self

    @property
    def first(self):
        """The first process of the namespaces, by its number here."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return children[0] if children else None

    def answers(self):
        if pathlib.Path(f"/proc/{self.first}/comm").read_text() != "systemd\n":
            return False
        return self.try_to("systemctl", "is-system-running").stdout.strip() in ("starting", "running", "degraded")

    def try_to(self, *words, environment=None, input=""):
        """Runs a command within."""
        own = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", **(environment or {})}
        return subprocess.run(
            ["nsenter", "--target", self.first, "--all", *map(str, words)], input=input, capture_output=True, text=True,
            timeout=120, env=own)

    def do(self, *words, **options):
        ended = self.try_to(*words, **options)
        assert ended.returncode == 0, f"{shlex.join(map(str, words))}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
        return ended.stdout

    def show(self, *names):
        """Properties of the service."""
        said = self.do("systemctl", "show", "reroot", *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in said.splitlines())

    def journal(self):
        return self.do("journalctl", "--unit=reroot", "--output=cat", "--no-pager")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        wait_until(self.is_cleared, "the control groups are cleared away", 30)

    def is_cleared(self):
        for place, _, _ in os.walk(self.group, topdown=False):
            try:
                os.rmdir(place)
            except OSError:
                return False
        return True
