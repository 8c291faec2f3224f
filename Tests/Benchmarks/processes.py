"""What a running process has cost so far, by proc(5)."""
import os
import pathlib
import re

TICK = os.sysconf("SC_CLK_TCK")


def cpu(number):
    """Seconds, user and system, of a process and of the children that it has waited for."""
    fields = pathlib.Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICK


def peak(number):
    """The most memory that it has had at once, in bytes."""
    return in_status(number, "VmHWM")


def resident(number):
    return in_status(number, "VmRSS")


def in_status(number, name):
    text = pathlib.Path(f"/proc/{number}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", text).group(1)) * 1024


def forget_peak(number):
    """The peak counts from now on."""
    pathlib.Path(f"/proc/{number}/clear_refs").write_text("5")
