"""`load --with-schema` into a simulated shard group, disturbed in its three parts.

As tests/fault/test_with_schema.py: the same command ends with the schema, the modes, the rows and the
sequences of an undisturbed run. SLUICE_SOAK=1 makes 50 rounds of each.
"""

import pytest

from support import faults, whole
from support.faults import rounds
from support.whole import Round
from support.whole_tests import Disturbed

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
def site(loader, lab, tmp_path_factory):
    lab.group.reset()
    path = tmp_path_factory.mktemp("whole") / "job.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    made = whole.Site(lab, lab.group, ("--config", path))
    assert made.calm
    yield made
    lab.group.reset()
    made.close()


class TestGroup(Disturbed):
    pass


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
