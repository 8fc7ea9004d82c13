"""`sluice schema` for a simulated shard group: every object of the source is accounted for, and what is
said to be carried is there."""

import json
import random
import time

import pytest

from support import schema_sources, sluice

pytestmark = pytest.mark.usefixtures("loader")

SHOP = """\
version: 1
tables:
  shop.customers:  {mode: sharded, shard-key: [id]}
  shop.orders:     {mode: sharded, shard-key: [customer_id]}
  shop.order_items:
    mode: sharded
    shard-key: [customer_id]
    collocate-with: shop.orders
    columns:
      customer_id:
        expression: "(SELECT o.customer_id FROM shop.orders AS o WHERE o.id = order_id)"
        type: bigint
  shop.products:   {mode: reference}
  shop.categories: {mode: reference}
"""
HOSTILE = """\
version: 1
tables:
  s2.cyc: {mode: sharded, shard-key: [id]}
  s2.ex:  {mode: reference}
  s2.pt:  {mode: sharded, shard-key: [id], to: {table: parts}}
"""
CHINOOK = """\
version: 1
defaults: {mode: reference}
"""
CONFIGS = {"shop": SHOP, "hostile": HOSTILE, "chinook": CHINOOK, "pagila": None}


def schema(pair, *args, **how):
    return sluice.run_load(*pair.args(*args), subcommand="schema", **how)


def report(pair, *args):
    result = schema(pair, "--json", *args)
    assert result.status == 0, result
    return json.loads(result.out)


def config(tmp_path, text):
    if text is None:
        return ()
    path = tmp_path / "job.yaml"
    path.write_text(text, encoding="utf-8")
    return "--config", path


def marks(told):
    return {(o["type"], o["name"]): o for o in told["objects"]}


@pytest.fixture(params=CONFIGS)
def filled(request, group_pair, sample_data, tmp_path):
    schema_sources.SOURCES[request.param](group_pair, sample_data)
    return group_pair, config(tmp_path, CONFIGS[request.param])


def count_of_source(pair, sql):
    return int(pair.src(f"SELECT count(*) {sql}"))


USER = "NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"


def check_counts(pair, told):
    """Counted from the source's own catalog, not from pg_dump."""
    def entries(kind):
        return sum(1 for o in told["objects"] if o["type"] == kind)

    relations = f"FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname {USER}" \
                " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') AND "
    assert entries("TABLE") == count_of_source(pair, relations + "relkind IN ('r', 'p')")
    assert entries("VIEW") == count_of_source(pair, relations + "relkind = 'v'")
    assert entries("SEQUENCE") == count_of_source(pair, relations + "relkind = 'S'")
    assert entries("MATERIALIZED VIEW") == count_of_source(pair, relations + "relkind = 'm'")
    indexes = f"FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_namespace n ON n.oid = relnamespace" \
              f" WHERE nspname {USER} AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE conindid = indexrelid" \
              " AND contype IN ('p', 'u', 'x'))"
    assert entries("INDEX") == count_of_source(pair, indexes)
    constraints = "FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON" \
                  f" n.oid = c.relnamespace WHERE nspname {USER} AND "
    assert entries("CONSTRAINT") == count_of_source(pair, constraints + "contype IN ('p', 'u', 'x')")
    assert entries("FK CONSTRAINT") == count_of_source(pair, constraints + "contype = 'f' AND conparentid = 0")
    assert entries("CHECK") + entries("CHECK CONSTRAINT") == count_of_source(
        pair, constraints + "contype = 'c' AND NOT c.relispartition")
    routines = f"FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname {USER}" \
               " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
    assert entries("FUNCTION") + entries("PROCEDURE") + entries("AGGREGATE") == count_of_source(pair, routines)


def check_there(pair, told):
    """What is carried or changed is there; what is left out is not."""
    relations = set(pair.dst("SELECT nspname || '.' || relname FROM pg_class c JOIN pg_namespace n"
                             " ON n.oid = relnamespace WHERE NOT relispartition").split("\n"))
    constraints = set(pair.dst("SELECT conname FROM pg_constraint").split("\n"))
    for o in told["objects"]:
        if "\n" in o["name"] or o["name"].startswith("s2.new line"):
            continue  # a line end stands as a space in a dump's header
        there = o["mark"] != "left out"
        if o["type"] in ("INDEX", "VIEW", "SEQUENCE", "MATERIALIZED VIEW"):
            assert (o["name"] in relations) == there, o
        elif o["type"] == "TABLE" and "it becomes" not in (o["note"] or ""):
            assert (o["name"] in relations) == there, o
        elif o["type"] in ("FK CONSTRAINT", "CHECK", "CHECK CONSTRAINT") and there:
            assert any(o["name"].endswith(" " + c) for c in constraints), o


def test_everything_is_accounted_for(filled):
    pair, options = filled
    told = report(pair, *options, "--apply", "before")
    assert told["shard_group"] and told["applied"]["made"] > 0
    assert len(told["objects"]) == told["carried"] + told["changed"] + told["left_out"] \
        == told["entries"] + told["checks_within_tables"]
    assert all(o["note"] for o in told["objects"] if o["mark"] != "carried")
    check_counts(pair, told)
    load = pair.load(*options, "--no-analyze")
    assert load.status == 0, load
    after = report(pair, *options, "--apply", "after")
    assert after["applied"]["made"] > 0 and after["applied"]["failed"] == 0
    check_there(pair, after)
    for part in ("before", "after"):
        again = report(pair, *options, "--apply", part)["applied"]
        assert (again["made"], again["there"], again["sequences_moved"]) == (0, 0, 0)


