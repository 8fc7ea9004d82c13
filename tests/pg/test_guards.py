"""What looked right and would have lost, doubled or let through rows."""

import threading

import pytest

from support.sluice import run_load

pytestmark = pytest.mark.usefixtures("loader")

ROWS = "INSERT INTO t SELECT i, repeat('x', 60) || i FROM generate_series(1, 5000) i"


@pytest.fixture
def table(pair):
    pair.src("CREATE TABLE t (id int PRIMARY KEY, v text); " + ROWS)
    pair.dst("CREATE TABLE t (id int, v text)")
    return pair


def count(pair, name="t"):
    return int(pair.dst(f"SELECT count(*) FROM {name}"))


@pytest.mark.parametrize("expression", ["true) OR (true", "true) OR (id > 0", "true\n) OR (true"])
def test_a_where_cannot_leave_its_brackets(table, expression):
    result = table.load("--where", f"t={expression}", "--chunk-size", "64kB")
    assert result.status == 2, result
    assert count(table) == 0


@pytest.mark.parametrize("expression", ["id > 4000 -- the newest", "id IN (SELECT 4001) OR v LIKE '%)%'"])
def test_a_where_may_hold_comments_and_brackets(table, expression):
    result = table.load("--where", f"t={expression}", "--chunk-size", "64kB")
    assert result.status == 0, result
    assert count(table) == int(table.src(f"SELECT count(*) FROM t WHERE {expression.split('--')[0]}"))


@pytest.mark.parametrize("harm", ["TRUNCATE t", "DELETE FROM t", "DROP TABLE t; CREATE TABLE t (id int, v text)"])
def test_a_resume_sees_that_its_rows_are_gone(pair, harm):
    """Half of the job is done (b breaks), then somebody removes it."""
    pair.both("CREATE TABLE t (id int, v text); CREATE TABLE b (id int)")
    pair.src(ROWS + "; INSERT INTO b VALUES (1)")
    pair.dst("ALTER TABLE b ADD CHECK (id > 1)")
    first = pair.load("-j", "1")
    assert first.status == 1 and count(pair) == 5000, first
    pair.dst(harm + "; ALTER TABLE b DROP CONSTRAINT b_id_check")
    second = pair.load("-j", "1")
    assert second.status == 2 and "--restart" in second.text, second


def test_two_jobs_cannot_both_find_a_table_empty(table):
    """Each of four may win, also one after the other: but then the later ones see its rows."""
    results = []
    threads = [threading.Thread(target=lambda n=n: results.append(table.load("--job", f"job{n}", "-j", "1")))
               for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.status for r in results) == [0, 2, 2, 2], results
    assert count(table) == 5000


def test_a_deferrable_constraint_stays_in_force(pair):
    pair.src("CREATE TABLE u (n int); INSERT INTO u SELECT i / 2 FROM generate_series(1, 3000) i")
    pair.dst("CREATE TABLE u (n int UNIQUE DEFERRABLE)")
    result = pair.load()
    assert result.status == 1 and "unique" in result.text, result
    assert count(pair, "u") == 0


def test_disabling_a_deferrable_constraint_is_warned_of(pair):
    pair.src("CREATE TABLE u (n int); INSERT INTO u VALUES (1), (2)")
    pair.dst("CREATE TABLE u (n int UNIQUE DEFERRABLE)")
    result = pair.load("--triggers", "disable")
    assert result.status == 0 and "deferrable" in result.out, result


PARTS = """
CREATE TABLE par (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE par1 PARTITION OF par FOR VALUES FROM (0) TO (10);
CREATE TABLE par2 PARTITION OF par FOR VALUES FROM (10) TO (20);
CREATE TABLE c (p int REFERENCES par);
"""


@pytest.mark.parametrize("selection", [("-T", "par1"), ("-t", "par2", "-t", "c")])
def test_a_parent_that_is_not_loaded_whole_is_checked(pair, selection):
    pair.both(PARTS)
    pair.src("INSERT INTO par SELECT generate_series(0, 19); INSERT INTO c SELECT generate_series(0, 19)")
    result = pair.load(*selection)
    assert result.status == 1 and "foreign key" in result.text, result
    assert count(pair, "c") == 0


def test_a_ledger_schema_with_other_tables_in_it(table):
    result = table.load("--ledger-schema", "public")
    assert result.status == 0, result
    assert count(table) == 5000


@pytest.mark.parametrize("name", ["pg_ledger", "information_schema"])
def test_the_servers_schemas_are_no_ledger(table, name):
    result = table.load("--ledger-schema", name)
    assert result.status == 2 and name in result.text, result


def test_words_outside_ascii_need_a_utf8_source(lab, make_pair):
    pair = make_pair(encoding="LATIN1", locale="C")
    pair.both("CREATE TABLE t (v text)")
    pair.src("INSERT INTO t VALUES (chr(233)), ('e')")
    refused = pair.load("--where", "t=v = 'é'")
    assert refused.status == 2 and "ASCII" in refused.text, refused
    result = pair.load("--where", "t=v = chr(233)")
    assert result.status == 0, result
    assert count(pair) == 1


def test_a_role_with_rights_on_columns_only(table):
    """Such a role may not ask for ctid, nor LOCK the table."""
    table.role(table.source, "columns_only")
    table.src("GRANT SELECT (id, v) ON t TO columns_only")
    source = table.source.dsn(table.source_db, "columns_only")
    args = ("--source", source, "--destination", table.destination_dsn, "--chunk-size", "64kB")
    result = run_load(*args)
    assert result.status == 0, result
    assert count(table) == 5000
    table.both("ALTER TABLE t ADD secret text")
    refused = run_load(*args, "--mode", "truncate", "--restart")
    assert refused.status == 3 and "secret" in refused.text, refused


def test_a_leaf_of_a_root_with_another_key_goes_to_the_root(pair):
    pair.src("CREATE TABLE r (id int, k int) PARTITION BY RANGE (id);"
             "CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (100);"
             "INSERT INTO r SELECT i, 99 - i FROM generate_series(0, 99) i")
    pair.dst("CREATE TABLE r (id int, k int) PARTITION BY RANGE (k);"
             "CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (50);"
             "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (50) TO (100)")
    result = pair.load()
    assert result.status == 0, result
    assert count(pair, "r") == 100 and count(pair, "r2") == 50


@pytest.mark.parametrize("column, value", [
    ("regclass", "'only_here'"), ("regclass[]", "ARRAY['pg_class', 'only_here']::regclass[]"),
    ("regtype", "'only_here'"), ("regrole", "'only_here'"),
])
def test_names_of_objects_are_looked_up_before_a_row_moves(pair, column, value):
    pair.role(pair.source, "only_here")
    pair.both(f"CREATE TABLE a_table (i int); CREATE TABLE t (n {column})")
    pair.src(f"CREATE TABLE only_here (i int); INSERT INTO a_table VALUES (1); INSERT INTO t VALUES ({value})")
    result = pair.load("-T", "only_here")
    assert result.status == 2 and "only_here" in result.text, result
    assert count(pair, "a_table") == 0
    pair.dst("CREATE TABLE only_here (i int)")
    pair.role(pair.destination, "only_here")
    result = pair.load("-T", "only_here")
    assert result.status == 0, result
    assert count(pair) == 1
