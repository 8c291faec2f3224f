"""What is different where the program was built with sanitizers (Scripts/test --sanitize)."""
import os

SANITIZED = "REROOT_SANITIZED" in os.environ

# It computes several times as long, and keeps what was freed.
PATIENCE = 4 if SANITIZED else 1
ROOM = 4 if SANITIZED else 1

# What a program with an environment of its own is told of them.
SETTINGS = {name: os.environ[name] for name in ("ASAN_OPTIONS", "LSAN_OPTIONS") if name in os.environ}


def environment_under_strace():
    """LeakSanitizer stops a program's threads by ptrace itself, so it cannot look where strace does."""
    given = os.environ.get("ASAN_OPTIONS", "")
    return {**os.environ, "ASAN_OPTIONS": f"{given}:detect_leaks=0"} if SANITIZED else dict(os.environ)
