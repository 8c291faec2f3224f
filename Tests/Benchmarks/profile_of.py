"""Where a process spends its time, as `perf` samples it, when that is asked for."""
import contextlib
import shutil
import signal
import subprocess

from places import BUILD

# What waits for the disk, and how often threads wait for each other.
COUNTED = [f"syscalls:sys_enter_{name}" for name in ("fsync", "fdatasync", "sync_file_range", "pwrite64", "clone", "vfork")]
COUNTED.append("context-switches")

# Set by the option --profile.
is_wanted = False


@contextlib.contextmanager
def process(number, label):
    """Records a process during the block; the report is written beside the programs of the benchmark."""
    if not is_wanted or not label:
        yield
        return
    folder = BUILD / "profiles"
    folder.mkdir(exist_ok=True)
    data = folder / f"{label}.perf"
    recorder = subprocess.Popen(
        [shutil.which("perf"), "record", "-q", "-e", "cpu-clock", "-F", "997", "-g", "-p", str(number), "-o", data],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    counts = folder / f"{label}.counts"
    counter = subprocess.Popen(
        ["perf", "stat", "-e", ",".join(COUNTED), "-p", str(number), "-o", counts], stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        for one in (recorder, counter):
            one.send_signal(signal.SIGINT)
            one.wait(60)
        report = folder / f"{label}.txt"
        # Where it is, and then what it is there for.
        counted = counts.read_text() if counts.exists() else ""
        report.write_text(counted + "".join(reported(data, order) for order in ("--no-children", "--children")))
        counts.unlink(missing_ok=True)
        data.unlink(missing_ok=True)
        print(f"profile: {report}", flush=True)


def reported(data, order):
    words = ["perf", "report", "-i", data, "--stdio", "--percent-limit", "0.3", order, "-g", "none", "--sort", "symbol"]
    text = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    if shutil.which("swift"):
        demangling = ["swift", "demangle", "--simplified"]
        text = subprocess.run(demangling, input=text, capture_output=True, text=True, check=False).stdout
    return f"# {order}\n{text}"
