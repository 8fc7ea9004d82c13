"""Tables of unusual make."""

import pytest

from support.pair import Pair

pytestmark = pytest.mark.usefixtures("loader")

SCRIPT = r"""
-- dropped columns, also the first one, and one added later
CREATE TABLE dropped (gone int, id int PRIMARY KEY, gone2 text, v text, gone3 int);
INSERT INTO dropped SELECT i, i, 'x', 'v' || i, i FROM generate_series(1, 500) i;
ALTER TABLE dropped DROP gone, DROP gone2, DROP gone3, ADD late int DEFAULT 7;
INSERT INTO dropped SELECT i, 'w' || i, NULL FROM generate_series(501, 900) i;

-- inheritance: rows in the parent too, and a child with more columns, in another schema
CREATE SCHEMA "other schema";
CREATE TABLE animal (id int PRIMARY KEY, name text);
CREATE TABLE "other schema".dog (barks boolean) INHERITS (animal);
CREATE TABLE puppy (born date) INHERITS ("other schema".dog);
INSERT INTO animal SELECT i, 'animal' FROM generate_series(1, 100) i;
INSERT INTO "other schema".dog SELECT i, 'dog', true FROM generate_series(101, 250) i;
INSERT INTO puppy SELECT i, 'puppy', false, '2024-01-01' FROM generate_series(251, 300) i;

-- no columns at all; every column dropped; only generated ones
CREATE TABLE zero ();
INSERT INTO zero DEFAULT VALUES; INSERT INTO zero DEFAULT VALUES; INSERT INTO zero DEFAULT VALUES;
CREATE TABLE emptied (a int);
INSERT INTO emptied SELECT generate_series(1, 40);
ALTER TABLE emptied DROP a;
CREATE TABLE generated (a int GENERATED ALWAYS AS (42) STORED, b text GENERATED ALWAYS AS ('x' || 'y') STORED);
INSERT INTO generated DEFAULT VALUES; INSERT INTO generated DEFAULT VALUES;

-- names
CREATE TABLE "Quoted ""name"" with 'all' of it" ("a b" int, "c""d" text, "SELECT" int, "ünï" text, "" text);
"""
SCRIPT = SCRIPT.replace(', "" text);', ', "x%sy\\z" text);') + r"""
INSERT INTO "Quoted ""name"" with 'all' of it" VALUES (1, 'x', 2, 'ü', ''), (2, NULL, NULL, NULL, NULL);
CREATE TABLE "two
lines; DROP TABLE zero; --" ("col
umn" int);
INSERT INTO "two
lines; DROP TABLE zero; --" VALUES (1), (2);
CREATE TABLE "$1" ("$1" int); INSERT INTO "$1" VALUES (1);
CREATE TABLE "UPPER" ("Id" int PRIMARY KEY); INSERT INTO "UPPER" SELECT generate_series(1, 50);
CREATE TABLE upper ("Id" int PRIMARY KEY); INSERT INTO upper SELECT generate_series(1, 30);
CREATE TABLE "%s%n.*" (v int); INSERT INTO "%s%n.*" VALUES (5);

-- kinds
CREATE UNLOGGED TABLE unlogged_one (id int PRIMARY KEY); INSERT INTO unlogged_one SELECT generate_series(1, 60);
CREATE TEMPORARY TABLE temporary_one (id int);
CREATE VIEW a_view AS SELECT * FROM upper;
CREATE MATERIALIZED VIEW a_matview AS SELECT count(*) FROM upper;

-- partitions of partitions, a default, a hash tree
CREATE TABLE tree (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE tree_2023 PARTITION OF tree FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE tree_2024 PARTITION OF tree FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY HASH (id);
CREATE TABLE tree_2024_0 PARTITION OF tree_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE "tree 2024 1" PARTITION OF tree_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE tree_rest PARTITION OF tree DEFAULT;
CREATE TABLE tree_attached (v text, gone int, day date NOT NULL, id int NOT NULL);
ALTER TABLE tree_attached DROP gone;
ALTER TABLE tree ATTACH PARTITION tree_attached FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO tree SELECT i, date '2022-06-01' + i, 'v' || i FROM generate_series(1, 1500) i;

-- a wide one
CREATE TABLE wide (id int);
"""


