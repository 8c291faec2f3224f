"""Where a process spends its time, as `perf` samples it, when that is asked for."""
import contextlib
import shutil
import signal
import subprocess

from places import BUILD

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
    try:
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(60)
        report = folder / f"{label}.txt"
        with report.open("w") as file:
            for order in (["--no-children", "-g", "none"], ["--children", "-g", "none"]):
                file.write(f"# {' '.join(order)}\n")
                file.flush()
                subprocess.run(
                    ["perf", "report", "-i", data, "--stdio", "--percent-limit", "0.3", *order], stdout=file,
                    stderr=subprocess.DEVNULL, check=False)
        data.unlink(missing_ok=True)
        print(f"profile: {report}", flush=True)
