"""--create-tables into the simulated shard group: all three modes, exact rows, and every refusal."""

import time

import pytest

from support import shop

pytestmark = pytest.mark.usefixtures("loader")


@pytest.fixture
def job(tmp_path):
    """Writes a job file; gives the options that name it."""
    def write(text):
        path = tmp_path / "job.yaml"
        path.write_text("version: 1\n" + text, encoding="utf-8")
        return ("--config", str(path), "--create-tables")
    return write


def kinds(pair):
    found = pair.dst("SELECT schema_name || '.' || table_name, table_type, coalesce(distribution_key, '')"
                     " FROM rds_aurora.limitless_tables WHERE schema_name <> 'sluice'")
    return {name: (kind, key) for name, kind, key in
            (line.split("|") for line in found.splitlines())}


def loaded(pair, *args):
    result = pair.load(*args)
    assert result.status == 0, result
    return result


def exact(pair):
    assert not pair.differences(), pair.differences()


def refused(pair, *args, words=(), status=2):
    result = pair.load(*args)
    assert result.status == status, result
    for each in words:
        assert each in result.text, (each, result)
    assert "created" not in result.err, result
    assert not kinds(pair), kinds(pair)
    return result


# --- whole databases in all three modes ---

SHOP = """
defaults: {mode: standard}
tables:
  shop.orders: {mode: sharded, shard-key: [customer_id]}
  shop.order_items:
    mode: sharded
    shard-key: [customer_id]
    collocate-with: shop.orders
    columns:
      customer_id:
        expression: "(SELECT o.customer_id FROM shop.orders o WHERE o.id = order_id)"
  shop.products: {mode: reference}
  shop.categories: {mode: reference}
"""


def test_shop(group_pair, job):
    shop.create_shop(group_pair.source, group_pair.source_db, scale=0.02)
    result = loaded(group_pair, *job(SHOP))
    made = kinds(group_pair)
    assert made["shop.orders"] == made["shop.order_items"] == ("sharded", "HASH (customer_id)"), made
    assert made["shop.products"][0] == "reference" and made["shop.events"][0] == "standard", made
    assert "created table shop.order_items, sharded by customer_id, collocated with shop.orders" \
        in result.err, result
    assert "identity columns are made as columns" in result.out, result
    assert 'the primary key has to hold the shard key, so that "customer_id" is added' in result.out
    assert group_pair.dst("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p'"
                          " AND conrelid = 'shop.order_items'::regclass") == \
        "PRIMARY KEY (order_id, line_no, customer_id)"
    tables = [t for t in group_pair.src(
        "SELECT n.nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname IN ('shop', 'audit')").splitlines()
        if t != "shop.order_items"]
    for table in tables:  # the simulator's partitions are not the source's
        sql = f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {table} t"
        if table == "shop.documents":  # xml
            sql = "SELECT count(*), sum(hashtextextended(body || coalesce(meta::text, ''), 0)::numeric)" \
                  " FROM shop.documents"
        assert group_pair.dst(sql) == group_pair.src(sql), table
    sql = "SELECT count(*), sum(hashtextextended((i.order_id, line_no, product_id, line_total, {})::text, 0)" \
          "::numeric) FROM shop.order_items i {}"
    assert group_pair.dst(sql.format("i.customer_id", "")) == group_pair.src(
        sql.format("o.customer_id", "JOIN shop.orders o ON o.id = i.order_id"))
    # identity became a sequence that goes on where the source's stood
    top = int(group_pair.src("SELECT max(id) FROM shop.reviews"))
    assert int(group_pair.dst("SELECT nextval('shop.reviews_id_seq')")) > top


CHINOOK = """
tables:
  public.customer: {mode: sharded, shard-key: [customer_id]}
  public.invoice: {mode: sharded, shard-key: [customer_id], collocate-with: public.customer}
  public.invoice_line:
    mode: sharded
    shard-key: [customer_id]
    collocate-with: public.invoice
    columns:
      customer_id:
        expression: "(SELECT i.customer_id FROM public.invoice i WHERE i.invoice_id = invoice_line.invoice_id)"
  "public.(genre|media_type)": {mode: reference}
"""


def counts(pair, tables):
    sql = "; ".join(f"SELECT '{t}', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)"
                    f" FROM {t} t" for t in tables)
    assert pair.dst(sql) == pair.src(sql)


