"""A backup is taken beside a running server, and what is restored from it looks at the world before it believes itself."""
import collections
import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest
from cryptography import x509

import update as steps
from authority import Authority
from console import PROGRAM, Console
from disk import SmallDisk
from sanitizers import environment_under_strace
from servers import Nginx, let_through, wait_until
from test_update import break_reload

PASSPHRASE = "a long passphrase for backups"


def reroot(*words, status=0, text=None):
    """Runs the program to its end; returns what it said."""
    done = subprocess.run([PROGRAM, *map(str, words)], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
    return done.stdout + done.stderr


def write_secret(path, text):
    """A file that is nobody else's to read."""
    path.touch(0o600)
    path.write_text(text)


class Machine:
    """Two small servers under one root, in two stages, and a console that knows them."""

    def __init__(self, folder):
        folder.chmod(0o755)
        self.folder = folder
        self.first = Authority("First Root")
        self.servers = [Nginx(folder / name, self.first).start() for name in ("web-1", "web-2")]
        components = [
            server.component(stage=number + 1, name=server.folder.name) for number, server in enumerate(self.servers)
        ]
        self.console = Console(folder / "console", components=components).start().set_up()
        self.consoles = [self.console]
        self.passphrase = folder / "passphrase"
        write_secret(self.passphrase, PASSPHRASE + "\n")

    def update_to(self, authority, console=None):
        client = (console or self.console).client
        update = steps.start(client, steps.make_plan(client, steps.import_root(client, authority)))
        steps.wait_for_end(client, update, "completed")
        return update

    def back_up(self):
        file = self.folder / "backup"
        said = reroot("backup", file, "--data", self.console.folder / "data", "--passphrase-file", self.passphrase)
        assert oct(file.stat().st_mode & 0o777) == "0o600"
        return file, said

    def restore(self, file):
        """The machine burns down; the backup is restored on another one, and the server started there."""
        self.console.stop(signal.SIGKILL)
        shutil.rmtree(self.console.folder / "data")
        other = Console(self.folder / "other")
        reroot("restore", file, "--data", other.folder / "data", "--passphrase-file", self.passphrase)
        self.consoles.append(other.start())
        return other

    def files(self):
        return [server.files() for server in self.servers]

    def served(self):
        return [x509.load_pem_x509_certificate(server.served().encode()) for server in self.servers]

    def expect_served_by(self, authority):
        for certificate in self.served():
            certificate.verify_directly_issued_by(authority.certificate)

    def stop(self):
        for console in self.consoles:
            console.stop(signal.SIGKILL)
        for server in self.servers:
            server.stop()


@pytest.fixture
def machine(tmp_path):
    let_through(tmp_path)
    made = Machine(tmp_path)
    yield made
    made.stop()


def restored_page(client):
    """The page of what differs, once every component has been looked at."""
    last = {}

    def looked():
        last["page"] = client.get("/restored")
        return "Looked at" in last["page"].text

    wait_until(looked, "the look at every component")
    return last["page"]


def confirm(client):
    form = client.get("/restored").form("/restored/seen")
    assert client.post(form["action"], form["fields"]).status == 200


def start_refused(client, plan):
    form = plan.form("/updates")
    page = client.post("/updates", form["fields"])
    assert page.status == 409, page.text
    return page.text


def test_a_restored_server_sees_that_the_world_has_moved_on_and_goes_by_what_is_there(machine):
    second, third, fourth = Authority("Second Root"), Authority("Third Root"), Authority("Fourth Root")
    update = machine.update_to(second)
    cookies = dict(machine.console.client.cookies)
    file, said = machine.back_up()
    assert "each of which opens" in said
    machine.update_to(third)
    world, served = machine.files(), machine.served()
    machine.expect_served_by(third)

    other = machine.restore(file)
    client = other.client
    client.cookies = cookies
    assert "Sign in" in client.get("/components").text, "the session of the backup is void"
    other.sign_in()
    page = restored_page(client)
    assert "2 components differ" in page.text
    for server, certificate in zip(machine.servers, served):
        assert f"127.0.0.1:{server.port} serves" in page.text
        assert f"{certificate.serial_number:x}" in page.text, "the serial number of what is in the files"
    for place in ["/components", "/roots", "/updates"]:
        assert "components are not as the database says" in client.get(place).text
    assert "Not as the restored database says" in client.get("/components/1").text

    # The update that the backup knew cannot be aborted: what would be put back is older than what is there.
    assert f'action="{update}/decisions"' not in client.get(update).text
    # Nothing starts before somebody has read what differs, and nothing was touched so far.
    root = steps.import_root(client, fourth)
    assert "restored from a backup" in start_refused(client, steps.make_plan(client, root))
    assert machine.files() == world
    confirm(client)
    update = steps.start(client, steps.make_plan(client, root))
    steps.wait_for_end(client, update, "completed")
    machine.expect_served_by(fourth)
    for server in machine.servers:
        bundle = x509.load_pem_x509_certificates((server.folder / "roots.pem").read_bytes())
        assert third.certificate in bundle, "a root that the database does not know stays trusted"

    # Abort puts back what was there, and not what the database took for it.
    assert steps.decide(client, update, "abort").status == 303
    steps.wait_for_end(client, update, "rolledBack")
    assert machine.files() == world
    assert machine.served() == served
    # The audit log goes on where the backup left it, with an entry of the restore.
    reroot("audit", "verify", "--data", other.folder / "data")
    with contextlib.closing(sqlite3.connect(other.folder / "data" / "reroot.sqlite")) as database:
        events = [row[0] for row in database.execute("SELECT event FROM audit ORDER BY number")]
    assert "backup.restored-seen" in events[events.index("backup.restored"):]
    doctor = reroot("doctor", "--data", other.folder / "data", status=2)
    assert doctor.count("and not the certificate of the current set") == 2, doctor


def test_an_update_of_the_backup_never_goes_on_by_itself_and_abort_puts_everything_back(machine):
    second = Authority("Second Root")
    client = machine.console.client
    before, served = machine.files(), machine.served()
    # What they serve before the update has been looked at, as happens by itself from time to time.
    client.post("/components/looks", client.get("/components").form("/components/looks")["fields"])
    plan = steps.make_plan(client, steps.import_root(client, second))
    mend = break_reload(machine.servers[0])
    update = steps.start(client, plan)
    steps.wait_for_end(client, update, "deciding")
    # The backup knows of the first server only; the second one is touched after it.
    file, said = machine.back_up()
    assert f"Update {update.rsplit('/', 1)[1]} was under way" in said
    mend()
    assert steps.decide(client, update, "retry").status == 303
    steps.wait_for_end(client, update, "completed")
    world = machine.files()

    other = machine.restore(file)
    client = other.sign_in().client
    page = restored_page(client)
    assert "It was under way. It does not go on by itself" in page.text
    assert "whoever was removed since can sign in again" in page.text.lower()
    steps.wait_for(client, update, "deciding")

    def is_refused_until_it_is_read():
        # With the question that is asked now: the one of the backup is asked anew once the restore is journaled.
        refused = steps.decide(client, update, "abort")
        assert refused.status == 409, refused.text
        return "and confirm it; then decide on the update" in refused.text

    # Before every component has been looked at it is refused, too, with a sentence that says to wait for that.
    wait_until(is_refused_until_it_is_read, "the refusal says what is to be read")
    assert machine.files() == world, "nothing goes on by itself"
    confirm(client)
    assert steps.decide(client, update, "abort").status == 303
    steps.wait_for_end(client, update, "rolledBack")
    assert machine.files() == before
    assert machine.served() == served


def test_a_root_that_was_brought_into_force_after_the_backup_is_not_removed_as_unused(machine):
    second = Authority("Second Root")
    client = machine.console.client
    root = steps.import_root(client, second)
    file, _ = machine.back_up()
    update = steps.start(client, steps.make_plan(client, root))
    steps.wait_for_end(client, update, "completed")
    client = machine.restore(file).sign_in().client
    restored_page(client)
    confirm(client)
    page = client.get(f"{root}/remove")
    assert "After the restore these components were seen with certificates of it" in page.text
    answer = client.post(f"{root}/remove", {"csrf": re.search(r'name="csrf-token" content="([^"]+)"', page.text).group(1)})
    assert "After the restore" in answer.text and second.name in client.get("/roots").text


KINDS = ["rename", "mkdir", "unlink", "rmdir", "fsync"]


def killed(kind, step, *words):
    """Runs the program and kills it at a system call; whether it came to its end before."""
    traced = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={kind}",
              "-e", f"inject={kind}:signal=KILL:when={step}", PROGRAM, *map(str, words)]
    done = subprocess.run(traced, capture_output=True, timeout=120, env=environment_under_strace())
    return done.returncode == 0


