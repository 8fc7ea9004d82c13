"""What a job file says of tables: renames, left-out and computed columns, filters, many tables into one."""

import json
import signal
import time

import pytest

from support import sluice

pytestmark = pytest.mark.usefixtures("loader")


def text_of(value):
    """A value as YAML: JSON is a part of it."""
    return json.dumps(value, ensure_ascii=False)


def job_text(tables, defaults=None):
    document = {"version": 1, "tables": tables}
    if defaults:
        document["defaults"] = defaults
    return text_of(document)


def start_rules(pair, tmp_path, tables, *options, defaults=None):
    """Starts a load with these rules: {pattern: {wish: value}}."""
    path = tmp_path / "job.yaml"
    path.write_text(job_text(tables, defaults), encoding="utf-8")
    return sluice.start_load(*pair.args("--config", path, *options))


def load_rules(pair, tmp_path, tables, *options, defaults=None):
    return start_rules(pair, tmp_path, tables, *options, defaults=defaults).wait()


SHOP = """
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, note text);
    CREATE TABLE items (order_id bigint, line int, sku text, qty int, PRIMARY KEY (order_id, line));
"""


def fill_shop(pair, orders=1000):
    pair.src(SHOP + f"""
        INSERT INTO orders SELECT i, i % 37, 'n' || i FROM generate_series(1, {orders}) i;
        INSERT INTO items SELECT i, l, 'sku' || l, l * 2 FROM generate_series(1, {orders}) i, generate_series(1, 3) l;
    """)


ITEMS_KEY = "(SELECT o.customer_id FROM public.orders o WHERE o.id = items.order_id)"
ITEMS_WANTED = "SELECT i.order_id, i.line, i.sku, i.qty, o.customer_id FROM items i JOIN orders o ON o.id = i.order_id"
SUM = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM ({}) t"


def test_a_shard_key_from_the_parent_by_sub_query(pair, tmp_path):
    fill_shop(pair)
    pair.dst(SHOP + "ALTER TABLE items ADD customer_id bigint NOT NULL")
    result = load_rules(pair, tmp_path, {
        "public.items": {"columns": {"customer_id": {"expression": ITEMS_KEY}}}})
    assert result.status == 0, result
    assert pair.dst(SUM.format("SELECT order_id, line, sku, qty, customer_id FROM items")) == \
        pair.src(SUM.format(ITEMS_WANTED))
    assert pair.dst("SELECT format FROM sluice.job_table WHERE source_name = 'items'") == "binary"


def test_rename_leave_out_and_compute(pair, tmp_path):
    pair.src("CREATE TABLE t (a int, b text, secret text); INSERT INTO t SELECT i, 'b' || i, 's' FROM generate_series(1, 50) i")
    pair.dst("CREATE SCHEMA other; CREATE TABLE other.u (x int, b text, c text)")
    result = load_rules(pair, tmp_path, {"public.t": {
        "to": {"schema": "other", "table": "u"},
        "columns": {"a": {"rename": "x"}, "secret": {"leave-out": True},
                    "c": {"expression": "t.b || '/' || a::text -- a comment"}}}})
    assert result.status == 0, result
    assert pair.dst("SELECT count(*), count(*) FILTER (WHERE c = b || '/' || x) FROM other.u") == "50|50"


def test_a_computed_column_takes_the_place_of_a_column(pair, tmp_path):
    pair.src("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'Ann'), (2, NULL)")
    pair.dst("CREATE TABLE t (id int, name text)")
    result = load_rules(pair, tmp_path, {"t": {"columns": {"name": {"expression": "upper(name)"}}}})
    assert result.status == 0, result
    assert pair.dst("SELECT string_agg(id || coalesce(name, '-'), ',' ORDER BY id) FROM t") == "1ANN,2-"


