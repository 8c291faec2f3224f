"""Consoles with many small components of this machine, each in a folder of its own."""
import shutil

from authority import Authority


def described(folder, command):
    return {
        "name": folder.name, "names": [f"{folder.name}.example"], "usage": "both",
        "files": {
            "certificate": str(folder / "server.pem"), "key": str(folder / "server.key"),
            "trust_bundle": str(folder / "roots.pem"),
        },
        "activation": {"command": command},
    }


def components(tmp_path, count, command):
    """So many components with certificates of an old root.

    - command: gives the activation of one by its folder.
    """
    Authority("Old Root").issue(["old.example"], tmp_path / "part")
    folders = [tmp_path / "parts" / f"part-{number:03}" for number in range(1, count + 1)]
    for folder in folders:
        shutil.copytree(tmp_path / "part", folder)
    return [described(folder, command(folder)) for folder in folders]