@pytest.fixture(scope="module")
def shapes(lab):
    pair = Pair(lab)
    wide = ", ".join(f"ADD c{i} int DEFAULT {i}" for i in range(1, 1200))
    pair.src(SCRIPT + f"ALTER TABLE wide {wide}; INSERT INTO wide SELECT generate_series(1, 20);")
    pair.copy_schema()
    yield pair
    pair.close()


@pytest.mark.parametrize("options", [
    ("--format", "auto"), ("--format", "text", "-j", "1"), ("--chunk-by", "key", "--chunk-size", "64kB"),
    ("--chunk-by", "tid", "--chunk-size", "64kB", "-j", "8"),
], ids=" ".join)
def test_every_table_arrives(shapes, options):
    result = shapes.load(*options, "--mode", "truncate", "--restart")
    assert result.status == 0, result
    assert shapes.differences() == []


def test_views_are_left_out_unless_named(shapes):
    shapes.dst("CREATE TABLE IF NOT EXISTS copy_of_view (id int)")
    result = shapes.load("--dry-run", "--job", "views")
    assert "a_view" not in result.out
    shapes.src('CREATE VIEW named_view AS SELECT "Id" FROM upper')
    shapes.dst('CREATE TABLE named_view ("Id" int)')
    result = shapes.load("-t", "named_view", "--job", "named")
    assert result.status == 0, result
    assert shapes.dst("SELECT count(*) FROM named_view") == "30"


def test_partitions_into_a_plain_table_of_the_roots_name(pair):
    pair.src("CREATE TABLE p (id int, v text) PARTITION BY LIST (id);"
             "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p DEFAULT;"
             "INSERT INTO p SELECT i % 3, 'v' || i FROM generate_series(1, 3000) i")
    pair.dst("CREATE TABLE p (v text, id int)")
    result = pair.load()
    assert result.status == 0, result
    assert pair.differences() == []


def test_partitions_into_other_partitions(pair):
    pair.src("CREATE TABLE p (id int, v text) PARTITION BY RANGE (id);"
             "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);"
             "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (1000);"
             "INSERT INTO p SELECT i, 'v' || i FROM generate_series(0, 999) i")
    # The same names with other bounds: p1's rows do not fit into the destination's p1.
    pair.dst("CREATE TABLE p (id int, v text) PARTITION BY RANGE (id);"
             "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (50);"
             "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (50) TO (1000)")
    result = pair.load()
    assert result.status in (0, 2), result
    if result.status == 0:
        assert pair.dst("SELECT count(*) FROM p") == "1000"
    else:
        assert "p1" in result.text and pair.dst("SELECT count(*) FROM p") == "0"


def test_an_ordinary_table_into_a_partitioned_one(pair):
    pair.src("CREATE TABLE p (id int, v text); INSERT INTO p SELECT i, 'v' FROM generate_series(0, 999) i")
    pair.dst("CREATE TABLE p (id int, v text) PARTITION BY HASH (id);"
             "CREATE TABLE p_0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
             "CREATE TABLE p_1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
    result = pair.load()
    assert result.status == 0, result
    assert pair.dst("SELECT count(*) FROM p") == "1000"


def test_five_hundred_tables(pair):
    pair.src("""DO $$ BEGIN FOR i IN 1..500 LOOP
        EXECUTE format('CREATE TABLE many_%s (id int PRIMARY KEY, v text)', i);
        EXECUTE format('INSERT INTO many_%s SELECT g, ''row '' || g FROM generate_series(1, %s) g', i, i % 7);
        END LOOP; END $$""")
    pair.copy_schema()
    result = pair.load("-j", "8", timeout=180)
    assert result.status == 0, result
    assert pair.differences() == []


def test_database_names_with_everything(make_pair):
    pair = make_pair(source_db="sou'rce \"db\" \\ =x", destination_db="dest\nination%20")
    pair.src("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    pair.copy_schema()
    result = pair.load()
    assert result.status == 0, result
    assert pair.differences() == []
    assert pair.load().status == 0
