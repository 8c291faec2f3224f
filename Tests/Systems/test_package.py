"""The Debian package on a clean Debian 12: installed, started, upgraded with its data, removed, purged.

The Debian is made by debootstrap in a folder, so nothing of this machine's is there but its kernel. While it is upgraded no
systemd runs in it: the command of the unit is started as the unit says, with a service manager of the test's own, with the
powers that the unit leaves and on a `/usr` that is only read. Then it is booted, and its own systemd runs the unit, with the
filter of system calls and the namespaces that no test can make by itself.

With REROOT_PACKAGE=FILE that package, such as Scripts/package has made of a release build, is the older of the two.
"""
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import time

import pytest
from cryptography import x509

import update
from authority import Authority
from booted import Booted, control_groups
from console import PASSWORD, PROGRAM, Client, Console
from notify import ServiceManager
from sanitizers import SANITIZED
from servers import wait_until
from unit import expect_restricted, restricted, setting

ROOT = pathlib.Path(__file__).resolve().parents[2]
MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"


def run(*words, limit=600, **options):
    ended = subprocess.run(words, capture_output=True, text=True, timeout=limit, **options)
    assert ended.returncode == 0, f"{shlex.join(map(str, words))}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The package of the program under test, in two versions."""
    folder = tmp_path_factory.mktemp("packages")

    def made(program, version):
        return pathlib.Path(
            run(ROOT / "Scripts" / "package", "--program", program, "--fast", "--version", version, "--output", folder)
            .splitlines()[-1])

    given = os.environ.get("REROOT_PACKAGE")
    return [pathlib.Path(given) if given else made(PROGRAM, "99.0.0"), made(PROGRAM, "99.0.1")]


def version(package):
    return run("dpkg-deb", "--field", package, "Version").strip()


class Debian:
    """A clean Debian 12 in a folder."""

    def __init__(self, folder):
        self.folder = folder
        began = time.monotonic()
        run("debootstrap", "--variant=minbase", "bookworm", folder, MIRROR)
        (folder / "etc/apt/sources.list").write_text(
            f"deb {MIRROR} bookworm main\ndeb {MIRROR} bookworm-updates main\n"
            f"deb {SECURITY} bookworm-security main\n")
        # What a power cut would take is not missed here.
        (folder / "etc/dpkg/dpkg.cfg.d/fast").write_text("force-unsafe-io\n")
        run("mount", "-t", "proc", "proc", folder / "proc")
        run("chroot", folder, "apt-get", "update", "-qq")
        self.took = time.monotonic() - began

    def do(self, *words):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        return run("chroot", self.folder, *words, env=environment)

    def install(self, package):
        place = self.folder / "root" / package.name
        place.write_bytes(package.read_bytes())
        said = self.do("apt-get", "install", "-y", "-qq", "--no-install-recommends", f"/root/{package.name}")
        place.unlink()
        return said

    def path(self, name):
        return self.folder / name.lstrip("/")

    def left_of_it(self):
        """Every path with its name in it, and every file of dpkg's that names it."""
        found = run("find", self.folder, "-xdev", "-iname", "*reroot*", "-not", "-path", f"{self.folder}/proc/*")
        return sorted(line.removeprefix(str(self.folder)) for line in found.splitlines())

    def close(self):
        subprocess.run(["umount", self.folder / "proc"], check=False, timeout=60)


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    folder = tmp_path_factory.mktemp("debian")
    # Whoever the program becomes has to get through the folders above.
    for place in [folder, *folder.parents]:
        if place != pathlib.Path("/tmp") and str(place).startswith("/tmp/"):
            place.chmod(0o755)
    made = Debian(folder / "root")
    yield made
    made.close()


