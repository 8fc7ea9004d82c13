"""`load --with-schema` into a simulated shard group, disturbed in its three parts.

As tests/fault/test_with_schema.py: the same command ends with the schema, the modes, the rows and the
sequences of an undisturbed run. SLUICE_SOAK=1 makes 50 rounds of each.
"""

import collections
import signal

import pytest

from support import faults, whole
from support.faults import rounds
from support.whole import Round

CONFIG = """\
version: 1
tables:
  ws.country:  {mode: reference}
  ws.customer: {mode: sharded, shard-key: [id]}
  ws.orders:   {mode: sharded, shard-key: [customer_id]}
  ws.item:     {mode: sharded, shard-key: [customer_id], collocate-with: ws.orders}
  ws.event:    {mode: sharded, shard-key: [id]}
"""


@pytest.fixture
def rng():
    return faults.new_rng()


@pytest.fixture(scope="module")
def places():
    """How many kills fell into which part."""
    counts = collections.Counter()
    yield counts
    print(f"\nkills by part: {dict(counts)}")


@pytest.fixture(scope="module")
def site(loader, lab, tmp_path_factory):
    lab.group.reset()
    path = tmp_path_factory.mktemp("whole") / "job.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    made = whole.Site(lab, lab.group, ("--config", path))
    assert made.calm
    yield made
    lab.group.reset()
    made.close()


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
    with Round(site, rng) as this:
        for kind in ("before", "chunks", "after"):
            _, result = this.disturb(this.start(), signal.SIGTERM, kind)
            assert result.status in (0, 5), result
            assert result.status == 0 or "same command" in result.text, result
        this.finish()
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_group_crashes(site, rng, number):
    with Round(site, rng) as this:
        load = this.start()
        for kind in ("before", "after"):
            this.wait_for_moment(load, kind)
            this.crash()
        this.finish(load)
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_routers_are_cut(site, rng, number):
    """All of them and the endpoint, in each part; the run itself goes on."""
    group = site.group
    with Round(site, rng) as this:
        load = this.start()
        for kind in ("before", "chunks", "after"):
            this.wait_for_moment(load, kind)
            for router in (*group.routers, group.endpoint):
                router.cut()
            print(f"cut in {this.place()}")
        this.finish(load, runs_max=1)
        this.assert_as_undisturbed()


@pytest.mark.parametrize("number", rounds(1, 15))
def test_two_at_once(site, rng, number):
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
    with Round(site, rng) as this:
        this.disturb(this.start(), kind="after")
        this.finish(this.start("--restart", "--mode", "truncate"), restarted=True)
        this.assert_as_undisturbed()
