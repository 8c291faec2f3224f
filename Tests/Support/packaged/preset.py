"""What the program makes of a component that says nothing but its kind and its files."""
import json
import pathlib
import re
import subprocess
import tempfile

from console import PROGRAM


def preset_activation(kind, files):
    """The words of the preset's `check` and `command`, where it has them, by these names."""
    described = {"name": kind, "kind": kind, "names": ["localhost"], "files": files}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "component.yaml"
        file.write_text(json.dumps({"components": [described]}))
        data = pathlib.Path(folder) / "data"
        data.mkdir(mode=0o700)
        for words in (["apply", str(file)], ["export"]):
            done = subprocess.run(
                [PROGRAM, "components", *words, "--data", str(data)], capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
    found = re.findall(r"^ +(check|command): (\[.*\])$", done.stdout, re.MULTILINE)
    return {name: json.loads(words) for name, words in found}
