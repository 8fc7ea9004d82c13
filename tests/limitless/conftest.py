"""Fixtures of the tests with a simulated shard group: tests/support/shard_group.py says what it does."""

import pytest

from support import sluice
from support.group_pair import GroupPair
from support.lab import Lab


@pytest.fixture(scope="session")
def lab():
    """A source, a plain destination, and a shard group of three routers and four shards.

    Databases come and go with every test, each time a checkpoint; the disk is not waited for.
    """
    with Lab(shard_group=True, routers=3, shards=4) as started:
        started.group.configure(fsync="off")
        started.group.reload()
        yield started
        sluice.end_leftovers(started.ports())


@pytest.fixture
def group(lab):
    """The shard group, everything as at the start before and after the test."""
    lab.group.reset()
    yield lab.group
    lab.group.reset()


@pytest.fixture
def group_db(group):
    """The name of a fresh limitless database."""
    group.createdb("fresh")
    yield "fresh"
    group.dropdb("fresh")


@pytest.fixture
def admin(group, group_db):
    """A psycopg2 connection of the admin to group_db, by the endpoint, in autocommit."""
    conn = group.endpoint.connect(group_db)
    yield conn
    conn.close()


@pytest.fixture
def group_pair(lab, group):
    """A fresh source database, and as destination a fresh database of the shard group."""
    made = GroupPair(lab)
    yield made
    group.reset()
    made.close()


@pytest.fixture
def make_group_pair(lab, group):
    """A function that makes such pairs with names, an encoding or a locale of their own."""
    made = []

    def make(**how):
        made.append(GroupPair(lab, **how))
        return made[-1]

    yield make
    group.reset()
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def aws_group_lab():
    """A lab of a module's own with AWS's stand-in and a group of two routers, logins by IAM token."""
    pytest.importorskip("botocore")
    with Lab(aws=True, shard_group=True) as started:
        if started.no_iam:
            pytest.skip(f"no logins by IAM token: {started.no_iam}")
        yield started
        sluice.end_leftovers(started.ports())
