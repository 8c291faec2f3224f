"""What breaks the program at its durable calls knows all of them: the kernel's own account of them says so.

A call that the library does not count is one that no test kills or lets fail.
"""
import collections
import re
import shutil

import console as consoles
from fragile import Fragile
from sanitizers import environment_under_strace
from servers import wait_until

# Every system call that makes, changes, names or syncs a file, and under which name the library counts it. The others
# are made by nothing yet; the first that is will be missed by the library, and belongs into faults.c then.
COUNTED = {
    "write": "write", "pwrite64": "pwrite", "fsync": "fsync", "fdatasync": "fdatasync", "ftruncate": "ftruncate",
    "open": "open", "openat": "open", "creat": "open", "rename": "rename", "renameat": "rename", "link": "link",
    "linkat": "link", "unlink": "unlink", "unlinkat": "unlink", "mkdir": "mkdir", "rmdir": "rmdir", "chmod": "chmod",
    "fchmod": "fchmod", "chown": "chown", "fchown": "fchown", "sync_file_range": "sync_file_range",
}
OTHERS = (
    "writev", "pwritev", "pwritev2", "mkdirat", "mknod", "mknodat", "fchmodat", "lchown", "fchownat", "truncate",
    "symlink", "symlinkat", "renameat2", "fallocate", "sync", "syncfs", "msync", "sendfile",
    "copy_file_range", "splice", "io_submit", "io_uring_enter", "utime", "utimes", "utimensat", "futimesat",
    "setxattr", "lsetxattr", "fsetxattr", "removexattr", "fremovexattr", "openat2", "mmap",
)

TRACED = """#!/bin/sh
exec strace -D -f -y -q --seccomp-bpf -s 0 -e signal=none -e trace=execve,{calls} -o {log} {program} "$@"
"""


class Trace:
    """The calls of the program that strace has written down, its children's left out."""

    def __init__(self, file, prefix):
        lines = [line.split(None, 1) for line in file.read_text().splitlines()]
        started = [process for process, call in lines if call.startswith("execve(")]
        program, children = started[0], set(started[1:])
        assert program not in children
        self.names = collections.Counter(
            self.name(call) for process, call in lines if process not in children and self.counts(call, prefix)
        )

    @staticmethod
    def name(call):
        function = call.split("(", 1)[0]
        return COUNTED.get(function, function)

    @staticmethod
    def counts(call, prefix):
        """Whether it is the beginning of a call that changes a file under a path; the index of SQLite's log is none."""
        function = re.match(r"\w+(?=\()", call)
        if not function or function[0] == "execve" or prefix not in call or "-shm" in call:
            return False
        if function[0] in ("open", "openat", "openat2"):
            return "O_CREAT" in call or "O_TMPFILE" in call
        return function[0] != "mmap" or ("PROT_WRITE" in call and "MAP_SHARED" in call)


def whole_life(system):
    """From the first start to the end in good order, with an update that fails and is taken back."""
    system.launch().set_up()
    system.plan()
    system.let_fail()
    assert system.begin().status == 303
    system.settled()
    system.abort()
    system.expect_before()
    assert system.stop() == 0


def test_every_call_that_the_kernel_sees_change_a_file_is_one_that_can_be_broken(tmp_path, monkeypatch):
    system = Fragile(tmp_path / "system")
    traced, log = tmp_path / "traced", tmp_path / "trace"
    traced.write_text(TRACED.format(calls=",".join([*COUNTED, *OTHERS]), log=log, program=consoles.PROGRAM))
    traced.chmod(0o755)
    try:
        system.stop()
        shutil.rmtree(system.live / "data")
        monkeypatch.setattr(consoles, "PROGRAM", str(traced))
        system.console.environment |= environment_under_strace()
        system.faults.arm()
        whole_life(system)
        ended = re.compile(rf"^{system.console.process.pid} +\+\+\+ exited", re.MULTILINE)
        wait_until(lambda: ended.search(log.read_text()), "all is written down", 20)
        seen = Trace(log, str(system.live)).names
        broken = collections.Counter(call.split(" ", 1)[0] for call in system.faults.calls)
        print(f"\n{seen.total()} calls seen by the kernel, {broken.total()} counted: {dict(seen)}")
        assert len(seen) > 12 and seen == broken, f"missed {seen - broken}, counted in vain {broken - seen}"
    finally:
        system.close()
