"""One loader a job, its signals, and faults that no retry cures."""

import os
import shutil
import signal
import subprocess

import pytest

from support import faults, sluice
from support.faults import wait_until
from support.pgproxy import TO_SERVER, HoldCommit, HoldCopy

WRITERS = "/writer-"
# Seconds; what takes longer hangs, also on a busy machine.
STOPS_WITHIN = 30


def held(proxied, *more, after=1_000_000):
    """A load that stands still: the destination takes no more rows."""
    rule = proxied.proxy.add(HoldCopy(TO_SERVER, after=after, app=WRITERS))
    load = proxied.start(*more)
    assert rule.fired_event.wait(60), load.stderr()
    return rule, load


# --- the lease ---


def test_same_job_in_two_shells(proxied):
    rule, load = held(proxied)
    second = proxied.run()
    assert second.status == 8, second
    assert proxied.job in second.text
    assert load.running()
    rule.release.set()
    result = load.wait(faults.PATIENCE)
    assert result.status == 0, result
    proxied.assert_exact()


def test_two_loaders_start_together(proxied):
    """Neither has a lease when the other looks; one wins, and the rows come once."""
    loads = [proxied.start(), proxied.start()]
    statuses = sorted(load.wait(faults.PATIENCE).status for load in loads)
    # A second one that comes when the first has finished finds the job done.
    assert statuses in ([0, 8], [0, 0]), [load.result for load in loads]
    proxied.assert_exact()


def test_successor_of_a_killed_loader_starts_at_once(proxied):
    """It waits for the dead loader's sessions, not for the lease to expire."""
    rule, load = held(proxied)
    load.kill()
    proxied.proxy.clear()
    left = proxied.pair.dst("SELECT extract(epoch FROM expires_at - clock_timestamp()) FROM sluice.lease")
    result = proxied.run()
    assert result.status == 0, result
    print(f"the lease had {left} s left, the resumed load took {result.seconds:.1f} s")
    assert result.seconds < 25
    proxied.assert_exact()


def test_session_of_the_lease_dies(proxied):
    """The control session on the destination is terminated; the load goes on and ends well."""
    rule, load = held(proxied)
    ended = proxied.pair.dst("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                             " WHERE application_name LIKE 'sluice/%/control'")
    assert int(ended) >= 1
    rule.release.set()
    result = load.wait(faults.PATIENCE)
    assert result.status == 0, result
    proxied.assert_exact()


def test_finished_job_is_left_alone(proxied):
    assert proxied.run().status == 0
    again = proxied.run()
    assert again.status == 0, again
    proxied.assert_exact()
    proxied.pair.dst("TRUNCATE fault.account")
    emptied = proxied.run()
    assert emptied.status == 2, emptied
    assert "--restart" in emptied.text


# --- signals ---


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_and_resume_completes(proxied, number):
    """Also when a writer stands in the middle of its rows and the destination takes none."""
    rule, load = held(proxied)
    load.send(number)
    result = load.wait(STOPS_WITHIN)
    assert result.status == 5, result
    assert "again" in result.text or "resume" in result.text, result
    proxied.proxy.clear()
    resumed = proxied.run()
    assert resumed.status == 0, resumed
    proxied.assert_exact()


def test_signal_in_a_running_load(proxied, rng):
    """Nothing stands still here: the chunks in flight are finished or rolled back."""
    proxied.proxy.rate = 1_000_000
    rule = proxied.proxy.add(HoldCommit(nth=rng.randrange(2, 6), app=WRITERS))
    rule.release.set()  # only to see the moment
    load = proxied.start()
    assert rule.fired_event.wait(60)
    load.send(signal.SIGINT)
    result = load.wait(STOPS_WITHIN)
    assert result.status == 5, result
    proxied.proxy.rate = 0
    assert proxied.run().status == 0
    proxied.assert_exact()


def test_second_signal_aborts(proxied):
    rule, load = held(proxied)
    load.send(signal.SIGINT)
    load.send(signal.SIGINT)
    result = load.wait(STOPS_WITHIN)
    assert result.status in (5, -signal.SIGINT), result
    proxied.proxy.clear()
    assert proxied.run().status == 0
    proxied.assert_exact()


def test_signal_while_the_destination_is_away(proxied):
    """A wait between two retries ends on a signal as well."""
    rule, load = held(proxied)
    proxied.proxy.refuse()
    proxied.proxy.cut_all()
    rule.release.set()
    load.send(signal.SIGTERM)
    result = load.wait(STOPS_WITHIN)
    assert result.status == 5, result
    proxied.proxy.accept()
    assert proxied.run().status == 0
    proxied.assert_exact()


# --- faults that outlive the retries, and the ones that no retry cures ---


def test_destination_goes_for_good(proxied):
    rule, load = held(proxied, "--retry-for", "5s")
    proxied.proxy.refuse()
    proxied.proxy.cut_all()
    rule.release.set()
    result = load.wait(STOPS_WITHIN)  # one budget for the job, not one for each connection or chunk
    assert result.status == 5, result
    assert "destination" in result.text
    proxied.proxy.accept()
    resumed = proxied.run()
    assert resumed.status == 0, resumed
    proxied.assert_exact()


@pytest.mark.parametrize("side", ["source", "destination"])
def test_nobody_listens(small, side):
    ends = {"source": small.source_dsn, "destination": small.destination_dsn}
    ends[side] = "host=127.0.0.1 port=1 dbname=nowhere user=nobody sslmode=disable"
    result = sluice.run_load("--source", ends["source"], "--destination", ends["destination"],
                             *faults.SMALL_OPTIONS, timeout=STOPS_WITHIN * 2)
    assert result.status == 4, result
    assert side in result.text and "port 1" in result.text.replace(":1/", " port 1 "), result


@pytest.fixture
def full_disk(small):
    """The largest table is in a tablespace that is too small for it."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs takes root")
    place = small.lab.dir / "full"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0777", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        place.rmdir()
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        data = place / "data"
        small.lab.run_as_server("mkdir", "-m", "700", data)
        small.destination.query("postgres", f"CREATE TABLESPACE full_disk LOCATION '{data}'")
        small.dst("ALTER TABLE fault.account SET TABLESPACE full_disk")
        yield small
        small.close()
        small.destination.query("postgres", "DROP TABLESPACE full_disk")
    finally:
        subprocess.run(["umount", str(place)], check=False)
        shutil.rmtree(place, ignore_errors=True)


def test_disk_is_full(full_disk):
    result = full_disk.load(*faults.SMALL_OPTIONS, "--job", "full")
    assert result.status == 1, result
    assert "No space left on device" in result.text, result
    assert "account" in result.text
    # Room is made, and the same command goes on where it was.
    full_disk.dst("ALTER TABLE fault.account SET TABLESPACE pg_default")
    resumed = full_disk.load(*faults.SMALL_OPTIONS, "--job", "full")
    assert resumed.status == 0, resumed
    assert full_disk.differences() == []


def test_nothing_is_left_behind(proxied):
    assert proxied.run().status == 0
    wait_until(lambda: not sluice.leftovers(proxied.pair.lab.ports()), "the end of all processes")
    for cluster in (proxied.pair.source, proxied.pair.destination):
        wait_until(lambda c=cluster: not c.backends("sluice/%"), "the end of all sessions")
