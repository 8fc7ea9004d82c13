"""Which tables, and which rows."""

import pytest

pytestmark = pytest.mark.usefixtures("loader")

SCHEMA = """
CREATE SCHEMA sales; CREATE SCHEMA "Odd.Schema";
CREATE TABLE orders (id int); CREATE TABLE orders_old (id int); CREATE TABLE items (id int);
CREATE TABLE sales.orders (id int); CREATE TABLE "Odd.Schema"."Orders" (id int);
CREATE TABLE part (id int) PARTITION BY RANGE (id);
CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (100);
"""
TABLES = ("public.orders", "public.orders_old", "public.items", "sales.orders", '"Odd.Schema"."Orders"',
          "public.part_low", "public.part_high")


@pytest.fixture
def several(pair):
    pair.both(SCHEMA)
    pair.src("".join(f"INSERT INTO {t} SELECT generate_series({10 if 'high' in t else 0},"
                     f" {19 if 'high' in t else 9});" for t in TABLES))
    return pair


def loaded(pair):
    return {t for t in TABLES if pair.dst(f"SELECT count(*) FROM {t}") != "0"}


@pytest.mark.parametrize("options, expected", [
    ((), set(TABLES)),
    (("-t", "orders"), {"public.orders", "sales.orders"}),
    (("-t", "public.orders"), {"public.orders"}),
    (("-t", "ORDERS*", "-T", "*old"), {"public.orders", "sales.orders"}),
    (("-t", 'public.ord?rs', "-t", "items"), {"public.orders", "public.items"}),
    (("-t", '"Odd.Schema"."Orders"'), {'"Odd.Schema"."Orders"'}),
    (("-n", "sales"), {"sales.orders"}),
    (("-n", "s*", "-n", '"Odd.Schema"'), {"sales.orders", '"Odd.Schema"."Orders"'}),
    (("-N", "public"), {"sales.orders", '"Odd.Schema"."Orders"'}),
    (("-t", "part"), {"public.part_low", "public.part_high"}),
    (("-t", "part", "-T", "part_low"), {"public.part_high"}),
    (("-t", "part_high"), {"public.part_high"}),
    (("-t", "(orders|items)", "-n", "public"), {"public.orders", "public.items"}),
])
def test_patterns(several, options, expected):
    result = several.load(*options)
    assert result.status == 0, result
    found = loaded(several)
    # As in pg_dump, a bare -t pattern sees only the search path; as in DESIGN, it may see all schemas.
    assert found == expected or (options == ("-t", "orders") and found == {"public.orders"}), found


@pytest.mark.parametrize("options", [
    ("-t", "no_such_table"), ("-t", "orders", "-t", "nothing*"), ("-n", "no_such_schema"), ("-t", ""),
    ("-t", "orders", "-T", "orders"), ("-t", 'un"closed'), ("-t", "a.b.c"),
])
def test_a_pattern_without_a_match_is_an_error(several, options):
    result = several.load(*options)
    assert result.status == 2, result
    assert loaded(several) == set()


def test_where(several):
    result = several.load("-t", "public.orders", "-t", "items", "--where", "public.orders=id % 2 = 0 AND id > 1")
    assert result.status == 0, result
    assert several.dst("SELECT string_agg(id::text, ',' ORDER BY id) FROM public.orders") == "2,4,6,8"
    assert several.dst("SELECT count(*) FROM items") == "10"


def test_another_where_is_another_job(several):
    assert several.load("-t", "items", "--where", "items=id < 5").status == 0
    assert several.load("-t", "items", "--where", "items=id >= 5", "--mode", "append").status == 0
    assert several.differences(["public.items"]) == []


@pytest.mark.parametrize("by", ["tid", "key"])
def test_where_with_many_chunks(pair, by):
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    pair.src("INSERT INTO t SELECT i, repeat('x', 50) FROM generate_series(-5000, 5000) i; ANALYZE t")
    result = pair.load("--where", "t=id % 3 = 0 OR v IS NULL", "--chunk-size", "64kB", "--chunk-by", by)
    assert result.status == 0, result
    assert pair.dst("SELECT count(*), sum(id) FROM t") == pair.src("SELECT count(*), sum(id) FROM t WHERE id % 3 = 0")


@pytest.mark.parametrize("where, status", [
    ("items=no_such_column > 1", 2), ("no_such_table=true", 2), ("items", 2), ("items=", 2),
    ("items=true) TO STDOUT; DROP TABLE items; --", 2),
])
def test_a_wrong_where(several, where, status):
    result = several.load("-t", "items", "--where", where)
    assert result.status == status, result
    assert several.src("SELECT count(*) FROM items") == "10"
