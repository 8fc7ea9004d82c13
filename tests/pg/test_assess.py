"""sluice assess: twelve kinds of database with a known answer, odd catalogs, roles, the job file."""

import json
from pathlib import Path

import pytest

from support.sluice import run_load

pytestmark = pytest.mark.usefixtures("loader")

KINDS = Path(__file__).resolve().parent.parent / "data" / "assess"


def assess(pair, *args, dsn=None):
    return run_load("--source", dsn or pair.source_dsn, *args, subcommand="assess")


def report(pair, *args, dsn=None):
    result = assess(pair, "--json", *args, dsn=dsn)
    assert result.status == 0, result
    lines = result.out.splitlines()
    assert len(lines) == 1, result
    return json.loads(lines[0])


def by_name(got):
    return {t["name"].removeprefix("public."): t for t in got["tables"]}


def modes(got):
    """orders: 'sharded customer_id', products: 'reference'."""
    return {name: " ".join(filter(None, (t["mode"], t["shard_key"]))) for name, t in by_name(got).items()}


def notes(table, topic):
    return " | ".join(n["text"] for n in table["notes"] if n["topic"] == topic)


def kind(pair, name):
    pair.src((KINDS / f"{name}.sql").read_text(encoding="utf-8"))
    pair.src("ANALYZE")
    return report(pair)


# --- the twelve ---

