"""Databases that nothing of Sluice was made for: tests/data/unseen/*.sql, each its own world."""

from .sluice import REPO

NAMES = ("ticketing", "partitions", "sequences", "social")


def make(pair, name):
    pair.source.psql_file(pair.source_db, REPO / "tests" / "data" / "unseen" / f"{name}.sql")
