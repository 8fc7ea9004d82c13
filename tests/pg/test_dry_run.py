"""--dry-run prints the plan and touches nothing."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("loader")

TOUCHED = """
SELECT md5(string_agg(c::text, E'\\n' ORDER BY c.oid)), (SELECT count(*) FROM pg_namespace),
       (SELECT count(*) FROM pg_prepared_xacts)
  FROM (SELECT oid, relname, relfilenode, relkind FROM pg_class) c
"""


@pytest.fixture
def planned(pair):
    pair.both("CREATE TABLE big (a int PRIMARY KEY, v text); CREATE TABLE small (a int);"
              "CREATE TABLE as_text (r regclass)")
    pair.src("INSERT INTO big SELECT i, repeat('x', 80) FROM generate_series(1, 20000) i; ANALYZE;"
             "INSERT INTO small VALUES (1)")
    return pair


def written_at(pair, side):
    """The next transaction id that a writer would get: it moves only when somebody writes."""
    return getattr(pair, side)("SELECT pg_snapshot_xmax(pg_current_snapshot())")


def test_it_touches_neither_side(planned):
    planned.dst("INSERT INTO small VALUES (9)")
    before = [planned.src(TOUCHED), planned.dst(TOUCHED)]
    xids = [written_at(planned, s) for s in ("src", "dst")]
    result = planned.load("--dry-run", "--chunk-size", "256kB", "--mode", "truncate")
    assert result.status == 0, result
    assert [planned.src(TOUCHED), planned.dst(TOUCHED)] == before
    # Autovacuum may take an id meanwhile; a load of its own takes far more.
    assert all(int(written_at(planned, s)) - int(x) <= 2 for s, x in zip(("src", "dst"), xids))
    assert planned.dst("SELECT count(*) FROM small") == "1"
    assert not planned.ledger_exists()


def test_it_shows_the_plan(planned):
    result = planned.load("--dry-run", "--chunk-size", "256kB")
    for word in ("public.big", "public.small", "public.as_text"):
        assert word in result.out, result
    assert "text" in result.out


def test_it_names_problems_as_the_load_would(planned):
    planned.dst("DROP TABLE big")
    result = planned.load("--dry-run")
    assert result.status == 2 and "big" in result.text, result


def test_warnings(planned):
    planned.src("SELECT lo_create(4711); CREATE MATERIALIZED VIEW mv AS SELECT 1;"
                "CREATE STATISTICS st (dependencies) ON a, v FROM big")
    result = planned.load("--dry-run")
    text = result.text.lower()
    assert "large object" in text and "materiali" in text and "statistics" in text, result
    result = planned.load()
    text = result.out.lower()
    assert result.status == 0
    assert "large object" in text and "materiali" in text and "statistics" in text, result
    assert "vacuum" in text


def test_as_json(planned):
    result = planned.load("--dry-run", "--progress", "json")
    assert result.status == 0
    events = [json.loads(line) for line in result.out.splitlines()]
    assert "plan" in [e["event"] for e in events]