def tables_of(pair, but=()):
    return [t for t in pair.src(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(relname) FROM pg_class c JOIN pg_namespace n"
        " ON n.oid = relnamespace WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname NOT LIKE"
        " 'pg\\_%' AND nspname <> 'information_schema' ORDER BY 1").splitlines() if t not in but]


def test_chinook(group_pair, job, sample_data):
    group_pair.source.psql_file(group_pair.source_db, sample_data("chinook") / "chinook_nodb.sql")
    loaded(group_pair, *job(CHINOOK))
    made = kinds(group_pair)
    assert [made[f"public.{t}"][0] for t in ("invoice_line", "genre", "media_type", "album")] == [
        "sharded", "reference", "reference", "standard"], made
    counts(group_pair, tables_of(group_pair, but=["public.invoice_line"]))


PAGILA = """
tables:
  public.customer: {mode: sharded, shard-key: [customer_id]}
  public.rental: {mode: sharded, shard-key: [customer_id], collocate-with: public.customer}
  public.payment: {mode: sharded, shard-key: [customer_id], collocate-with: public.customer}
  public.film: {mode: reference}
  public.language: {mode: reference}
"""


def test_pagila(group_pair, job, sample_data):
    data = sample_data("pagila-3.1.0")
    for name in ("pagila-schema.sql", "pagila-schema-jsonb.sql", "pagila-data.sql"):
        group_pair.source.psql_file(group_pair.source_db, data / name)
    loaded(group_pair, *job(PAGILA))
    made = kinds(group_pair)
    assert made["public.payment"][0] == "sharded" and made["public.film"][0] == "reference", made
    counts(group_pair, tables_of(group_pair))


# --- what is changed for the group ---


def test_changes_are_told(group_pair, job):
    group_pair.src("""
        CREATE SEQUENCE s CYCLE MAXVALUE 1000000 CACHE 300000;
        CREATE UNLOGGED TABLE a (id int PRIMARY KEY DEFAULT nextval('s'), v text) WITH (fillfactor = 70);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TABLE heir (more int) INHERITS (a);
        INSERT INTO a (v) VALUES ('x'); INSERT INTO heir (v, more) VALUES ('y', 1)""")
    result = loaded(group_pair, *job("tables: {public.a: {mode: reference}}"))
    for words in ("storage parameters are left out", "UNLOGGED tables are made", "triggers are left out",
                  "with CYCLE are made without", "CACHE 249999", "inheriting tables", "1 new table without a mode"):
        assert words in result.out, (words, result)
    assert group_pair.dst("SELECT v FROM a UNION ALL SELECT v FROM heir") == "x\ny"


def test_names_types_and_places(group_pair, job):
    group_pair.src("""
        CREATE SCHEMA "Old S"; CREATE TYPE "Old S"."M d" AS ENUM ('a', 'b');
        CREATE TABLE "Old S"."The T" ("I d" serial, "Cu st" int NOT NULL, m "Old S"."M d", gone int, old text,
            twice int GENERATED ALWAYS AS ("Cu st" * 2) STORED, PRIMARY KEY ("I d"));
        INSERT INTO "Old S"."The T" ("Cu st", m, gone, old) SELECT i % 7, 'a', i, i FROM generate_series(1, 99) i""")
    result = loaded(group_pair, *job("""
tables:
  '"Old S"."The T"':
    mode: sharded
    shard-key: ["Cu st", computed]
    to: {schema: New, table: "Its T"}
    columns:
      gone: {leave-out: true}
      old: {rename: "ne w"}
      computed: {expression: "\\"I d\\" % 3", type: bigint}
"""))
    assert kinds(group_pair) == {"New.Its T": ("sharded", 'HASH ("Cu st", computed)')}, result
    assert group_pair.dst("""SELECT count(*), sum(twice), sum(computed), sum("ne w"::int) FROM "New"."Its T" """) \
        == group_pair.src("""SELECT count(*), sum(twice), sum("I d" % 3), sum(old::int) FROM "Old S"."The T" """)
    assert group_pair.dst("""SELECT nextval('"New"."The T_I d_seq"')""") == "100"


def test_tenants_into_one_table(group_pair, job):
    for n in (1, 2, 3):
        group_pair.src(f"CREATE SCHEMA tenant_{n}; CREATE TABLE tenant_{n}.events (id serial PRIMARY KEY, v text);"
                       f"INSERT INTO tenant_{n}.events (v) SELECT 'x' FROM generate_series(1, {n}0)")
    loaded(group_pair, *job("""
tables:
  tenant_*.events:
    mode: sharded
    shard-key: [tenant]
    to: {schema: all, table: events}
    columns: {tenant: {expression: "tableoid::regclass::text"}}
"""))
    assert group_pair.dst('SELECT count(*), count(DISTINCT tenant) FROM "all".events') == "60|3"