def calls(folder, *words):
    """How often each kind of call is made by a run of the program."""
    trace = folder / "trace"
    traced = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", trace, "-e", f"trace={','.join(KINDS)}", PROGRAM]
    subprocess.run([*traced, *map(str, words)], check=True, capture_output=True, timeout=120, env=environment_under_strace())
    text = trace.read_text()
    trace.unlink()
    return {kind: len(re.findall(rf"\b{kind}\(", text)) for kind in KINDS}


def sample(many):
    """In the gate the first calls of a kind and the last ones, and one between; all of them in a long run."""
    if "REROOT_LONG" in os.environ or many < 6:
        return range(1, many + 1)
    return [1, 2, many // 2, many - 1, many]


def test_a_restore_that_is_killed_at_any_step_is_not_there_or_is_whole(tmp_path):
    data, file, secret = tmp_path / "data", tmp_path / "backup", tmp_path / "passphrase"
    write_secret(secret, PASSPHRASE)
    components = {"components": [{"name": "restored", "names": ["a.example"],
                                  "files": {"certificate": "/nowhere/c", "key": "/nowhere/k"}}]}
    reroot("components", "apply", "-", "--data", data, text=json.dumps(components))
    reroot("backup", file, "--data", data, "--passphrase-file", secret)

    def words(folder):
        return ["restore", file, "--data", folder, "--passphrase-file", secret]

    found = calls(tmp_path, *words(tmp_path / "counted"))

    def attempt(point):
        kind, step = point
        folder = tmp_path / f"{kind}-{step}"
        # Calls are counted for each thread alone, so a late one may not be reached.
        finished = killed(kind, step, *words(folder))
        listed = reroot("components", "export", "--data", folder)
        if "restored" in listed:
            return "finished" if finished else "whole"
        assert listed == "components: []\n", f"{kind} {step}: {listed}"
        return "not there"

    points = [(kind, step) for kind, many in found.items() for step in sample(many)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ended = collections.Counter(pool.map(attempt, points))
    print(f"restores killed: {len(points)} of {sum(found.values())} points, {dict(ended)}, half restores: 0")
    assert ended["whole"] > 0 and ended["not there"] > 2
    # What looks like no restore is in nobody's way.
    folder = tmp_path / "again"
    assert not killed("fsync", 1, *words(folder))
    reroot(*words(folder))
    assert "restored" in reroot("components", "export", "--data", folder)


def test_a_kill_while_a_backup_is_made_leaves_the_former_one(tmp_path):
    data, file, secret = tmp_path / "data", tmp_path / "backup", tmp_path / "passphrase"
    write_secret(secret, PASSPHRASE)
    reroot("components", "apply", "-", "--data", data, text=json.dumps({"components": []}))
    reroot("backup", file, "--data", data, "--passphrase-file", secret)
    former = file.read_bytes()
    for kind in ["mkdir", "fsync"]:
        assert not killed(kind, 1, "backup", file, "--force", "--data", data, "--passphrase-file", secret)
        assert file.read_bytes() == former, kind
    reroot("backup", file, "--force", "--data", data, "--passphrase-file", secret)
    assert file.read_bytes() != former
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data", "passphrase"]
    reroot("restore", file, "--data", tmp_path / "other", "--passphrase-file", secret)


def test_a_full_disk_never_leaves_a_restored_database_that_does_not_know_of_it(tmp_path):
    data, file, secret = tmp_path / "data", tmp_path / "backup", tmp_path / "passphrase"
    write_secret(secret, PASSPHRASE)
    reroot("components", "apply", "-", "--data", data, text=json.dumps({"components": []}))
    reroot("backup", file, "--data", data, "--passphrase-file", secret)
    size = (data / "reroot.sqlite").stat().st_size
    disk = SmallDisk(tmp_path / "small", 8)
    ended = collections.Counter()
    try:
        for free in range(size - 16384, size * 3 + 65536, 24576):
            disk.fill(free)
            words = ["restore", file, "--data", disk.folder / "data", "--passphrase-file", secret]
            done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60)
            if done.returncode == 0:
                with contextlib.closing(sqlite3.connect(f"file:{disk.folder}/data/reroot.sqlite?immutable=1", uri=True)) as found:
                    assert found.execute("SELECT count(*) FROM restorations").fetchone() == (1,), free
            else:
                assert "is full" in done.stderr, done.stderr
                assert not (disk.folder / "data").exists(), free
            ended[done.returncode] += 1
            shutil.rmtree(disk.folder / "data", ignore_errors=True)
            disk.make_room()
    finally:
        disk.close()
    print(f"restores onto a disk that is nearly full: {ended[0]} whole, {ended[1]} not there, {sum(ended.values())} in all")
    assert ended[0] and ended[1] and set(ended) == {0, 1}


def waits_for_input(process):
    """Whether a thread of the process reads standard input and gets nothing."""
    def calls():
        for task in (pathlib.Path("/proc") / str(process.pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                yield (task / "syscall").read_text().split()

    return any(call[:2] in (["0", "0x0"], ["63", "0x0"]) for call in calls())


def test_the_doctor_asks_for_a_passphrase_once_also_where_somebody_begins_to_write_meanwhile(tmp_path):
    data = tmp_path / "data"
    words = ["--data", data, "--master-key-passphrase"]
    reroot("components", "apply", "-", "--data", data, text=json.dumps({"components": []}))
    reroot("master-key", "rotate", "--data", data, "--to-passphrase", text=PASSPHRASE + "\n")
    for log in data.glob("reroot.sqlite-*"):
        log.unlink()
    doctor = subprocess.Popen([PROGRAM, "doctor", *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    wait_until(lambda: waits_for_input(doctor), "the question for the passphrase")
    with contextlib.closing(sqlite3.connect(data / "reroot.sqlite")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO settings (key, value) VALUES ('x', 'y')")
        writer.commit()
        said, _ = doctor.communicate(PASSPHRASE + "\n", timeout=60)
    assert re.search(r"OK +master key", said), said


def test_a_server_on_another_disk_is_not_taken_for_one_on_this(tmp_path):
    disks = []
    held = None
    try:
        for name in "ab":
            disks.append(SmallDisk(tmp_path / name, 8))
            (disks[-1].folder / "data").mkdir(mode=0o700)
            (disks[-1].folder / "data" / "reroot.lock").touch(0o600)
        one, other = (disk.folder / "data" for disk in disks)
        assert (one / "reroot.lock").stat().st_ino == (other / "reroot.lock").stat().st_ino
        for folder in (one, other):
            reroot("components", "apply", "-", "--data", folder, text=json.dumps({"components": []}))
        held = open(one / "reroot.lock")
        fcntl.flock(held, fcntl.LOCK_EX)

        def line(folder):
            said = subprocess.run([PROGRAM, "doctor", "--data", folder], capture_output=True, text=True, timeout=60)
            return next(text for text in said.stdout.splitlines() if "data folder" in text)

        assert "a server runs on it" in line(one) and "no server runs on it" in line(other)
    finally:
        if held:
            held.close()
        for disk in disks:
            disk.close()


def test_a_backup_never_replaces_what_it_is_made_of(tmp_path):
    """Whatever is forced: the data folder is the same afterwards, and no second server starts on it."""
    console = Console(tmp_path / "console").start()
    data, secret = tmp_path / "console" / "data", tmp_path / "passphrase"
    write_secret(secret, PASSPHRASE)
    kept = {name: (data / name).stat().st_ino for name in os.listdir(data)}
    key = (data / "master.key").read_bytes()
    (tmp_path / "link").symlink_to(data)
    os.link(data / "master.key", tmp_path / "key")
    words = ["--force", "--data", data, "--passphrase-file", secret]
    try:
        for file in [*(data / name for name in kept), data / "new", tmp_path / "link" / "new", tmp_path / "key"]:
            assert "belongs to Reroot's data folder" in reroot("backup", file, *words, status=1), file
        secret.chmod(0o644)
        assert "can be read by others (mode 644)" in reroot("backup", tmp_path / "backup", *words, status=64)
        secret.chmod(0o600)
        assert "cannot go to standard output" in reroot("backup", "-", *words, status=1)
        assert "no backup, and --force replaces backups only" in reroot("backup", secret, *words, status=1)
        (tmp_path / ".backup.reroot-part").symlink_to(tmp_path)
        assert "Look at it and remove it" in reroot("backup", tmp_path / "backup", *words, status=1)
        (tmp_path / ".backup.reroot-part").unlink()
        assert {name: (data / name).stat().st_ino for name in os.listdir(data)} == kept
        assert (data / "master.key").read_bytes() == key and secret.read_text() == PASSPHRASE
        # Not even when the file that says who has the folder is gone.
        (data / "reroot.lock").unlink()
        assert "Another Reroot is running" in reroot("components", "export", "--data", data, status=1)
        reroot("backup", tmp_path / "backup", *words)
        reroot("backup", tmp_path / "backup", *words)
    finally:
        console.stop()