HOSTILE = ['or"der', "with space", "back\\slash", "order", "naïve ☃", "a\nb", "x') AS y", "$1", "--", "/*"]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def test_hostile_names(pair, tmp_path):
    columns = ", ".join(f"{quoted(n)} int" for n in HOSTILE)
    values = ", ".join(str(i) for i in range(len(HOSTILE)))
    moved = ", ".join(f"{quoted('to ' + n)} int" for n in HOSTILE)
    for name in HOSTILE:
        pair.src(f"CREATE TABLE {quoted(name)} ({columns}); INSERT INTO {quoted(name)} VALUES ({values})")
        pair.dst(f"CREATE SCHEMA {quoted('s ' + name)}; CREATE TABLE {quoted('s ' + name)}.{quoted('t ' + name)}"
                 f" ({moved}, {quoted('sum ' + name)} int)")
    rules = {}
    for name in HOSTILE:
        wish = {n: {"rename": "to " + n} for n in HOSTILE}
        wish["sum " + name] = {"expression": f"{quoted(name)}.{quoted(HOSTILE[3])} + 100"}
        rules["public." + quoted(name)] = {"to": {"schema": "s " + name, "table": "t " + name}, "columns": wish}
    result = load_rules(pair, tmp_path, rules)
    assert result.status == 0, result
    for name in HOSTILE:
        assert pair.dst(f"SELECT t::text FROM {quoted('s ' + name)}.{quoted('t ' + name)} t") == \
            "(" + ",".join(str(i) for i in range(len(HOSTILE))) + ",103)"


BAD_EXPRESSIONS = [
    "1) FROM pg_class; --", "1, 2", "(1", "1)", "'open", "1 /* open", "$a$ open", "count(*)", "sum(a)",
    "generate_series(1, 2)", "unnest(ARRAY[1, 2])", "row_number() OVER ()", "1; DROP TABLE t", "*", "t.*",
    "no_such_column", "(SELECT x FROM parent)", "(SELECT x FROM public.parent)", "f(a)", "1 AS x", "", "  ",
    "(WITH d AS (DELETE FROM public.parent RETURNING x) SELECT x FROM d)", "1 END, CASE WHEN true THEN 2",
    "1) AS a, (2", "$1", "nextval('public.seq')::int FROM pg_class", "(SELECT x FROM public.parent FOR UPDATE)",
    "1) FROM pg_class WHERE CASE WHEN true THEN $a$", "(SELECT public.secret.a FROM public.secret LIMIT 1",
]