# --- refusals, each before anything is made ---

LONG = "x" * 55


@pytest.mark.parametrize("table, rule, words", [
    (f"{LONG} (a int)", "{mode: sharded, shard-key: [a]}", "may have 54 characters, and this one has 55"),
    ("t (a int)", "{mode: sharded, shard-key: [b]}", 'shard key column "b" does not exist'),
    ("t (a int, b int)", "{mode: sharded, shard-key: [b], columns: {b: {leave-out: true}}}",
     'shard key column "b" is renamed or left out'),
    ("t (a money)", "{mode: sharded, shard-key: [a]}", "is of type money, which cannot be a shard key"),
    ("t (a point)", "{mode: sharded, shard-key: [a]}", "is of type point"),
    ("t (a d)", "{mode: sharded, shard-key: [a]}", "which cannot be a shard key"),
    ("t (a e)", "{mode: sharded, shard-key: [a]}", "takes from version 16.10 on"),
    ("t (a int, g int GENERATED ALWAYS AS (a + 1) STORED)", "{mode: sharded, shard-key: [g]}", "is a generated one"),
    ("t (a int PRIMARY KEY, b int)", "{mode: sharded, shard-key: [b]}", 'column "b" may be NULL'),
    ("t (a int)", "{mode: reference}", "needs a primary key"),
    ("t (a int PRIMARY KEY)", "{mode: reference, columns: {a: {leave-out: true}}}", "leaves out a column of it"),
    ("t (a int)", "{mode: sharded, shard-key: [a], collocate-with: public.nobody}", "does not exist"),
    ("t (a int)", "{mode: sharded, shard-key: [a], collocate-with: public.t}", "is the table itself"),
    ("t (a int)", "{mode: sharded, shard-key: [a], collocate-with: public.plain}", "will not be sharded"),
    ("t (a int)", "{mode: sharded, shard-key: [a], collocate-with: public.big}", "has another shard key"),
    ("t (a int, EXCLUDE USING btree (a WITH =))", "{mode: standard}", "EXCLUDE constraints (t_a_excl)"),
])
def test_refused(group_pair, job, table, rule, words):
    group_pair.src(f"CREATE TYPE e AS ENUM ('a'); CREATE DOMAIN d AS xml; CREATE TABLE {table};"
                   "CREATE TABLE plain (a int); CREATE TABLE big (a bigint)")
    name = table.split(" ")[0]
    options = job(f"tables:\n  public.big: {{mode: sharded, shard-key: [a]}}\n  public.{name}: {rule}\n")
    result = refused(group_pair, *options, words=[words])
    if "EXCLUDE" not in table:
        assert f"{options[1]}:4: table public.{name}" in result.text, result


def test_collocated_in_a_circle(group_pair, job):
    group_pair.src("CREATE TABLE a (k int); CREATE TABLE b (k int)")
    options = job("tables:\n  public.a: {mode: sharded, shard-key: [k], collocate-with: public.b}\n"
                  "  public.b: {mode: sharded, shard-key: [k], collocate-with: public.a}\n")
    refused(group_pair, *options, words=[f"{options[1]}:3: table public.a", f"{options[1]}:4: table public.b"])


def test_schema_of_the_groups_own(group_pair, job):
    group_pair.src("CREATE SCHEMA shard_1; CREATE TABLE shard_1.a (k int); INSERT INTO shard_1.a VALUES (1)")
    rule = "tables:\n  shard_1.a: {{mode: sharded, shard-key: [k]{}}}\n"
    refused(group_pair, *job(rule.format("")), words=['in schema "shard_1"', "to: {schema: ...}"])
    loaded(group_pair, *job(rule.format(", to: {schema: mine}")))
    assert group_pair.dst("SELECT k FROM mine.a") == "1"


