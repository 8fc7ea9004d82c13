"""A COMMIT whose answer is lost, before and after the server has it, also with a retry racing it.

The proxy stands before the destination and watches the writers' COMMITs: one chunk each.
"""

import threading
import time

import pytest

from support import faults
from support.faults import wait_until
from support.pgproxy import TO_CLIENT, TO_SERVER, CutCommit, CutCopy, CutMessage, HoldCommit

WRITERS = "/writer-"


@pytest.mark.parametrize("how", ["rst", "fin"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_answer_is_lost(proxied, rng, when, how):
    chosen = set(rng.sample(range(1, 12), 3))
    print(f"losing the COMMITs number {sorted(chosen)}")
    rule = proxied.proxy.add(CutCommit(when, nth=chosen, app=WRITERS, how=how))
    result = proxied.run()
    assert result.status == 0, result
    assert rule.fired == 3
    proxied.assert_exact()


def test_first_and_last_answer_are_lost(proxied):
    """The ends of a job are special: nothing is known yet, or all is done but the last word."""
    calm = proxied.proxy.add(CutCommit("after", nth=0, app=WRITERS))
    assert proxied.run().status == 0
    commits = calm.seen
    proxied.proxy.clear()
    proxied.pair.dst("TRUNCATE fault.account, fault.entry, fault.\"Document\", fault.event, fault.tiny")
    rule = proxied.proxy.add(CutCommit("after", nth={1, commits}, app=WRITERS))
    result = proxied.run("--restart")
    assert result.status == 0, result
    assert rule.fired == 2
    proxied.assert_exact()


def release_when_blocked(proxied, rule, patience=5):
    """Lets the held COMMIT go once the retry waits for its key, or for the dead session's end."""
    def run():
        if not rule.fired_event.wait(60):
            return
        end = time.monotonic() + patience
        while time.monotonic() < end and not faults.blocked_backends(proxied.pair.destination):
            time.sleep(0.05)
        rule.release.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("number", faults.rounds(2, 20))
def test_commit_in_flight_races_the_retry(proxied, rng, number):
    """The client is cut off; the server gets the COMMIT only when the same chunk is there again."""
    nth = rng.randrange(1, 12)
    print(f"COMMIT number {nth} is late")
    rule = proxied.proxy.add(CutCommit("late", nth=nth, app=WRITERS))
    releaser = release_when_blocked(proxied, rule)
    result = proxied.run()
    releaser.join(90)
    assert result.status == 0, result
    assert rule.delivered.wait(20)
    proxied.assert_exact()


def test_late_session_dies_without_its_commit(proxied, rng):
    """As above, but the session that holds the key rolls back: the retry must then do the work."""
    rule = proxied.proxy.add(CutCommit("late", nth=rng.randrange(1, 12), app=WRITERS))

    def end_it():
        rule.fired_event.wait(60)
        late = {row["pid"] for row in proxied.pair.destination.backends("sluice/%/writer-%")
                if row["state"] == "idle in transaction"}
        wait_until(lambda: faults.blocked_backends(proxied.pair.destination) or not load.running(),
                   "a retry that waits for the key", seconds=20)
        for row in faults.blocked_backends(proxied.pair.destination):
            proxied.pair.destination.query(
                "postgres", "SELECT pg_terminate_backend(pid) FROM unnest(pg_blocking_pids(%s)) pid",
                (row["pid"],))
        print(f"idle in transaction when the answer was lost: {late}")

    thread = threading.Thread(target=end_it, daemon=True)
    load = proxied.start()
    thread.start()
    result = load.wait(faults.PATIENCE)
    thread.join(90)
    assert result.status == 0, result
    proxied.assert_exact()


@pytest.mark.parametrize("number", faults.rounds(2, 20))
def test_commit_in_flight_races_the_next_run(proxied, rng, number):
    """The loader is killed while its COMMIT is on the way; the same command meets it."""
    nth = rng.randrange(1, 12)
    print(f"COMMIT number {nth} is held")
    rule = proxied.proxy.add(HoldCommit(nth=nth, app=WRITERS))
    load = proxied.start()
    assert rule.fired_event.wait(60)
    load.kill()
    releaser = release_when_blocked(proxied, rule)
    result = proxied.run()
    releaser.join(90)
    assert result.status == 0, result
    assert rule.delivered.wait(20)
    proxied.assert_exact()


@pytest.mark.parametrize("nth", faults.rounds(3, 12))
@pytest.mark.parametrize("when", ["before", "after"])
def test_control_session_loses_a_commit(proxied, when, nth):
    """Planning and the end write to the ledger too; the same command must cope with any half."""
    rule = proxied.proxy.add(CutCommit(when, nth=nth + 1, app="/control"))
    result = proxied.run()
    print(f"fired {rule.fired} of {rule.seen}, first exit status {result.status}")
    for _ in range(3):
        if result.status == 0:
            break
        assert result.status in (4, 5), result
        result = proxied.run()
    assert result.status == 0, result
    proxied.assert_exact()


def test_connection_is_cut_in_the_middle_of_rows(proxied, rng):
    after = rng.randrange(10000, 500000)
    rule = proxied.proxy.add(CutCopy(TO_SERVER, after=after, app=WRITERS, times=5))
    result = proxied.run()
    assert result.status == 0, result
    assert rule.fired == 5
    proxied.assert_exact()


def test_connection_is_cut_before_the_counts(proxied):
    rule = proxied.proxy.add(CutMessage(r"UPDATE .*chunk_done", nth={2, 4}, app=WRITERS))
    result = proxied.run()
    assert result.status == 0, result
    assert rule.fired == 2
    proxied.assert_exact()


def test_source_connection_is_cut_in_the_middle_of_rows(source_proxied, rng):
    after = rng.randrange(10000, 500000)
    rule = source_proxied.proxy.add(CutCopy(TO_CLIENT, after=after, times=5))
    result = source_proxied.run()
    assert result.status == 0, result
    assert rule.fired == 5
    source_proxied.assert_exact()


def test_destination_refuses_for_a_while(proxied):
    """Every connection is cut and new ones are refused; the retries outlive that."""
    rule = proxied.proxy.add(HoldCommit(nth=4, app=WRITERS))
    load = proxied.start()
    assert rule.fired_event.wait(60)
    proxied.proxy.refuse()
    proxied.proxy.cut_all()
    rule.release.set()
    time.sleep(2)
    assert load.running()
    proxied.proxy.accept()
    result = load.wait(faults.PATIENCE)
    assert result.status == 0, result
    proxied.assert_exact()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2])
def test_restart_begins_anew_only_once(proxied, when, nth):
    """A fault after --restart has its plan must not make the same run forget that plan too."""
    assert proxied.run().status == 0
    rule = proxied.proxy.add(CutCommit(when, nth=nth, app="/control"))
    result = proxied.run("--restart", "--mode", "truncate")
    print(f"fired {rule.fired} of {rule.seen}")
    assert result.status == 0, result
    proxied.assert_exact()