def test_modes_and_keys(group_pair, tmp_path, sample_data):
    schema_sources.small_shop(group_pair, sample_data)
    options = config(tmp_path, SHOP)
    told = marks(report(group_pair, *options, "--apply", "before"))
    assert told["TABLE", "shop.orders"]["mark"] == "changed"
    assert "shard key" in told["CONSTRAINT", "shop.orders orders_pkey"]["note"]
    assert told["INDEX", "shop.customers_public_id_idx"]["mark"] == "changed"
    assert "not collocated" in told["FK CONSTRAINT", "shop.orders orders_customer_id_fkey"]["note"]
    assert told["FK CONSTRAINT", "shop.products products_category_id_fkey"]["mark"] == "carried"
    assert told["TABLE", "shop.events_2024_01"]["mark"] == "left out"
    modes = dict(line.split("|") for line in group_pair.dst(
        "SELECT table_name, table_type FROM rds_aurora.limitless_tables WHERE schema_name = 'shop'").split("\n"))
    assert (modes["orders"], modes["products"], modes["payments"]) == ("sharded", "reference", "standard")


def test_checks_of_a_newer_version_are_all_carried(group_pair):
    group_pair.src("CREATE TABLE t (a int, b int, CHECK (a > 1), CHECK (a < b))")
    told = report(group_pair, "--apply", "before")
    simple = [o["mark"] for o in told["objects"] if o["type"] == "CHECK"]
    assert sorted(simple) == ["carried", "left out"]  # the simulator is PostgreSQL 15


def test_sequences_get_head_room(group_pair):
    """setval is refused: RESTART, past what the source may still give out, and never back."""
    group_pair.src("CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t SELECT nextval('t_id_seq')"
                   " FROM generate_series(1, 10)")
    assert schema(group_pair, "--apply", "before").status == 0
    assert report(group_pair, "--apply", "after")["applied"]["sequences_moved"] == 1
    assert int(group_pair.dst("SELECT nextval('t_id_seq')")) == 1011
    group_pair.src("SELECT nextval('t_id_seq')")
    assert report(group_pair, "--apply", "after")["applied"]["sequences_moved"] == 0


def test_a_job_file_that_does_not_fit(group_pair, tmp_path):
    group_pair.src("CREATE TABLE t (a int); CREATE TABLE u (a int)")
    for text, said in (("tables: {public.t: {mode: reference}}", "primary key"),
                       ("tables: {public.t: {mode: sharded, shard-key: [b]}}", "b"),
                       ("tables: {public.nothing: {mode: reference}}", "nothing")):
        result = schema(group_pair, *config(tmp_path, f"version: 1\n{text}\n"), "--apply", "before")
        assert result.status == 2 and said in result.err, result
    assert group_pair.dst("SELECT count(*) FROM pg_namespace WHERE nspname = 'sluice'") == "0"


def test_killed_at_random_moments(group_pair, tmp_path, sample_data):
    schema_sources.small_shop(group_pair, sample_data)
    options = config(tmp_path, SHOP)
    rng = random.Random(11)
    for part in ("before", "after"):
        for _ in range(40):
            run = sluice.start_load(*group_pair.args(*options, "--apply", part), subcommand="schema")
            time.sleep(rng.uniform(0.2, 0.6))
            if not run.running():
                assert run.wait().status == 0
                break
            run.kill()
        assert schema(group_pair, *options, "--apply", part).status == 0
        if part == "before":
            load = group_pair.load(*options, "--no-analyze")
            assert load.status == 0, load
    told = report(group_pair, *options)
    check_there(group_pair, told)


def test_files_that_can_be_run(filled, tmp_path):
    """By psql, as the admin."""
    pair, options = filled
    assert schema(pair, *options, "--emit", tmp_path / "sql").status == 0
    for name in ("before.sql", "after.sql"):
        text = (tmp_path / "sql" / name).read_text(encoding="utf-8")
        pair.dst(text)
    check_there(pair, report(pair, *options))


def test_names_that_the_server_chooses_alike(group_pair, tmp_path):
    """Each index of a sharded table has one in each slice, and the server finds its name: for several indexes
    of one column at once the same. None may be taken for one that was there before."""
    pair = group_pair
    pair.src("CREATE TABLE wide (id bigint PRIMARY KEY, a int NOT NULL);"
             " INSERT INTO wide SELECT i, i % 1000 FROM generate_series(1, 60000) AS i;"
             + "".join(f" CREATE INDEX wide_{n} ON wide (a) WHERE a <> {n};" for n in range(12)))
    job = config(tmp_path, "version: 1\ntables:\n  public.wide: {mode: sharded, shard-key: [id]}\n")
    result = sluice.run_load(*pair.args("--with-schema", "-j", "6", *job))
    assert result.status == 0 and "already" not in result.out + result.err, result
    assert pair.dst("SELECT count(*) FROM pg_index WHERE indrelid = 'wide'::regclass AND indisvalid") == "13"