@pytest.mark.parametrize("expression", BAD_EXPRESSIONS)
def test_what_is_no_expression_is_refused_before_the_start(pair, tmp_path, expression):
    pair.src("CREATE TABLE t (a int, b int); INSERT INTO t SELECT generate_series(1, 10); CREATE SEQUENCE seq;"
             "CREATE TABLE parent (x text); CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    pair.dst("CREATE TABLE t (a int, b int, n int)")
    result = load_rules(pair, tmp_path, {"public.t": {"columns": {"n": {"expression": expression}}}}, "-t", "public.t")
    assert result.status == 2, result
    if expression.strip():  # an empty one does not get as far as a server
        assert '"n"' in result.text and "job.yaml:" in result.text, result
    assert pair.dst("SELECT count(*) FROM t") == "0"
    assert pair.src("SELECT count(*) FROM t") == "10"


def test_messages_help(pair, tmp_path):
    pair.src("CREATE TABLE t (a int); CREATE TABLE parent (x int)")
    pair.dst("CREATE TABLE t (a int, m int, n int, o int)")
    result = load_rules(pair, tmp_path, {"t": {"columns": {
        "m": {"expression": "(SELECT max(x) FROM parent)"}, "n": {"expression": "count(*)"},
        "o": {"expression": "2000000000 + a"}}}}, "-t", "t")
    assert result.status == 2, result
    assert "SCHEMA.TABLE" in result.text and "sub-query" in result.text, result
    assert 'column "o"' not in result.text, result  # one wrong neighbour does not spoil it


TYPES = [("int", "a + 1", "binary"), ("bigint", "a::bigint * 3000000000", "binary"), ("bigint", "a", "text"),
         ("text", "'x' || a", "binary"), ("varchar(20)", "('v' || a)::varchar(20)", "binary"),
         ("numeric(10,2)", "(a / 3.0)::numeric(10,2)", "binary"), ("boolean", "a % 2 = 0", "binary"),
         ("timestamptz", "'2024-01-01+00'::timestamptz + a * interval '1 day'", "binary"),
         ("uuid", "md5(a::text)::uuid", "binary"), ("jsonb", "jsonb_build_object('a', a)", "binary"),
         ("int[]", "ARRAY[a, NULL, a + 1]", "binary"), ("bytea", "sha256(a::text::bytea)", "binary"),
         ("mood", "(CASE WHEN a % 2 = 0 THEN 'sad' ELSE 'ok' END)::public.mood", "binary"),
         ("xml", "xmlelement(name x, a)", "text"), ("regclass", "'public.t'::regclass", "text"),
         ("int4range", "int4range(a, a + 5)", "binary"), ("float8", "random() * 0", "binary"),
         ("text", "NULL", "binary"), ("text", "'literal'", "binary")]


@pytest.mark.parametrize("kind, expression, expected", TYPES)
def test_types_of_expressions(pair, tmp_path, kind, expression, expected):
    pair.both("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    pair.src("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 20)")
    pair.dst(f"CREATE TABLE t (a int, n {kind})")
    result = load_rules(pair, tmp_path, {"t": {"columns": {"n": {"expression": expression}}}})
    assert result.status == 0, result
    assert pair.dst("SELECT format FROM sluice.job_table") == expected
    assert pair.dst("SELECT string_agg(a || ' ' || coalesce(n::text, '-'), ',' ORDER BY a) FROM t") == \
        pair.src(f"SELECT string_agg(a || ' ' || coalesce(({expression})::{kind}::text, '-'), ',' ORDER BY a) FROM t")


@pytest.mark.parametrize("kind, expression", [("int", "a::text"), ("int", "1, 2"), ("text", "ROW(a, 1)"), ("int", "a * 2::bigint"),
                                              ("varchar(3)", "'long' || a"), ("regclass", "'public.only_here'::regclass")])
def test_a_type_that_does_not_fit_is_refused(pair, tmp_path, kind, expression):
    pair.src("CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE TABLE only_here (a int)")
    pair.dst(f"CREATE TABLE t (a int, n {kind})")
    result = load_rules(pair, tmp_path, {"t": {"columns": {"n": {"expression": expression}}}}, "-t", "t")
    assert result.status == 2, result
    assert '"n"' in result.text, result


WRONG = [
    ({"nope.*": {"where": "true"}}, ["job.yaml:", "nope.*", "matches no table"]),
    ({"public.t": {"columns": {"zz": {"leave-out": True}}}}, ["job.yaml:", '"zz"', "leave out"]),
    ({"public.t": {"columns": {"zz": {"rename": "y"}}}}, ["job.yaml:", '"zz"', "rename"]),
    ({"public.t": {"columns": {"a": {"rename": "b"}}}}, ["job.yaml:", "both", '"b"']),
    ({"public.t": {"columns": {"a": {"rename": "missing"}}}}, ["job.yaml:", '"missing"', "does not exist"]),
    ({"public.t": {"columns": {"n": {"expression": "1"}}}}, ["job.yaml:", '"n"', "does not exist"]),
    ({"public.t": {"columns": {"g": {"expression": "1"}}}}, ["job.yaml:", '"g"', "generated"]),
    ({"public.t": {"columns": {n: {"leave-out": True} for n in "abw"}}}, ["job.yaml:", "every column"]),
    ({"public.t": {"columns": {"b": {"leave-out": True}}}}, ['"b"', "NOT NULL", "job file leaves it out"]),
    ({"public.t": {"to": {"table": "u"}}}, ["public.u", "does not exist on the destination"]),
    ({"public.t": {"to": {"schema": "elsewhere"}}}, ["elsewhere.t", "does not exist on the destination"]),
    ({"public.t": {"where": "no_such > 1"}}, ["job.yaml:", "no_such"]),
    ({"public.t": {"where": "true) OR (true"}}, ["job.yaml:", "syntax"]),
    ({"public.(": {"where": "true"}}, ["job.yaml:", "public.("]),
    ({"public.t": {"format": "binary"}}, ["cannot go in binary", "job file"]),
]


@pytest.mark.parametrize("tables, words", WRONG)
def test_rules_that_cannot_be(pair, tmp_path, tables, words):
    pair.src("CREATE TABLE t (a int, b int NOT NULL, w int); CREATE TABLE skipped (a int); INSERT INTO t VALUES (1, 2, 3)")
    pair.dst("CREATE TABLE t (a int, b int NOT NULL, w bigint, g int GENERATED ALWAYS AS (1) STORED)")
    result = load_rules(pair, tmp_path, tables, "-t", "public.t")
    assert result.status == 2, result
    for word in words:
        assert word in result.text, (word, result)
    assert pair.dst("SELECT count(*) FROM t") == "0"


def test_a_job_file_serves_a_load_of_some_of_its_tables(pair, tmp_path):
    pair.both("CREATE TABLE t (a int); CREATE TABLE skipped (a int)")
    pair.src("INSERT INTO t VALUES (1), (2); INSERT INTO skipped VALUES (1)")
    rules = {"public.t": {"where": "a > 1"}, "public.skipped": {"where": "true"}}
    result = load_rules(pair, tmp_path, rules, "-t", "public.t")
    assert result.status == 0 and "1 rule of the job file is about tables that are not part" in result.text, result
    assert pair.dst("SELECT (SELECT sum(a) FROM t), (SELECT count(*) FROM skipped)") == "2|0"


def test_a_rule_for_what_no_load_takes_unasked(pair, tmp_path):
    pair.both("CREATE TABLE t (a int); CREATE MATERIALIZED VIEW seen AS SELECT a FROM t")
    result = load_rules(pair, tmp_path, {"public.seen": {"where": "true"}})
    assert result.status == 2 and "public.seen" in result.text and "part of this load" in result.text, result


def test_the_source_role_needs_the_tables_of_a_sub_query(pair, tmp_path):
    fill_shop(pair, 10)
    pair.dst(SHOP + "ALTER TABLE items ADD customer_id bigint")
    role = "reader_" + pair.source_db
    pair.role(pair.source, role)
    pair.src(f"GRANT SELECT ON items TO {role}")
    path = tmp_path / "job.yaml"
    path.write_text(job_text({"public.items": {"columns": {"customer_id": {"expression": ITEMS_KEY}}}}))
    result = sluice.run_load("--source", pair.source.dsn(pair.source_db, user=role), "--destination",
                             pair.destination_dsn, "--config", path, "-t", "items")
    assert result.status == 3, result
    assert "customer_id" in result.text and "GRANT SELECT" in result.text, result


def test_where_and_formats_and_chunks_of_each_table(pair, tmp_path):
    pair.both("CREATE TABLE small (id int, v text); CREATE TABLE large (id int, v text); CREATE TABLE other (id int, v text)")
    for name in ("small", "large", "other"):
        pair.src(f"INSERT INTO {name} SELECT i, repeat('x', 200) FROM generate_series(1, 20000) i")
    result = load_rules(pair, tmp_path, {
        "public.*": {"where": "id > 5"}, "small": {"chunk-size": "256kB", "where": "id <= 10000"},
        "large": {"format": "text"}})
    assert result.status == 0, result
    assert pair.dst("SELECT (SELECT count(*) FROM small), (SELECT count(*) FROM large), (SELECT min(id) FROM other)") == "10000|19995|6"
    assert pair.dst("SELECT string_agg(source_name || ' ' || format, ',' ORDER BY source_name) FROM sluice.job_table") == \
        "large text,other binary,small binary"
    chunks = dict(line.split("|") for line in pair.dst(
        "SELECT t.source_name, count(*) FROM sluice.chunk c JOIN sluice.job_table t USING (job, table_no) GROUP BY 1").splitlines())
    assert int(chunks["small"]) > 10 and int(chunks["large"]) < 4, chunks


def test_where_twice_for_a_table(pair, tmp_path):
    pair.both("CREATE TABLE t (a int)")
    result = load_rules(pair, tmp_path, {"t": {"where": "a > 1"}}, "--where", "t=a > 2")
    assert result.status == 2 and "job.yaml:" in result.text and "--where" in result.text, result


TENANTS = 5


def fill_tenants(pair):
    for k in range(TENANTS):
        pair.src(f"CREATE SCHEMA tenant_{k}; CREATE TABLE tenant_{k}.orders (id int PRIMARY KEY, v text);"
                 f"INSERT INTO tenant_{k}.orders SELECT i, repeat('v', 300) || i FROM generate_series(1, {1000 * (k + 1)}) i")


def tenant_rules():
    return {f"tenant_{k}.orders": {"to": {"schema": "public"}, "columns": {"tenant": {"expression": f"{k}"}}} for k in range(TENANTS)}


def tenants_arrived(pair):
    return pair.dst("SELECT string_agg(tenant || ':' || n || ':' || d, ',' ORDER BY tenant) FROM"
                    " (SELECT tenant, count(*) n, count(DISTINCT id) d FROM orders GROUP BY 1) g")


TENANTS_WANTED = ",".join(f"{k}:{1000 * (k + 1)}:{1000 * (k + 1)}" for k in range(TENANTS))


@pytest.mark.parametrize("mode", ["error", "truncate"])
def test_schemas_of_tenants_into_one_table(pair, tmp_path, mode):
    fill_tenants(pair)
    pair.dst("CREATE TABLE orders (tenant int, id int, v text, PRIMARY KEY (tenant, id))")
    if mode == "truncate":
        pair.dst("INSERT INTO orders VALUES (9, 9, 'old')")
    result = load_rules(pair, tmp_path, tenant_rules(), "--mode", mode)
    assert result.status == 0, result
    assert tenants_arrived(pair) == TENANTS_WANTED


def test_leaves_of_a_renamed_root(pair, tmp_path):
    pair.src("CREATE TABLE r (k int, v text) PARTITION BY RANGE (k); CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (10);"
             "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (10) TO (20); INSERT INTO r SELECT i, 'v' FROM generate_series(0, 19) i")
    pair.dst("CREATE SCHEMA s; CREATE TABLE s.flat (k int, w text, half int)")
    result = load_rules(pair, tmp_path, {"public.r": {"to": {"schema": "s", "table": "flat"}, "columns": {
        "v": {"rename": "w"}, "half": {"expression": "k / 2"}}}})
    assert result.status == 0, result
    assert pair.dst("SELECT count(*), count(DISTINCT k), sum(half) FROM s.flat WHERE w = 'v'") == "20|20|90"


def test_a_schema_keeps_leaves_apart(pair, tmp_path):
    tables = ("CREATE TABLE {0}.r (k int) PARTITION BY RANGE (k); CREATE TABLE {0}.r1 PARTITION OF {0}.r FOR VALUES FROM (0) TO (10);"
              "CREATE TABLE {0}.r2 PARTITION OF {0}.r FOR VALUES FROM (10) TO ({1});")
    pair.src(tables.format("public", 20) + "INSERT INTO r SELECT generate_series(0, 19)")
    pair.dst("CREATE SCHEMA s;" + tables.format("s", 30))
    result = load_rules(pair, tmp_path, {"public.r": {"to": {"schema": "s"}}})
    assert result.status == 0, result
    assert pair.dst("SELECT string_agg(destination_name, ',' ORDER BY source_name) FROM sluice.job_table") == "r1,r"
    assert pair.dst("SELECT count(*) FROM s.r") == "20"


def test_killed_and_resumed_with_computed_and_renamed_columns(pair, tmp_path):
    fill_shop(pair, 60000)
    pair.dst("CREATE TABLE orders (id bigint, customer_id bigint, note text);"
             "CREATE TABLE lines (order_id bigint, no int, sku text, qty int, customer_id bigint NOT NULL)")
    tables = {"public.items": {"to": {"table": "lines"}, "chunk-size": "256kB", "columns": {
        "line": {"rename": "no"}, "customer_id": {"expression": ITEMS_KEY}}}}
    for _ in range(3):
        load = start_rules(pair, tmp_path, tables, "--max-rate", "4MB/s")
        before = pair.chunks_done()
        deadline = time.monotonic() + 30
        while load.running() and pair.chunks_done() <= before and time.monotonic() < deadline:
            time.sleep(0.02)
        load.kill(signal.SIGKILL)
    result = load_rules(pair, tmp_path, tables)
    assert result.status == 0, result
    assert pair.dst(SUM.format("SELECT order_id, no, sku, qty, customer_id FROM lines")) == pair.src(SUM.format(ITEMS_WANTED))


def wait_for_chunks(pair, load, count):
    deadline = time.monotonic() + 60
    while load.running() and pair.chunks_done() < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert load.running(), load.wait()


def test_the_parent_of_a_sub_query_is_locked_too(pair, tmp_path):
    """The holder keeps the lock after the loader's death; TRUNCATE of the parent has to wait."""
    fill_shop(pair, 60000)
    pair.dst(SHOP + "ALTER TABLE items ADD customer_id bigint NOT NULL")
    tables = {"public.items": {"chunk-size": "256kB", "columns": {"customer_id": {"expression": ITEMS_KEY}}}}
    load = start_rules(pair, tmp_path, tables, "--max-rate", "2MB/s", "-t", "items")
    wait_for_chunks(pair, load, 1)
    load.kill(signal.SIGKILL)
    with pytest.raises(Exception, match="lock timeout"):
        pair.src("SET lock_timeout = '500ms'; TRUNCATE orders")
    result = load_rules(pair, tmp_path, tables, "-t", "items")
    assert result.status == 0, result
    assert pair.dst(SUM.format("SELECT order_id, line, sku, qty, customer_id FROM items")) == pair.src(SUM.format(ITEMS_WANTED))


def test_an_expression_that_fails_on_a_row_is_named(pair, tmp_path):
    pair.src("CREATE TABLE t (a int); INSERT INTO t SELECT i FROM generate_series(0, 9) i")
    pair.dst("CREATE TABLE t (a int, k int)")
    for expression, why in (("100 / a", "division by zero"), ("(SELECT x FROM generate_series(a, 9) x)", "more than one row")):
        result = load_rules(pair, tmp_path, {"public.t": {"columns": {"k": {"expression": expression}}}}, "--restart")
        assert result.status != 0 and why in result.text, result
        assert 'it has computed columns ("k"): an expression of the job file' in result.text, result


def test_a_filter_that_changed_after_a_kill(pair, tmp_path):
    fill_shop(pair, 60000)
    pair.dst(SHOP)
    options = ("-t", "items", "--max-rate", "2MB/s", "--chunk-size", "256kB")
    load = start_rules(pair, tmp_path, {"public.items": {"where": "qty > 0"}}, *options)
    wait_for_chunks(pair, load, 1)
    load.kill(signal.SIGKILL)
    job = pair.dst("SELECT job FROM sluice.job")
    result = load_rules(pair, tmp_path, {"public.items": {"where": "qty > 1"}}, *options)
    assert result.status == 2 and f'the unfinished job "{job}" put some there' in result.text, result
    assert "--mode append" not in result.text, result


def lose_snapshot(pair):
    """Ends all of the loader's sessions on the source, the holder's included."""
    pair.src("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
             " AND application_name LIKE 'sluice%'")


def test_tenants_restart_together(pair, tmp_path):
    """A lost snapshot empties the shared table, so that the finished siblings are read again too."""
    fill_tenants(pair)
    pair.dst("CREATE TABLE orders (tenant int, id int, v text, PRIMARY KEY (tenant, id))")
    options = ("--on-lost-snapshot", "restart-tables", "--chunk-size", "256kB")
    load = start_rules(pair, tmp_path, tenant_rules(), *options, "--max-rate", "1MB/s", "--jobs", "1")
    wait_for_chunks(pair, load, 7)
    load.kill(signal.SIGKILL)
    lose_snapshot(pair)
    result = load_rules(pair, tmp_path, tenant_rules(), *options)
    assert result.status == 0, result
    assert tenants_arrived(pair) == TENANTS_WANTED


def test_a_leaf_and_its_root_restart_together(pair, tmp_path):
    """One leaf goes to its like, one to the root; emptying the root takes both."""
    tables = ("CREATE TABLE r (k int, v text) PARTITION BY RANGE (k); CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (1000);"
              "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (1000) TO ({});")
    pair.src(tables.format(100000) + "INSERT INTO r SELECT i, repeat('v', 300) FROM generate_series(0, 19999) i")
    pair.dst(tables.format(200000))
    options = ("--on-lost-snapshot", "restart-tables", "--chunk-size", "256kB")
    load = start_rules(pair, tmp_path, {}, *options, "--max-rate", "2MB/s", "--jobs", "2")
    deadline = time.monotonic() + 60
    while load.running() and time.monotonic() < deadline and pair.dst(
            "SELECT to_regclass('sluice.chunk_done') IS NOT NULL") != "t":
        time.sleep(0.02)
    while load.running() and time.monotonic() < deadline and pair.dst(
            "SELECT count(*) FILTER (WHERE table_no = 0) > 1 AND count(*) FILTER (WHERE table_no = 1) > 0"
            " FROM sluice.chunk_done WHERE finished_at IS NOT NULL") != "t":
        time.sleep(0.02)
    assert load.running(), load.wait()
    load.kill(signal.SIGKILL)
    lose_snapshot(pair)
    result = load_rules(pair, tmp_path, {}, *options)
    assert result.status == 0, result
    assert pair.dst("SELECT count(*), count(DISTINCT k) FROM r") == "20000|20000"


def test_another_rule_is_another_job_or_is_named(pair, tmp_path):
    pair.both("CREATE TABLE t (a int, b int)")
    pair.src("INSERT INTO t VALUES (1, 2)")
    assert load_rules(pair, tmp_path, {"t": {"columns": {"b": {"leave-out": True}}}}, "--job", "j").status == 0
    result = load_rules(pair, tmp_path, {"t": {"columns": {"b": {"expression": "7"}}}}, "--job", "j")
    assert result.status == 2, result
    assert 'the rule for t: column "b"' in result.text and "leave-out" in result.text, result
    result = load_rules(pair, tmp_path, {}, "--job", "j")
    assert result.status == 2 and "rule 1" in result.text, result


def test_modes_are_left_aside_on_a_plain_server(pair, tmp_path):
    pair.both("CREATE TABLE t (a int); CREATE TABLE u (a int)")
    result = load_rules(pair, tmp_path, {"t": {"mode": "sharded", "shard-key": ["a"]}, "u": {"mode": "reference"}})
    assert result.status == 0, result
    assert result.text.count("the destination is not a shard group") == 1, result


@pytest.mark.parametrize("tables, defaults, told", [
    ({"t": {"mode": "sharded", "shard-key": ["a"]}, "u": {"shard-key": ["a"]}}, None, ["u: shard-key is about sharded tables"]),
    ({"t": {"mode": "sharded", "shard-key": ["a"]}, "u": {"collocate-with": "public.t"}}, None,
     ["u: collocate-with is about sharded tables"]),
    ({"t": {"mode": "sharded"}, "u": {"mode": "reference"}, "*.u": {"shard-key": ["a"]}}, None,
     ["u: shard-key is about sharded tables, and another rule says mode: reference"]),
    ({"u": {"shard-key": ["a"]}, "t": {"mode": "sharded"}}, {"mode": "standard"}, ["mode: standard"]),
    ({"u": {"shard-key": ["a"]}, "t": {"shard-key": ["a"]}, "*.*": {"mode": "sharded"}}, None, []),
    ({"*.*": {"shard-key": ["a"]}, "u": {"mode": "sharded"}, "t": {"mode": "reference"}}, None, []),
    ({"u": {"shard-key": ["a"]}, "t": {"mode": "reference"}}, {"mode": "sharded"}, []),
])
def test_a_shard_key_is_judged_with_all_rules_of_its_table(pair, tmp_path, tables, defaults, told):
    pair.both("CREATE TABLE t (a int); CREATE TABLE u (a int)")
    result = load_rules(pair, tmp_path, tables, "--dry-run", defaults=defaults)
    assert result.status == (2 if told else 0), result
    assert result.text.count("is about sharded tables") == len(told), result
    for words in told:
        assert words in result.text and "job.yaml:1: table public." in result.text, result


def test_a_rule_of_many_tables_is_told_once(pair, tmp_path):
    pair.both("".join(f"CREATE TABLE t{i} (a int);" for i in range(9)) + "CREATE TABLE u (a int)")
    result = load_rules(pair, tmp_path, {"t*": {"shard-key": ["a"]}, "u": {"mode": "sharded"}}, "--dry-run")
    assert result.status == 2 and result.text.count("is about sharded tables") == 1, result


def test_a_broken_expression_and_a_rename_to_its_column(pair, tmp_path):
    """From two rules, so that the file alone does not show the clash."""
    pair.both("CREATE TABLE t (a int, b int)")
    result = load_rules(pair, tmp_path, {"*.t": {"columns": {"a": {"rename": "b"}}},
                                         "t": {"columns": {"b": {"expression": "nonsense("}}}}, "--dry-run")
    assert result.status == 2, result
    assert "(null)" not in result.text and "cannot be computed" in result.text, result


def test_the_sequence_of_a_renamed_column(pair, tmp_path):
    pair.src("CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (id serial, nr int); CREATE TABLE b.t (id serial, nr int);"
             "INSERT INTO a.t (nr) SELECT 7000 FROM generate_series(1, 500); INSERT INTO b.t (nr) SELECT 9000 FROM generate_series(1, 20)")
    pair.dst('CREATE TABLE t ("tenant, x" text, nr serial)')
    result = load_rules(pair, tmp_path, {"*.t": {"to": {"schema": "public"}, "columns": {
        "nr": {"leave-out": True}, "id": {"rename": "nr"}, "tenant, x": {"expression": "tableoid::regclass::text"}}}})
    assert result.status == 0, result
    assert pair.dst("SELECT nextval('t_nr_seq')") == "501"


def test_the_sequence_of_a_computed_column(pair, tmp_path):
    """What the expression made of the rows counts, and not the source's sequence."""
    pair.both("CREATE TABLE t (id serial, v int); CREATE TABLE u (v int)")
    pair.src("INSERT INTO t (v) SELECT 1 FROM generate_series(1, 500); INSERT INTO u VALUES (5), (6)")
    pair.dst("ALTER TABLE u ADD n serial")
    result = load_rules(pair, tmp_path, {"t": {"columns": {"id": {"expression": "id + 1000"}}},
                                         "u": {"columns": {"n": {"expression": "v * 10"}}}})
    assert result.status == 0 and "was not moved" not in result.text, result
    assert pair.dst("SELECT nextval('t_id_seq'), nextval('u_n_seq')") == "1501|61"


def test_many_tables_and_rules_are_planned_fast(pair, tmp_path):
    """3,000 tables and 100 rules, of which many match many: one query for all of them."""
    tables = "".join(f"CREATE TABLE t{i} (a int, b int);" for i in range(3000))
    pair.both(tables)
    rules = {f"public.t{i}*": {"columns": {"b": {"rename": "b"}}} for i in range(1, 100)}
    began = time.monotonic()
    plain = load_rules(pair, tmp_path, {}, "--dry-run")
    plain_s = time.monotonic() - began
    began = time.monotonic()
    result = load_rules(pair, tmp_path, rules, "--dry-run")
    assert plain.status == 0 and result.status == 0, (plain, result)
    print(f"without rules {plain_s:.2f} s, with 99 rules {time.monotonic() - began:.2f} s")