ANSWERS = {
    "multi_tenant": {"tenants": "reference", "users": "sharded tenant_id", "projects": "sharded tenant_id",
                     "tasks": "sharded tenant_id", "comments": "sharded tenant_id"},
    "time_series": {"sites": "reference", "devices": "reference", "readings": "sharded device_id"},
    "star_schema": {"dates": "reference", "stores": "reference", "products": "reference",
                    "customers": "reference", "sales": "sharded customer_id"},
    "social_graph": {"users": "sharded id", "posts": "sharded user_id", "likes": "sharded user_id",
                     "follows": "sharded follower_id"},
    "single_hot": {"settings": "standard", "kinds": "reference", "clicks": "sharded id"},
    "tiny": {"authors": "standard", "books": "standard", "loans": "standard"},
    "keys_without_tenant": {"tenants": "reference", "customers": "sharded tenant_id", "orders": "sharded tenant_id",
                            "items": "sharded tenant_id", "returns": "sharded tenant_id"},
    "self_references": {"threads": "reference", "comments": "sharded thread_id", "employees": "sharded id"},
    "no_foreign_keys": {"customers": "sharded customer_id", "orders": "sharded customer_id",
                        "payments": "sharded customer_id", "items": "sharded order_id"},
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_kind_with_one_right_answer(pair, name):
    got = kind(pair, name)
    assert modes(got) == ANSWERS[name]
    assert got["blockers"] == 0
    for group, told in enumerate(got["groups"]):
        members = [t for t in got["tables"] if t["group"] == group]
        assert len(members) == told["tables"]
        assert {(t["shard_key"], t["shard_key_type"]) for t in members} == {(told["shard_key"],
                                                                            told["shard_key_type"])}
        assert [t["collocate_with"] for t in members if t["name"] != told["head"]] == [told["head"]] * (len(members) - 1)


def test_keys_without_the_tenant_grow_or_are_computed(pair):
    tables = by_name(kind(pair, "keys_without_tenant"))
    assert tables["items"]["expression"] == "(SELECT p.tenant_id FROM public.orders p WHERE p.id = order_id)"
    assert tables["returns"]["expression"] == ("(SELECT (SELECT p.tenant_id FROM public.orders p WHERE p.id = q.order_id)"
                                               " FROM public.items q WHERE q.id = item_id)")
    assert tables["orders"]["expression"] is None
    assert "primary key orders_pkey (id) grows by tenant_id" in notes(tables["orders"], "cost")
    assert "unique key customers_email_key (email) becomes an index that is not unique" in notes(tables["customers"], "cost")
    # What is proposed is what the source says.
    assert pair.src(f"SELECT count(*) FROM returns JOIN items i ON i.id = item_id JOIN orders o ON o.id = order_id"
                    f" WHERE o.tenant_id IS DISTINCT FROM {tables['returns']['expression']}") == "0"


def test_a_skewed_tenant_is_told(pair):
    tables = by_name(kind(pair, "skewed_tenant"))
    for name in ("documents", "versions"):
        assert tables[name]["unsure"]
        assert "60 % of the rows" in notes(tables[name], "unsure")


def test_two_candidates_are_told(pair):
    trades = by_name(kind(pair, "two_candidates"))["trades"]
    assert trades["shard_key"] in ("buyer_id", "seller_id")
    assert {"buyer_id", "seller_id"} <= {c["column"] for c in trades["candidates"]}
    assert "would do about as well" in notes(trades, "unsure")


def test_cycles_end(pair):
    got = kind(pair, "cycles")
    tables = by_name(got)
    assert tables["departments"]["mode"] == tables["employees"]["mode"] == "standard"
    assert tables["a"]["mode"] == tables["b"]["mode"] == "sharded"
    assert tables["a"]["cluster"] == tables["b"]["cluster"] != tables["employees"]["cluster"]
    assert tables["a"]["unsure"]


def test_self_references_cost(pair):
    got = kind(pair, "self_references")
    fates = {f["name"]: f["fate"] for f in got["foreign_keys"]}
    assert fates == {"comments_parent_id_fkey": "grows", "comments_thread_id_fkey": "kept",
                     "employees_manager_id_fkey": "lost"}


def test_names_are_hints_only(pair):
    got = kind(pair, "no_foreign_keys")
    assert "no foreign keys are declared" in " ".join(n["text"] for n in got["notes"])
    assert all(t["unsure"] for t in got["tables"])


def test_a_graph_crosses_shards(pair):
    got = kind(pair, "social_graph")
    fates = {f["name"]: f["fate"] for f in got["foreign_keys"]}
    assert fates["follows_followee_id_fkey"] == "lost"
    assert "must have the same user_id" in notes(by_name(got)["likes"], "unsure")


def test_tiny_says_so_and_what_would_be(pair):
    got = kind(pair, "tiny")
    told = " ".join(n["text"] for n in got["notes"])
    assert "one ordinary server would do" in told and "if it grows" in told


# --- statistics ---

def test_without_statistics_and_with_a_sample(pair):
    pair.src((KINDS / "time_series.sql").read_text(encoding="utf-8"))
    blind = report(pair)
    assert "run ANALYZE" in " ".join(n["text"] for n in blind["notes"])
    assert by_name(blind)["readings"]["rows_are"] == "guess"
    seen = report(pair, "--sample")
    readings = by_name(seen)["readings"]
    assert readings["shard_key"] == "device_id" and seen["sampled"]
    assert " 5" in next(c["text"] for c in readings["candidates"] if c["column"] == "device_id")
    assert pair.src("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'") == "0"


def test_reads_no_table_unless_asked(pair):
    pair.src((KINDS / "tiny.sql").read_text(encoding="utf-8"))
    pair.src("ANALYZE; SELECT pg_stat_reset()")
    report(pair)
    assert pair.src("SELECT sum(seq_scan) + sum(coalesce(idx_scan, 0)) FROM pg_stat_user_tables") == "0"


def test_a_role_that_sees_little(pair):
    pair.src((KINDS / "multi_tenant.sql").read_text(encoding="utf-8") + "; ANALYZE")
    pair.role(pair.source, "assess_blind")
    got = report(pair, dsn=pair.source.dsn(pair.source_db, user="assess_blind"))
    assert "may not read every column" in " ".join(n["text"] for n in got["notes"])
    assert all("GRANT SELECT" in " ".join(n["fix"] or "" for n in t["notes"]) for t in got["tables"])


# --- blockers and changes ---

ODD = r"""
CREATE SCHEMA "Odd ""schema.";
CREATE TABLE "Odd ""schema."."Ta'ble
name" ("c:olumn" int PRIMARY KEY, "#x" text);
CREATE TABLE nothing ();
CREATE TABLE dropped (a int, b int, id int PRIMARY KEY);
ALTER TABLE dropped DROP COLUMN a;
CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE child (extra int) INHERITS (parent);
CREATE TABLE grandchild () INHERITS (child);
CREATE TABLE tree (id int, k text) PARTITION BY LIST (k);
CREATE TABLE tree_a PARTITION OF tree FOR VALUES IN ('a') PARTITION BY RANGE (id);
CREATE TABLE tree_a1 (k text, id int);
ALTER TABLE tree_a ATTACH PARTITION tree_a1 FOR VALUES FROM (0) TO (10);
CREATE TABLE tree_b PARTITION OF tree FOR VALUES IN ('b');
CREATE TABLE leafless (id int) PARTITION BY RANGE (id);
CREATE VIEW seen AS SELECT * FROM parent;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM parent;
CREATE TYPE mood AS ENUM ('ok', 'bad');
CREATE TYPE pairs AS (a int, b int);
CREATE DOMAIN small AS int CHECK (value < 10);
CREATE TABLE types (id int GENERATED ALWAYS AS IDENTITY, m mood, l int[], p pairs, s small, b varbit, x box, d int4range,
    EXCLUDE USING gist (d WITH &&));
CREATE UNLOGGED TABLE hot (id int PRIMARY KEY) WITH (fillfactor = 50);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER shot BEFORE INSERT ON hot FOR EACH ROW EXECUTE FUNCTION f();
CREATE UNIQUE INDEX ON parent (lower(v)) WHERE id > 3;
CREATE EXTENSION file_fdw;
ALTER TABLE tree_b ADD FOREIGN KEY (id) REFERENCES parent;
"""


def test_odd_catalogs(pair, tmp_path):
    pair.src(ODD)
    out = tmp_path / "odd.yaml"
    text = assess(pair, "--out", str(out))
    assert text.status == 0, text
    assert "Ta'ble\\nname" in text.out
    got = report(pair)
    tables = by_name(got)
    assert "leafless" not in tables and "seen" not in tables
    assert tables["tree"]["kind"] == "partitioned table"
    types = tables["types"]
    assert "EXCLUDE" in notes(types, "blocker")
    assert "identity" in notes(types, "change")
    for family in ("enum", "array", "box"):
        assert family in notes(types, "aws-utility")
    assert "varbit" in notes(types, "aws-utility") and "no primary key" in notes(types, "aws-utility")
    assert all(word in notes(tables["hot"], "change") for word in ("UNLOGGED", "storage parameters", "shot"))
    assert any("file_fdw" in n["text"] and n["topic"] == "blocker" for n in got["notes"])
    assert "partitions" in notes(tables["tree"], "change") and "inheritance" in notes(tables["child"], "change")
    config = run_load("--config", str(out), "--source", "a", "--destination", "b", "--print-config")
    assert config.status == 0, config


def test_base_types_made_at_the_source(pair, tmp_path):
    """A shard group has none, whatever holds them: such tables are left out by the proposal."""
    out = tmp_path / "job.yaml"
    pair.src((KINDS / "base_types.sql").read_text(encoding="utf-8"))
    got = report(pair, "--out", str(out))
    tables = by_name(got)
    left = ["array_w", "domain_w", "pair_w", "parts_w", "plain_w", "row_w"]
    assert sorted(name for name, t in tables.items() if t["mode"] == "left out") == left
    assert "w (public.widget[] with the base type public.widget)" in notes(tables["array_w"], "blocker")
    assert "w (the base type public.widget)" in notes(tables["plain_w"], "blocker")
    assert all(n["fix"] for t in tables.values() for n in t["notes"] if n["topic"] == "blocker")
    assert notes(tables["kept"], "blocker") == "" and tables["kept"]["mode"] == "standard"
    assert "is lost" in notes(tables["kept"], "cost") and "cannot be there" in notes(tables["kept"], "cost")
    text = out.read_text(encoding="utf-8")
    excluded = text[text.index("  exclude-tables:"):text.index("\ntables:\n")]
    assert [line[6:] for line in excluded.splitlines() if line.startswith("    - ")] == [f"public.{t}" for t in left]
    assert excluded.count("    # a shard group cannot have types of its columns: w (") == len(left)
    again = assess(pair, "--out", str(tmp_path / "two.yaml"), "-T", "kept")
    assert again.status == 0, again
    assert "    - kept\n    # a shard group" in (tmp_path / "two.yaml").read_text(encoding="utf-8")


def test_types_of_extensions(pair):
    pair.src("CREATE EXTENSION lo; CREATE EXTENSION citext; CREATE TABLE refused (id int, l lo);"
             " CREATE TABLE taken (id int, c citext, b box, x xml)")
    tables = by_name(report(pair))
    assert tables["refused"]["mode"] == "left out" and tables["taken"]["mode"] == "standard"
    assert "l (public.lo of extension lo)" in notes(tables["refused"], "blocker")


def test_foreign_keys_of_leaves_are_told_once(pair):
    pair.src("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int, p_id int) PARTITION BY RANGE (id);"
             + "".join(f"CREATE TABLE c{i} (p_id int REFERENCES p, id int);"
                       f"ALTER TABLE c ATTACH PARTITION c{i} FOR VALUES FROM ({i}) TO ({i + 1});" for i in range(3)))
    links = report(pair)["foreign_keys"]
    assert [(f["child"], f["parent"], f["columns"]) for f in links] == [("public.c", "public.p", "(p_id) -> (id)")]


def test_long_names_are_shortened(pair, tmp_path):
    long = "a" * 60
    pair.src(f"CREATE TABLE {long} (id int PRIMARY KEY); INSERT INTO {long} SELECT generate_series(1, 20000); ANALYZE")
    out = tmp_path / "long.yaml"
    got = report(pair, "--out", str(out))
    table = got["tables"][0]
    assert table["mode"] == "sharded" and len(table["rename"]) <= 54
    assert "54" in notes(table, "blocker")
    assert table["rename"] in out.read_text(encoding="utf-8")


# --- the job file, and the command line ---

def test_the_job_file_is_what_a_load_takes(pair, tmp_path):
    pair.src((KINDS / "keys_without_tenant.sql").read_text(encoding="utf-8") + "; ANALYZE")
    out = tmp_path / "job.yaml"
    result = assess(pair, "--out", str(out), "-T", "returns")
    assert result.status == 0 and str(out) in result.out, result
    text = out.read_text(encoding="utf-8")
    assert "  # tenant_id holds" in text and "collocate-with: public.customers" in text
    loaded = pair.load("--config", str(out), "--create-tables")
    assert loaded.status == 0, loaded
    assert pair.dst("SELECT count(*) FROM items WHERE tenant_id IS NULL") == "0"
    assert pair.dst("SELECT count(*) FROM items i JOIN orders o ON o.id = i.order_id"
                    " WHERE o.tenant_id = i.tenant_id") == "60000"
    again = assess(pair, "--out", str(out))
    assert again.status == 2 and "there already" in again.err, again


def test_rate_and_streams(pair):
    pair.src((KINDS / "tiny.sql").read_text(encoding="utf-8"))
    load = report(pair, "--rate", "64kB/s")["load"]
    assert load["rate_bytes_s"] == 65536 and load["streams"] == 1 and load["connections"] == 4
    assert load["seconds"] == -(-load["bytes"] // 65536)
    assert report(pair, "--rate", "1TB")["load"]["streams"] == 64


@pytest.mark.parametrize("args, status, said", [
    (("-t", "nosuch"), 2, "nosuch"),
    (("--rate", "fast"), 2, "--rate"),
    (("--destination", "dbname=x"), 2, "--destination"),
])
def test_refusals(pair, args, status, said):
    pair.src("CREATE TABLE t (id int)")
    result = assess(pair, *args)
    assert result.status == status and said in result.err, result


def test_unreachable():
    result = run_load("--source", "host=127.0.0.1 port=1 dbname=x", subcommand="assess")
    assert result.status == 4, result


def test_three_thousand_tables(pair, tmp_path):
    for start in range(0, 3000, 250):
        pair.src("".join(
            f"CREATE TABLE t{i} (id bigint PRIMARY KEY, tenant_id int NOT NULL"
            + (f", p bigint REFERENCES t{i - i % 50});" if i % 50 else ");") for i in range(start, start + 250)))
    pair.src("UPDATE pg_class SET reltuples = 100000, relpages = 10 WHERE relname ~ '^t[0-9]+$'")
    out = tmp_path / "many.yaml"
    result = assess(pair, "--json", "--out", str(out))
    assert result.status == 0 and result.seconds < 10, result.seconds
    assert len(json.loads(result.out)["tables"]) == 3000
    config = run_load("--config", str(out), "--source", "a", "--destination", "b", "--print-config")
    assert config.status == 0, config
