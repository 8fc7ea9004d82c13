"""Databases never seen before arrive on a plain PostgreSQL as they are, and a second run changes nothing."""

import pytest

from support import catalog_objects, compare, sluice, unseen
from support.schema_sources import schema_differences

pytestmark = pytest.mark.usefixtures("loader")

POSITIONS = "SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname <> 'sluice' ORDER BY 1, 2"
STEPS = (("schema", "--apply", "before"), ("load",), ("schema", "--apply", "after"))


def run_all(pair, steps):
    for first, *more in steps:
        result = sluice.run_load(*pair.args(*more), subcommand=first)
        assert result.status == 0, result


def fingerprint(pair):
    conn = compare.connect(pair.destination, pair.destination_db)
    found = catalog_objects.fingerprint(conn)
    conn.close()
    return found


@pytest.mark.parametrize("name", unseen.NAMES)
def test_both_sides_are_equal(pair, name):
    unseen.make(pair, name)
    steps = (("load", "--with-schema"),) if name == "partitions" else STEPS
    run_all(pair, steps)
    assert schema_differences(pair) == []
    assert pair.differences() == []
    assert pair.src(POSITIONS) == pair.dst(POSITIONS)
    conns = [compare.connect(pair.source, pair.source_db), compare.connect(pair.destination, pair.destination_db)]
    assert catalog_objects.objects(conns[0]) == catalog_objects.objects(conns[1])
    for conn in conns:
        conn.close()
    before = fingerprint(pair)
    run_all(pair, steps)
    assert fingerprint(pair) == before


def test_a_column_with_two_sequences(pair):
    """Each goes to where the one of its name stands."""
    pair.src("CREATE TABLE t (id serial); CREATE SEQUENCE a_spare OWNED BY t.id; CREATE SEQUENCE z_spare OWNED BY t.id;"
             " INSERT INTO t SELECT FROM generate_series(1, 7); SELECT setval('a_spare', 50)")
    run_all(pair, (("load", "--with-schema"),))
    assert pair.src(POSITIONS) == pair.dst(POSITIONS)


def test_a_role_that_may_not_create_is_told_so(pair):
    pair.src("CREATE TABLE t (a int)")
    pair.role(pair.destination, "unseen_poor")
    poor = pair.destination.dsn(pair.destination_db, user="unseen_poor")
    result = sluice.run_load("--source", pair.source_dsn, "--destination", poor, "--apply", "before",
                             subcommand="schema")
    assert result.status == 3 and "GRANT CREATE ON DATABASE" in result.err, result


def test_rights_on_some_tables_only(pair):
    pair.src("CREATE TABLE mine (a int); CREATE TABLE theirs (a int)")
    pair.role(pair.source, "unseen_few")
    pair.src("GRANT SELECT ON mine TO unseen_few")
    few = pair.source.dsn(pair.source_db, user="unseen_few")
    args = ("--source", few, "--destination", pair.destination_dsn, "--apply", "before")
    result = sluice.run_load(*args, subcommand="schema")
    assert result.status == 3 and "theirs" in result.err, result
    assert pair.dst("SELECT count(*) FROM pg_namespace WHERE nspname = 'sluice'") == "0"
    assert sluice.run_load(*args, "-T", "public.theirs", subcommand="schema").status == 0
