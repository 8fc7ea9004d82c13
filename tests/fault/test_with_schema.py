"""`load --with-schema` into a plain server, disturbed in its three parts: before the rows, the rows, after them.

After a kill, a signal, a crash of the destination or a cut connection the same command ends with the
schema, the rows and the sequences of an undisturbed run. SLUICE_SOAK=1 makes 50 rounds of each.
"""

import collections
import copy
import signal

import pytest

from support import faults, whole
from support.faults import rounds
from support.pgproxy import PgProxy
from support.whole import Round


@pytest.fixture(scope="module")
def places():
    """How many kills fell into which part."""
    counts = collections.Counter()
    yield counts
    print(f"\nkills by part: {dict(counts)}")


@pytest.fixture(scope="module")
def site(loader, own_lab):
    # Steps are committed without waiting: a crash is to lose some. The disk itself does not crash.
    own_lab.source.configure(fsync="off")
    own_lab.destination.configure(fsync="off", wal_writer_delay="10s", wal_writer_flush_after="1GB")
    own_lab.source.reload()
    own_lab.destination.reload()
    made = whole.Site(own_lab)
    assert made.calm
    yield made
    made.close()


def test_undisturbed_run_is_the_source(site):
    """Nothing but the positions' head start may differ from the source; a second run changes nothing."""
    there = copy.copy(site.calm.state)
    there.steps = None
    source = whole.State(site, site.source, site.db, steps=False)
    assert there.differences(source) == []


@pytest.mark.parametrize("number", rounds(5, 50))
def test_loader_is_killed(site, rng, places, number):
    with Round(site, rng) as this:
        # Every third round kills the resumed runs as well.
        for _ in range(4 if number % 3 == 2 else 1):
            place, result = this.disturb(this.start())
            assert result.status in (-signal.SIGKILL, 0), result
            places[place] += 1
        this.finish()
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_killed_while_its_session_works_on(site, rng, number):
    """The server ends the step whose loader is gone; the next run waits for it, and does it no second time."""
    with Round(site, rng) as this:
        load = this.start()
        with this.held_index(load):
            load.kill()
            assert this.place()[0] == "after"
            this.draw("ws.ticket")
            load = this.start()
            faults.wait_until(lambda: this.waiting() > 1 or not load.running(), "the next run to wait")
        this.finish(load, runs_max=1)
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 20))
def test_loader_is_asked_to_stop(site, rng, number):
    """SIGTERM: status 5, and a hint that the same command goes on."""
    with Round(site, rng) as this:
        for kind in ("before", "chunks", "after"):
            _, result = this.disturb(this.start(), signal.SIGTERM, kind)
            assert result.status in (0, 5), result
            assert result.status == 0 or "same command" in result.text, result
        this.finish()
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_destination_crashes(site, rng, number):
    """The steps that were committed last are lost; a run that goes on, or the next one, makes them anew."""
    with Round(site, rng) as this:
        load = this.start()
        for kind in ("before", "after"):
            this.wait_for_moment(load, kind)
            this.crash()
        this.finish(load)
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_connections_are_cut(site, rng, number):
    """All of them at once, in each part; the run itself goes on."""
    with PgProxy(site.destination.port) as proxy, Round(
            site, rng, through=lambda db: faults.through(site.lab, proxy, site.destination, db)) as this:
        load = this.start()
        for kind in ("before", "chunks", "after"):
            this.wait_for_moment(load, kind)
            print(f"cut in {this.place()}: {proxy.cut_all()} connections")
        this.finish(load, runs_max=1)
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_two_at_once(site, rng, number):
    """Neither may spoil the other's work; one may be refused. The second may come at any moment."""
    with Round(site, rng) as this:
        first = this.start()
        if number % 2:
            this.wait_for_moment(first)
        second = this.start()
        results = [run.wait(whole.PATIENCE) for run in (first, second)]
        print([(r.status, r.err[-300:]) for r in results])
        assert any(r.status == 0 for r in results), results
        this.finish()
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_restart_after_a_kill(site, rng, number):
    """--restart when triggers, foreign keys and views are there already, or a session still makes them."""
    with Round(site, rng) as this:
        this.disturb(this.start(), kind="after")
        this.finish(this.start("--restart", "--mode", "truncate"), restarted=True)
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_asked_to_stop_while_an_index_is_built(site, rng, number):
    """What its sessions were at is given up with it, so that nothing of the step is there."""
    with Round(site, rng) as this:
        load = this.start()
        with this.held_index(load):
            result = load.kill(signal.SIGTERM)
            assert result.status == 5, result
            faults.wait_until(lambda: not this.waiting(), "the end of its session")
        this.finish(runs_max=1)
        this.assert_as_undisturbed()