@pytest.mark.parametrize("key, given, other", [
    ("int", "int4", None),
    ("int", "INTEGER", None),
    ("varchar(10)", "varchar(10)", None),
    ("varchar(10)", "varchar(11)", "character varying(11)"),
    ("timestamptz(3)", "timestamp (3) with time zone", None),
    ("numeric(7, 2)", "DECIMAL(7,2)", None),
    ("text", "int8", "bigint"),
])
def test_types_of_computed_keys_by_any_name(group_pair, job, key, given, other):
    group_pair.src(f"CREATE TABLE a (k {key}); CREATE TABLE b (id int)")
    options = job(f"""
tables:
  public.a: {{mode: sharded, shard-key: [k]}}
  public.b:
    mode: sharded
    shard-key: [k]
    collocate-with: public.a
    columns: {{k: {{expression: "NULL::{key}", type: "{given}"}}}}
""")
    if other is not None:
        refused(group_pair, *options, words=["has another shard key", f'this one has "k" of type {other}'])
        return
    loaded(group_pair, *options)
    sql = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'k' AND attrelid = '{}'::regclass"
    assert group_pair.dst(sql.format("public.b")) == group_pair.src(sql.format("public.a"))


def test_all_in_one_list(group_pair, job):
    """Also what is there already and does not fit, and extensions that the group cannot have."""
    group_pair.src("CREATE EXTENSION ltree; CREATE EXTENSION seg; CREATE EXTENSION hstore;"
                   "CREATE TABLE a (l ltree, h hstore); CREATE TABLE b (s seg); CREATE TABLE c (x int)")
    group_pair.dst("CREATE TABLE c (x text, y int NOT NULL)")
    result = group_pair.load(*job("tables: {public.a: {mode: sharded, shard-key: [h]}}"))
    assert result.status == 2, result
    for words in ('CREATE EXTENSION "ltree"', "extension seg, which a shard group does not have", 'column "y"',
                  "is of type public.hstore, which cannot be"):
        assert words in result.text, (words, result)
    assert group_pair.dst("SELECT to_regclass('public.a')") == ""


def test_collocated_with_what_is_there(group_pair, job):
    group_pair.src("CREATE TABLE a (k bigint, v text); INSERT INTO a SELECT i, 'x' FROM generate_series(1, 50) i;"
                   "CREATE TABLE b (k int)")
    group_pair.dst("BEGIN; SET LOCAL rds_aurora.limitless_create_table_mode = 'sharded';"
                   "SET LOCAL rds_aurora.limitless_create_table_shard_key = '{\"k\"}';"
                   "CREATE TABLE there (k bigint); COMMIT; CREATE TABLE plain (k int)")
    rules = "tables:\n  public.{}: {{mode: sharded, shard-key: [k], collocate-with: public.{}}}\n"
    for table, other, words in (("b", "there", '"k" of type bigint'), ("a", "plain", "which is not sharded")):
        result = group_pair.load("-t", table, *job(rules.format(table, other)))
        assert result.status == 2 and words in result.text, result
    loaded(group_pair, "-t", "a", *job(rules.format("a", "there")))
    assert group_pair.dst("SELECT count(DISTINCT collocation_id) FROM rds_aurora.limitless_table_collocations"
                          " WHERE table_name IN ('a', 'there')") == "1"


# --- killed in the middle ---


def test_killed_while_creating(group_pair, job):
    group_pair.src("DO $$ BEGIN FOR i IN 1..60 LOOP EXECUTE format('CREATE TABLE t%s (id int GENERATED ALWAYS AS"
                   " IDENTITY PRIMARY KEY, v text)', i);"
                   " EXECUTE format('INSERT INTO t%s (v) VALUES (''a''), (''b'')', i); END LOOP; END $$")
    options = job('tables: {"public.t[1-4]?": {mode: sharded, shard-key: [id]}, public.t5*: {mode: reference}}')
    seen = []
    for wanted in (5, 30):
        run = group_pair.start(*options, "--progress", "none")
        deadline = time.monotonic() + 60
        made = 0
        while run.running() and made < wanted and time.monotonic() < deadline:
            made = int(group_pair.dst("SELECT count(*) FROM rds_aurora.limitless_tables WHERE table_name ~ '^t[0-9]'"))
        run.kill()
        run.wait()
        seen.append(made)
    loaded(group_pair, *options)
    assert any(0 < made < 60 for made in seen), seen
    counts(group_pair, tables_of(group_pair))


def test_dry_run_leaves_nothing(group_pair, job):
    group_pair.src("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)")
    result = loaded(group_pair, *job("tables: {public.a: {mode: sharded, shard-key: [id]}}"), "--dry-run", "-v")
    assert "would create table public.a, sharded by id" in result.err, result
    assert "SET LOCAL rds_aurora.limitless_create_table_mode = 'sharded'" in result.err, result
    assert not kinds(group_pair)