class Service:
    """The command of the unit, as its user, in the changed root."""

    def __init__(self, debian):
        unit = debian.path("/lib/systemd/system/reroot.service").read_text()
        command, user = setting(unit, "ExecStart"), setting(unit, "User")
        self.manager = ServiceManager()
        assert setting(unit, "ProtectSystem") == "yes"
        usr = debian.path("/usr")
        protect = f'mount --bind {usr} {usr} && mount -o remount,bind,ro {usr} && exec "$@"'
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", protect, "sh", "chroot", f"--userspec={user}", str(debian.folder),
             *restricted(unit), *shlex.split(command)], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
            env={"NOTIFY_SOCKET": "@" + self.manager.name, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        try:
            ready = "\n".join(self.manager.waits_for("READY=1"))
        except TimeoutError:
            self.process.kill()
            raise AssertionError(f"it does not get ready: {self.process.communicate()[0][-3000:]}") from None
        expect_restricted(self.process.pid, unit)
        self.port = int(re.search(r"STATUS=Serving https://127\.0\.0\.1:(\d+)", ready).group(1))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.manager.waits_for("STOPPING=1")
        output, _ = self.process.communicate(timeout=30)
        self.manager.close()
        assert self.process.returncode == 0, output
        return output


def console(service):
    """The test's usual client, at the server of the package."""
    made = Console.__new__(Console)
    made.port, made.client = service.port, Client(service.port)
    return made


COMPONENT = """
components:
  - name: batch
    names: [batch.example.net]
    usage: client
    files: {certificate: /srv/batch/server.pem, key: /srv/batch/server.key}
    activation: {command: [/bin/true]}
"""


def bring(client, root):
    """Takes a component to a root, and signs with its key."""
    started = update.start(client, update.make_plan(client, root), in_spite_of_problems=True)
    update.wait_for_end(client, started, "completed")


def make_older(database):
    """Undoes the newest changes of the tables, so that the database is as the version before API and tokens left it."""
    undone = ["1.6 marks of notifications", "1.6 tokens of tokens"]
    undone += ["1.5 watching", "1.5 renewals", "1.5 notifications", "1.4 tokens", "1.3 folded names"]
    with sqlite3.connect(database) as former:
        known = [name for name, in former.execute("SELECT identifier FROM grdb_migrations")]
        assert set(undone) < set(known)
        for table in ("watched", "renewals", "notifications", "request_keys", "tokens"):
            former.execute(f"DROP TABLE {table}")
        former.execute("DROP INDEX users_by_folded_name")
        former.execute("ALTER TABLE users DROP COLUMN folded_name")
        former.executemany("DELETE FROM grdb_migrations WHERE identifier = ?", [(name,) for name in undone])
    former.close()
    return undone


def migrations(database):
    former = sqlite3.connect(database)
    try:
        return {name for name, in former.execute("SELECT identifier FROM grdb_migrations")}
    finally:
        former.close()


def test_the_package_is_what_debian_expects(packages):
    """Lintian finds nothing. The program of the tests has the Swift runtime beside it, which a released one has within."""
    beside = "custom-library-search-path,embedded-library,shared-library-lacks-prerequisites,library-not-linked-against-libc"
    beside += ",mismatched-override,unused-override,sharedobject-in-library-directory-missing-soname"
    beside += ",hardening-no-fortify-functions"
    said = run(
        "lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", beside, "--profile", "debian",
        packages[0])
    assert not [line for line in said.splitlines() if line[:2] in ("E:", "W:")], said


@pytest.mark.plain
def test_a_clean_debian_takes_it_runs_it_upgrades_it_and_is_clean_again(packages, debian):
    print(f"figure: a clean Debian 12 in {debian.took:.0f} s")
    older, newer = packages
    before = set(debian.left_of_it())
    assert before == set()

    # Installed: everything is there, the service enabled, the user made, and nobody else may look into the data folder.
    debian.install(older)
    assert debian.do("dpkg-query", "-W", "-f", "${Status} ${Version}", "reroot") == f"install ok installed {version(older)}"
    assert debian.do("reroot", "--version").strip()
    # By it notifications are sent.
    assert debian.do("curl", "--version")
    assert debian.path("/etc/systemd/system/multi-user.target.wants/reroot.service").is_symlink()
    assert "/usr/sbin/nologin" in debian.do("getent", "passwd", "reroot")
    data = debian.path("/var/lib/reroot")
    assert data.stat().st_mode & 0o7777 == 0o700 and data.stat().st_uid == 0
    assert debian.do("dpkg-query", "-W", "-f", "${Conffiles}", "reroot").split()[0] == "/etc/reroot/reroot.yaml"
    assert debian.do("dpkg", "--verify", "reroot") == ""

    # Started, with a setting of the administrator's own.
    configuration = debian.path("/etc/reroot/reroot.yaml")
    configuration.write_text(configuration.read_text().replace("listen: 127.0.0.1:8443", "listen: 127.0.0.1:0"))
    service = Service(debian)
    client = console(service)
    found = None
    for line in service.process.stdout:
        found = re.search(r"(/setup/\S+)", line)
        if found:
            break
    client.output = [found.group(1) + "\n"]
    client.set_up()
    form = client.client.get("/settings").form("/settings")
    saved = client.client.post("/settings", {**form["fields"], "parallel_components": "3"})
    assert saved.status == 200
    service.stop()

    # With a component that an update has brought to a root, and with the tables of an earlier version.
    Authority("Old Root").issue(["batch.example.net"], debian.path("/srv/batch"))
    debian.path("/srv/components.yaml").write_text(COMPONENT)
    debian.do("reroot", "components", "apply", "/srv/components.yaml", "--data", "/var/lib/reroot")
    service = Service(debian)
    client = console(service)
    client.sign_in()
    root = update.import_root(client.client, Authority("New Root"))
    bring(client.client, root)
    certificate = debian.path("/srv/batch/server.pem").read_bytes()
    service.stop()
    database = data / "reroot.sqlite"
    now = migrations(database)
    undone = make_older(database)
    assert migrations(database) == now - set(undone)
    assert (data / "master.key").stat().st_mode & 0o7777 == 0o600

    # Upgraded: the data and the changed configuration are what they were.
    changed = configuration.read_bytes()
    debian.install(newer)
    assert debian.do("dpkg-query", "-W", "-f", "${Version}", "reroot") == version(newer)
    assert configuration.read_bytes() == changed
    service = Service(debian)
    client = console(service)
    client.sign_in()
    assert client.client.get("/settings").form("/settings")["fields"]["parallel_components"] == "3"
    assert migrations(database) == now
    # The root's key is opened again, and signs.
    bring(client.client, root)
    assert debian.path("/srv/batch/server.pem").read_bytes() != certificate
    assert "batch" in client.client.get("/components").text
    service.stop()

    # Removed: what an administrator has made stays.
    debian.do("apt-get", "remove", "-y", "-qq", "reroot")
    assert not debian.path("/usr/bin/reroot").exists() and not debian.path("/usr/lib/reroot").exists()
    assert (data / "master.key").exists() and configuration.read_bytes() == changed

    # Purged: nothing of it is left, but its user, whose number must not become somebody else's.
    debian.do("apt-get", "purge", "-y", "-qq", "reroot")
    assert debian.left_of_it() == []
    assert "reroot" not in debian.path("/var/lib/dpkg/status").read_text()
    assert debian.do("getent", "passwd", "reroot")


DAILY = """
components:
  - name: batch
    names: [batch.example.net]
    usage: client
    files: {certificate: /srv/daily/server.pem, key: /srv/daily/server.key, trust_bundle: /srv/daily/roots.pem}
    activation: {command: [/usr/sbin/runuser, -u, nobody, --, /bin/sh, -c, "cat /srv/daily/server.pem > /dev/null"]}
"""


def expect_forbidden(booted, main):
    """That the kernel holds the service to what the unit says of it, where nothing but systemd can see to it."""
    status = dict(
        line.split(":\t", 1) for line in booted.do("cat", f"/proc/{main}/status").splitlines() if ":\t" in line)
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status
    mounts = {line.split()[1]: line.split()[3].split(",") for line in booted.do("cat", f"/proc/{main}/mounts").splitlines()}
    assert "ro" in mounts["/usr"] and "rw" in mounts["/"], mounts
    assert not {"/tmp", "/dev"} - set(mounts), mounts
    inside = ["nsenter", "--target", main, "--mount", "--"]
    assert booted.do(*inside, "ls", "/tmp") == ""
    assert booted.try_to(*inside, "touch", "/usr/bin/other").returncode != 0


@pytest.mark.skipif(control_groups() is None, reason="this machine has no control groups of the second version")
def test_systemd_runs_the_unit_with_all_that_it_forbids_and_an_update_is_none_of_it(packages, debian):
    debian.do("apt-get", "install", "-y", "-qq", "--no-install-recommends", "systemd-sysv", "dbus")
    debian.install(packages[0])
    configuration = debian.path("/etc/reroot/reroot.yaml")
    configuration.write_text(configuration.read_text().replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:8443"))
    old, new = Authority("Old Root"), Authority("New Root")
    old.issue(["batch.example.net"], debian.path("/srv/daily"))
    shutil.chown(debian.path("/srv/daily/server.key"), "nobody")
    debian.path("/srv/daily.yaml").write_text(DAILY)
    debian.path("/srv/new.pfx").write_bytes(new.pfx("Root-2026!"))
    data = ["--data", "/var/lib/reroot"]
    debian.do("sh", "-c", shlex.join(["echo", PASSWORD]) + " | " + shlex.join(
        ["reroot", "users", "add", "ada", "--role", "administrator", *data]))
    debian.do("sh", "-c", "umask 077; " + shlex.join(
        ["reroot", "tokens", "make", "t", "--user", "ada", "--role", "administrator", *data]) + " > /root/token")

    if SANITIZED:
        # LeakSanitizer looks by means that the unit forbids.
        folder = debian.path("/etc/systemd/system/reroot.service.d")
        folder.mkdir(parents=True)
        (folder / "sanitized.conf").write_text("[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n")
    with Booted(debian.folder) as booted:
        assert booted.do("systemctl", "is-system-running", "--wait") == "running\n"
        shown = booted.show("ActiveState", "StatusText", "NRestarts", "MainPID", "Type")
        main = shown.pop("MainPID")
        assert shown == {
            "ActiveState": "active", "StatusText": "Serving https://127.0.0.1:8443", "NRestarts": "0", "Type": "notify"}
        expect_forbidden(booted, main)

        # A whole update: keys are made, files of another user replaced, and a command run as that user.
        look = "import ssl; print(ssl.get_server_certificate(('127.0.0.1', 8443)))"
        pem = run("nsenter", "--target", booted.first, "--net", sys.executable, "-c", look)
        known = {"REROOT_SERVER": "https://127.0.0.1:8443", "REROOT_TOKEN_FILE": "/root/token",
                 "REROOT_FINGERPRINT": hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()}
        booted.do("reroot", "components", "apply", "/srv/daily.yaml", environment=known)
        booted.do("reroot", "roots", "import", "/srv/new.pfx", environment=known, input="Root-2026!")
        booted.do(
            "reroot", "update", "start", "--root", "New Root", "--accept-problems", "--watch", environment=known)
        served = x509.load_pem_x509_certificate(debian.path("/srv/daily/server.pem").read_bytes())
        served.verify_directly_issued_by(new.certificate)
        assert debian.path("/srv/daily/server.key").owner() == "nobody"
        assert "thread priority" not in booted.journal(), booted.journal()

        # Ended by a signal it comes again; with a wrong file it does not, and says why.
        booted.do("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "reroot")
        wait_until(lambda: booted.show("NRestarts", "ActiveState") == {"NRestarts": "1", "ActiveState": "active"},
                   "it is started again", 60)
        good = configuration.read_text()
        configuration.write_text(good + "\nlog_levle: loud\n")
        assert booted.try_to("systemctl", "restart", "reroot").returncode != 0
        assert booted.show("ExecMainStatus", "Result") == {"ExecMainStatus": "78", "Result": "exit-code"}
        assert "unknown key 'log_levle'" in booted.journal()
        configuration.write_text(good)
        booted.do("systemctl", "start", "reroot")
        booted.do("systemctl", "stop", "reroot")
        assert booted.show("ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
        assert "Reroot has stopped." in booted.journal()


def test_a_word_that_it_does_not_know_is_refused():
    ended = subprocess.run(
        [ROOT / "Scripts" / "package", "--colour"], capture_output=True, text=True, timeout=60, env=dict(os.environ))
    assert ended.returncode == 64 and "--colour" in ended.stderr
