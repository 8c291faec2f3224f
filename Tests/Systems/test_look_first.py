"""After a restart Reroot looks before it believes: the files and the wire decide, not the last row."""
import re
import shutil
import signal

import pytest

import update as steps
from authority import Authority
from faults import KILL
from fragile import Fragile
from scenarios import Update
from trial import Trial

UNDONE = "This had succeeded before Reroot was ended, but it is not so any more."


@pytest.fixture
def asking(tmp_path):
    """An update in which `a` and `b` have been replaced and `c` has failed; Reroot has been killed since."""
    # In a stage of its own: otherwise `a` may be not verified yet when `c` fails.
    system = Fragile(tmp_path, stages={"c": 2})
    try:
        system.plan()
        system.let_fail()
        shutil.copytree(system.live / "parts", tmp_path / "first", copy_function=shutil.copy2)
        assert system.begin().status == 303
        system.settled()
        system.stop(signal.SIGKILL)
        yield system
    finally:
        system.close()


def found(system, count):
    """What failed, once so many failures are shown."""
    steps.wait_until(
        lambda: len(steps.failures(system.client.get(system.update))) == count, f"{count} failures on the page"
    )
    return steps.failures(system.client.get(system.update))


def replaced_by_hand(system):
    """As somebody who puts a backup of the component back and restarts it; owner and mode are another's too."""
    part = system.parts[0]
    for path in part.paths:
        path.write_bytes(system.before["a"][0][path.name][0])
    part.server.start_anew()


@pytest.mark.parametrize("way", ["finish", "abort"])
def test_what_was_replaced_by_hand_since_is_a_failure_and_either_way_ends_well(asking, way):
    replaced_by_hand(asking)
    asking.start()
    failures = found(asking, 3)
    others = [sentence for _, sentence in failures if UNDONE in sentence]
    assert len(others) == 2, failures
    assert any("holds another certificate" in sentence for sentence in others)
    assert any("does not hold “New Root” any more" in sentence for sentence in others)
    asking.expect_end(asking.finish() if way == "finish" else asking.abort())


def test_a_server_that_serves_its_previous_certificate_again_is_a_failure(asking):
    part = asking.parts[0]
    new = part.leaf(), (part.folder / "key" / "server.key").read_bytes()
    kept = {path: path.read_bytes() for path in part.paths}
    replaced_by_hand(asking)
    for path, content in kept.items():
        path.write_bytes(content)
    assert part.served() != new[0], "it has loaded its previous files, and the new ones are there"
    asking.start()
    sentences = [sentence for heading, sentence in found(asking, 2) if UNDONE in sentence]
    assert len(sentences) == 1 and "previous" in sentences[0], sentences
    asking.expect_end(asking.finish())


def test_where_all_is_as_it_was_left_the_question_is_the_same(asking):
    question = re.compile(r'name="question" value="(\d+)"')
    last = asking.rows("SELECT max(sequence) FROM journal")
    asking.start()
    # A decision waits until the look is over.
    number, = set(question.findall(asking.client.get(asking.update).text))
    form = asking.decision_form("retry")
    assert asking.client.post(form["action"], form["fields"], follow=False).status == 303
    events = asking.rows("SELECT event FROM journal WHERE sequence > ? ORDER BY sequence", last[0][0])
    assert f'"question":{number}' in next(text for text, in events if text)
    asking.expect_end(asking.finish())


class One(Update):
    """One component, in whose update nothing fails."""

    names = "a"
    fails = False


def kill_after(trial, pattern, occurrence):
    """Kills the program right after a call on the component's files, which are the same in every run."""
    prefix = f"{trial.system.live}/parts/a/"
    calls = trial.rehearse(prefix)
    found = [index + 1 for index, call in enumerate(calls) if re.search(pattern, call)]
    died, acknowledged, shown = trial.kill(found[occurrence] + 1, KILL, prefix)
    assert died
    return acknowledged, shown


@pytest.fixture
def trial(tmp_path):
    made = Trial(tmp_path, One())
    yield made
    made.system.close()


@pytest.mark.parametrize("way", ["finish", "abort"])
def test_a_deployment_that_was_done_and_not_journaled_is_seen(trial, way):
    # The journal of a replacement is removed when it is done: the first of the bundle, the second of the deployment.
    acknowledged, shown = kill_after(trial, r"^unlink .*\.journal$", 1)
    system = trial.system
    system.start()
    trial.scenario.look(system, acknowledged, shown)
    (_, sentence), = steps.failures(system.client.get(system.update))
    assert "Reroot was ended in the middle of this action. On disk it has its new certificate and key." in sentence
    assert "On the wire it serves its previous certificate." in sentence
    trial.scenario.end(system, way)


def test_a_deployment_that_was_half_done_is_put_back_before_anything_else(trial):
    # The bundle comes alone first, and again before key and certificate.
    acknowledged, shown = kill_after(trial, r"^rename key/server.key$", 0)
    system = trial.system
    with pytest.raises(AssertionError):
        system.parts[0].expect_pair()
    system.start()
    trial.scenario.look(system, acknowledged, shown)
    (_, sentence), = steps.failures(system.client.get(system.update))
    assert "On disk it has its previous certificate and key." in sentence
    trial.scenario.end(system, "finish")


def test_a_roll_back_that_was_half_done_is_looked_at_as_well(tmp_path):
    system = Fragile(tmp_path, names="ac", stages={"c": 2})
    try:
        system.plan()
        system.let_fail()
        assert system.begin().status == 303
        system.settled()
        form = system.decision_form("abort")
        # On the way back the second stage comes first, so `c` has been put back when the first file of `a` is.
        system.faults.arm(1, KILL, prefix=f"{system.live}/parts/a/server.pem")
        system.post(form["action"], form["fields"])
        system.console.process.wait(60)
        assert system.faults.last.startswith("rename")
        system.stop(signal.SIGKILL)
        Authority("Somebody Else").issue(["localhost"], tmp_path / "other")
        shutil.copyfile(tmp_path / "other" / "server.pem", system.parts[1].folder / "server.pem")
        system.start()
        sentences = dict(found(system, 2))
        assert any("server.pem is not as it was before the update" in text for text in sentences.values()), sentences
        assert any("Reroot was ended in the middle" in text for text in sentences.values()), sentences
        assert system.finish() == "rolledBack"
        system.expect_end("rolledBack")
    finally:
        system.close()
