"""Fixtures of the tests with very large and very odd schemas."""

import itertools

import pytest

from support import many_tables, regression_db, sluice
from support.lab import Lab

MANY = "many"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def lab():
    """A source, a plain destination and a shard group; what a crash would lose can be made again."""
    with Lab(shard_group=True, routers=2, shards=4) as started:
        for cluster in started.clusters.values():
            cluster.configure(fsync="off")
            cluster.reload()
        yield started
        sluice.end_leftovers(started.ports())


@pytest.fixture(scope="session")
def regression(lab, loader):
    """The name of PostgreSQL's regression database on the source. Without its sources the tests fail, and
    are not skipped: scripts/install-deps downloads them."""
    regression_db.create(lab.source)
    return regression_db.DATABASE


@pytest.fixture(scope="session")
def many(lab, loader):
    """The name of a database with 3,000 tables on the source."""
    lab.source.createdb(MANY)
    many_tables.create(lab.source, MANY)
    return MANY


@pytest.fixture
def make_database(lab):
    """Makes empty databases on a cluster, which go with the test."""
    made = []

    def make(cluster):
        made.append((cluster, f"dst_{next(_numbers)}"))
        cluster.createdb(made[-1][1])
        return made[-1][1]

    yield make
    for cluster, name in made:
        cluster.dropdb(name)
