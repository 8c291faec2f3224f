"""The restrictions of the unit of systemd, as far as they can be had without systemd."""
import pathlib
import re

UNIT = pathlib.Path(__file__).resolve().parents[2] / "Scripts" / "debian" / "reroot.service"


def setting(text, name):
    """The last value of a setting; those of a list are put together as systemd does."""
    values = re.findall(rf"^{name}=(.*)$", text, re.M)
    return " ".join(values) if name.endswith("Set") else values[-1]


def restricted(text):
    """The words before a command, by which it has no more powers than the unit leaves, and gets none by a program."""
    kept = [name.removeprefix("CAP_").lower() for name in setting(text, "CapabilityBoundingSet").split()]
    words = ["setpriv", "--bounding-set=" + ",".join(["-all", *(f"+{name}" for name in kept)]), "--inh-caps=-all"]
    if setting(text, "NoNewPrivileges") == "yes":
        words.append("--no-new-privs")
    # Neither file gets larger than nothing when it is dumped, and nobody else reads what is made without a mode.
    limit = setting(text, "LimitCORE")
    return ["prlimit", f"--core={limit}", *words, "sh", "-c", f'umask {setting(text, "UMask")}; exec "$@"', "sh"]


def status(process):
    """What the kernel says of a process."""
    text = pathlib.Path(f"/proc/{process}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def expect_restricted(process, text):
    """That a process has what the unit leaves, and not more."""
    found = status(process)
    assert found["NoNewPrivs"] == "1"
    assert int(found["CapBnd"], 16).bit_count() == len(setting(text, "CapabilityBoundingSet").split())
    assert int(found["CapEff"], 16) & ~int(found["CapBnd"], 16) == 0
    assert int(found["Umask"], 8) == int(setting(text, "UMask"), 8)
