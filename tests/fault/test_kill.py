"""Kills at random moments: of the loader, its sessions, its holder, and the destination server.

About 100 MB, a session that writes to the source all the while, and after each kill the same
command again: at the end every table equals the snapshot it was read from, with exit status 0.
"""

import os
import signal
import time

import psycopg2
import pytest

from support import faults, sluice
from support.faults import Round, rounds, wait_until


def sleep_to(load, moment):
    """Waits until the load is this old, or has ended."""
    end = load.started + moment
    while load.running() and time.monotonic() < end:
        time.sleep(0.002)


def test_undisturbed_load_is_exact(site):
    assert site.undisturbed_seconds() > 0


@pytest.mark.parametrize("number", rounds(10, 50))
def test_loader_is_killed(site, rng, number):
    whole = site.undisturbed_seconds()
    with Round(site, rng) as this:
        kills = 0
        # Every third round kills the resumed run as well, and perhaps the one after that.
        for _ in range(3 if number % 3 == 2 else 1):
            load = this.start()
            moment = rng.uniform(0, whole)
            sleep_to(load, moment)
            result = load.kill()
            assert result.status in (-signal.SIGKILL, 0), result
            kills += result.status != 0
            print(f"killed {moment:.3f} s into a load, {this.chunks_done()} chunks were done")
        this.finish()
        this.assert_exact()
        this.assert_all_gone()
        print(f"{kills} kills landed")


def sessions(cluster, pattern="sluice/%"):
    return [row for row in cluster.backends(pattern) if not row["application_name"].endswith("/holder")]


def end_backend(cluster, pid, how):
    """Ends one session: asked by an administrator, or killed, which restarts the whole server."""
    try:
        if how == "terminate":
            cluster.query("postgres", "SELECT pg_terminate_backend(%s)", (pid,))
        else:
            cluster.lab.run_as_server("kill", "-KILL", str(pid), check=False)
    except psycopg2.Error:
        pass  # the asking session fell with the server


# A killed backend restarts its server; on the source that is a lost snapshot, tested elsewhere.
BACKENDS = [("source", "terminate"), ("destination", "terminate"), ("destination", "kill")]


@pytest.mark.parametrize("number", rounds(5, 50))
def test_one_backend_dies(site, rng, number):
    side, how = BACKENDS[number % len(BACKENDS)]
    cluster = getattr(site, side)
    whole = site.undisturbed_seconds()
    with Round(site, rng) as this:
        load = this.start()
        sleep_to(load, rng.uniform(0, whole))
        try:
            found = sessions(cluster)
        except psycopg2.Error:
            found = []
        if found:
            victim = rng.choice(found)
            print(f"{how} {victim['application_name']} on the {side}")
            end_backend(cluster, victim["pid"], how)
        this.finish(load)
        this.assert_exact()
        this.assert_all_gone()


def kill_holder(site, how):
    """Ends the holder's session or its process; False when there is none any more."""
    if how == "backend":
        found = site.source.backends("sluice/%/holder")
        for row in found:
            end_backend(site.source, row["pid"], "terminate")
        return len(found) > 0
    found = sluice.holders(site.lab.ports())
    for holder in found:
        os.kill(holder.pid, signal.SIGKILL)
    return len(found) > 0


@pytest.mark.parametrize("number", rounds(3, 50))
@pytest.mark.parametrize("how", ["backend", "process"])
def test_holder_dies_under_a_loader(site, rng, how, number):
    """The readers still have the snapshot, so a new holder takes over and the load ends well."""
    whole = site.undisturbed_seconds()
    with Round(site, rng) as this:
        load = this.start()
        wait_until(lambda: this.chunks_done() > 0 or not load.running(), "the first chunk")
        time.sleep(rng.uniform(0, whole / 2))
        print(f"the holder's {how} was there: {kill_holder(site, how)}")
        this.finish(load, runs_max=1)
        this.assert_exact()
        this.assert_all_gone()


def test_holder_that_took_over_serves_a_resume(site, rng):
    """First the holder dies, a while later the loader: the second holder still has the snapshot."""
    with Round(site, rng) as this:
        load = this.start()
        wait_until(lambda: this.chunks_done() > 0, "the first chunk")
        named = "SELECT snapshot_id FROM sluice.snapshot WHERE job = $job"
        first = this.ledger(named)
        assert kill_holder(site, "backend")
        # Until the ledger has the second holder's export, losing both is losing the snapshot.
        wait_until(lambda: this.ledger(named) != first or not load.running(), "another holder")
        load.kill()
        this.finish()
        this.assert_exact()
        this.assert_all_gone()


def test_loader_and_holder_die(site, rng):
    """Nobody has the snapshot any more: exit 1 with the unfinished tables, or restart on demand."""
    with Round(site, rng) as this:
        load = this.start()
        wait_until(lambda: this.chunks_done() > 5, "some chunks")
        load.kill()
        this.snapshots.remember()
        wait_until(lambda: kill_holder(site, "process"), "the holder")
        wait_until(lambda: not site.source.backends("sluice/%"), "the end of its sessions")
        result = this.start().wait(faults.PATIENCE)
        assert result.status == 1, result
        assert "--on-lost-snapshot" in result.text, result
        result = this.start("--on-lost-snapshot", "restart-tables").wait(faults.PATIENCE)
        assert result.status == 0, result
        this.assert_exact()
        this.assert_all_gone()


@pytest.fixture(scope="module")
def late_wal(site):
    """A destination that writes asynchronous commits late, so that a crash really loses some."""
    site.destination.configure(wal_writer_delay="10s", wal_writer_flush_after="1GB")
    site.destination.reload()


@pytest.mark.parametrize("synchronous", ["on", "off"])
@pytest.mark.parametrize("number", rounds(2, 50))
def test_destination_crashes(site, late_wal, rng, synchronous, number):
    """Stopped hard and started again. With synchronous_commit off, acknowledged chunks are lost."""
    whole = site.undisturbed_seconds()
    with Round(site, rng) as this:
        site.destination.query("postgres", f"ALTER DATABASE {this.db} SET synchronous_commit = {synchronous}")
        load = this.start()
        sleep_to(load, rng.uniform(0.1, 1) * whole)
        done_before = this.chunks_done()
        site.destination.stop("immediate")
        time.sleep(rng.uniform(0, 1))
        site.destination.start()
        print(f"chunks done before the crash {done_before}, after it {this.chunks_done()}")
        this.finish(load)
        this.assert_exact()
        this.assert_all_gone()
