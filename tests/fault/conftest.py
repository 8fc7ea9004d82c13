"""Fixtures of the fault tests. Each test gets a seed of its own and prints it."""

import pytest

from support import faults, sluice
from support.pgproxy import PgProxy


@pytest.fixture
def rng():
    return faults.new_rng()


@pytest.fixture(scope="module")
def site(loader, own_lab):
    """About 100 MB on clusters that the module may kill."""
    return faults.Site(own_lab)


@pytest.fixture
def small(loader, lab):
    """A few megabytes on the shared clusters, in databases of the test's own."""
    pair = faults.small_pair(lab)
    yield pair
    pair.close()


@pytest.fixture
def proxied(small):
    """small, with a proxy before the destination: an object with .pair, .proxy and .command()."""
    with PgProxy(small.destination.port) as proxy:
        yield Proxied(small, proxy, "destination")
        assert proxy.errors == []


@pytest.fixture
def source_proxied(small):
    """small, with a proxy before the source."""
    with PgProxy(small.source.port) as proxy:
        yield Proxied(small, proxy, "source")
        assert proxy.errors == []


class Proxied:
    """A small pair one side of which is reached through a proxy."""

    job = "small"

    def __init__(self, pair, proxy, side):
        self.pair = pair
        self.proxy = proxy
        self.before = faults.fingerprints_now(pair.source, pair.source_db)
        ends = {"source": pair.source_dsn, "destination": pair.destination_dsn}
        cluster = getattr(pair, side)
        ends[side] = faults.through(pair.lab, proxy, cluster, getattr(pair, f"{side}_db"))
        self._ends = ("--source", ends["source"], "--destination", ends["destination"])

    def command(self, *more):
        return (*self._ends, *faults.SMALL_OPTIONS, "--job", self.job, *more)

    def start(self, *more):
        return sluice.start_load(*self.command(*more))

    def run(self, *more, timeout=faults.PATIENCE):
        return sluice.run_load(*self.command(*more), timeout=timeout)

    def assert_exact(self):
        """The destination holds what the source held before the load, and the ledger agrees."""
        there = faults.fingerprints_now(self.pair.destination, self.pair.destination_db)
        mine = {key: value for key, value in there.items() if key[0] == "fault"}
        assert mine == self.before
        planned, done = faults.chunks_of(self.pair, self.job)
        assert planned == done > 0
