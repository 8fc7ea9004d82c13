"""`load --with-schema` into a plain server, disturbed in its three parts: before the rows, the rows, after them.

After a kill, a signal, a crash of the destination or a cut connection the same command ends with the
schema, the rows and the sequences of an undisturbed run. SLUICE_SOAK=1 makes 50 rounds of each.
"""

import copy
import signal

import pytest

from support import faults, whole
from support.faults import rounds
from support.pgproxy import PgProxy
from support.whole import Round
from support.whole_tests import Disturbed


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


class TestPlain(Disturbed):
    pass


def test_undisturbed_run_is_the_source(site):
    """Nothing but the positions' head start may differ from the source; a second run changes nothing."""
    there = copy.copy(site.calm.state)
    there.steps = None
    source = whole.State(site, site.source, site.db, steps=False)
    assert there.differences(source) == []


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
