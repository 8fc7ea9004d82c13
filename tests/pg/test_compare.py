"""The comparison itself must see what it is there to see."""

import pytest

SCHEMA = """
CREATE TABLE t (a int, b text, c float8);
CREATE TABLE nothing ();
CREATE TABLE "odd ""name
two" ("a b" int);
CREATE TABLE part (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
"""
ROWS = """
INSERT INTO t VALUES (1, 'one', 0.1), (2, NULL, 2), (3, '', 1e300);
INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
INSERT INTO "odd ""name
two" VALUES (1);
INSERT INTO part SELECT i, 'v' || i FROM generate_series(0, 19) i;
"""


@pytest.fixture
def same(pair):
    pair.both(SCHEMA + ROWS)
    return pair


def test_equal_databases_have_no_difference(same):
    assert same.differences() == []


@pytest.mark.parametrize("damage, said", [
    ("UPDATE t SET b = '' WHERE b IS NULL", "public.t: 3 rows on both sides"),
    ("UPDATE t SET c = c + 1e-16 WHERE a = 1", "public.t: 3 rows on both sides"),
    ("INSERT INTO t SELECT * FROM t WHERE a = 1", "public.t: 3 rows on the source, 4"),
    ("UPDATE t SET a = 1, b = 'one', c = 0.1 WHERE a = 2", "public.t: 3 rows on both sides"),
    ("DELETE FROM part WHERE id = 13", "public.part_2: 10 rows on the source, 9"),
    ("INSERT INTO nothing DEFAULT VALUES", "public.nothing: 2 rows on the source, 3"),
    ("DROP TABLE part_2", "public.part: 20 rows on the source, 10"),
    ("DROP TABLE t", "public.t: missing on the destination"),
    ("ALTER TABLE t DROP b", "columns missing on the destination: b"),
])
def test_a_difference_is_seen(same, damage, said):
    same.dst(damage)
    found = same.differences()
    assert len(found) == 1 and said in found[0], found


def test_column_order_and_partitioning_may_differ(pair):
    pair.src(SCHEMA + ROWS)
    pair.dst("CREATE TABLE t (c float8, extra int, b text, a int); CREATE TABLE nothing ();"
             'CREATE TABLE "odd ""name\ntwo" ("a b" int); CREATE TABLE part (v text, id int)')
    pair.dst(ROWS.replace("INTO t VALUES", "INTO t (a, b, c) VALUES").replace(
        "INTO part SELECT", "INTO part (id, v) SELECT"))
    assert pair.differences() == []


def test_encodings_may_differ(make_pair):
    pair = make_pair()
    latin = make_pair(encoding="LATIN1", locale="C")
    pair.src("CREATE TABLE t (a text); INSERT INTO t VALUES ('é')")
    latin.destination.psql(latin.destination_db,
                           "SET client_encoding = 'UTF8'; CREATE TABLE t (a text);"
                           "INSERT INTO t VALUES ('é')")
    pair.destination_db, other = latin.destination_db, pair.destination_db
    try:
        assert pair.differences() == []
    finally:
        pair.destination_db = other
