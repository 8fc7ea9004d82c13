"""Databases never seen before go into a simulated shard group by an unedited proposal: what arrives is
counted by the catalogs of both sides, and a second run changes nothing."""

import json

import pytest

from support import catalog_objects, compare, schema_sources, sluice, unseen

pytestmark = pytest.mark.usefixtures("loader")


def propose(pair, tmp_path):
    out = tmp_path / "proposal.yaml"
    told = sluice.run_load("--source", pair.source_dsn, "--out", out, subcommand="assess")
    assert told.status == 0, told
    return "--config", out


def schema(pair, *args):
    return sluice.run_load(*pair.args(*args), subcommand="schema")


def both_catalogs(pair):
    return (compare.connect(pair.source, pair.source_db), compare.connect(pair.destination, pair.destination_db))


def problems(pair, options):
    """Of objects and of rows."""
    report = schema(pair, *options, "--json")
    assert report.status == 0, report
    told = json.loads(report.out)
    source, there = both_catalogs(pair)
    with source, there:
        tables, rows, differ = catalog_objects.rows_differ(source, there, told)
        found = catalog_objects.accounted(source, told) + catalog_objects.arrived(there, told) + differ
        fingerprint = catalog_objects.fingerprint(there)
    source.close()
    there.close()
    assert tables > 0 and rows > 0
    return found, fingerprint, {(o["type"], o["name"]): o for o in told["objects"]}


# A partitioned table without partitions is told to be left out.
KNOWN = {"partitions": ["zoo.empty_parent is not there"]}


@pytest.mark.parametrize("name", unseen.NAMES)
def test_step_by_step(group_pair, tmp_path, name):
    unseen.make(group_pair, name)
    options = propose(group_pair, tmp_path)
    steps = (("schema", "--apply", "before"), ("load",), ("schema", "--apply", "after"))
    for first, *more in steps:
        result = sluice.run_load(*group_pair.args(*options, *more), subcommand=first)
        assert result.status == 0, result
    found, before, _ = problems(group_pair, options)
    assert found == KNOWN.get(name, [])
    for first, *more in steps:
        result = sluice.run_load(*group_pair.args(*options, *more), subcommand=first)
        assert result.status == 0, result
    assert problems(group_pair, options)[1] == before


def test_in_one_go(group_pair, tmp_path):
    unseen.make(group_pair, "ticketing")
    options = propose(group_pair, tmp_path)
    result = group_pair.load("--with-schema", *options)
    assert result.status == 0, result
    found, before, marks = problems(group_pair, options)
    assert found == []
    assert group_pair.load("--with-schema", *options).status == 0
    assert problems(group_pair, options)[1] == before
    # A function with a row of a table that waits for another; a key whose action is not possible there.
    assert marks["FUNCTION", "core.pages(core.tickets)"]["mark"] == "carried"
    agent = marks["FK CONSTRAINT", "core.tickets tickets_tenant_id_agent_id_fkey"]
    assert agent["mark"] == "changed" and "ON DELETE" in agent["note"]
    definition = group_pair.dst("SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                                " WHERE conname = 'tickets_tenant_id_agent_id_fkey' AND conparentid = 0")
    assert "REFERENCES core.agents" in definition and "ON DELETE" not in definition


@pytest.mark.parametrize("name", schema_sources.SOURCES)
def test_databases_of_old_in_one_go(group_pair, sample_data, tmp_path, name):
    schema_sources.SOURCES[name](group_pair, sample_data)
    options = propose(group_pair, tmp_path)
    for again in (False, True):
        result = group_pair.load("--with-schema", *options)
        assert result.status == 0, result
        found, seen, _ = problems(group_pair, options)
        assert found == [] and (not again or seen == before)
        before = seen


def test_tables_with_base_types_are_left_out(group_pair, tmp_path):
    """The unedited proposal leaves them out, and what hangs from them is left out for that reason."""
    group_pair.source.psql_file(group_pair.source_db, sluice.REPO / "tests" / "data" / "assess" / "base_types.sql")
    options = propose(group_pair, tmp_path)
    result = group_pair.load("--with-schema", *options)
    assert result.status == 0, result
    assert group_pair.dst("SELECT count(*) FROM kept") == "20"
    there = group_pair.dst("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class"
                           " WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i' AND NOT relispartition")
    assert there == "kept nothing on_kept"
    marks = {(o["type"], o["name"]): o for o in json.loads(schema(group_pair, *options, "--json").out)["objects"]}
    assert "it uses public.plain_w" in marks["VIEW", "public.on_w"]["note"]
    assert marks["VIEW", "public.on_view"]["mark"] == "left out"
    for name in ("of_row(public.plain_w)", "set_of()"):
        assert "it uses public.plain_w" in marks["FUNCTION", f"public.{name}"]["note"]
    assert marks["FUNCTION", "public.fine(public.kept)"]["mark"] == "carried"
    assert marks["COMMENT", "TABLE public.kept"]["mark"] == "left out"


def test_a_view_that_relies_on_a_key_alone(group_pair, tmp_path):
    """GROUP BY a primary key that has grown: neither the view nor a stand-in of it is made."""
    config = tmp_path / "job.yaml"
    config.write_text("version: 1\ntables: {public.p: {mode: sharded, shard-key: [owner]}}\n", encoding="utf-8")
    group_pair.src("CREATE TABLE p (id int PRIMARY KEY, owner int NOT NULL, t text);"
                   " CREATE VIEW by_key AS SELECT id, t, count(*) FROM p GROUP BY id;"
                   " CREATE VIEW on_it AS SELECT id FROM by_key; CREATE VIEW other AS SELECT id FROM p")
    for part in ("before", "after"):
        result = schema(group_pair, "--config", config, "--apply", part)
        assert result.status == 0, result
    assert "it relies on the key of public.p p_pkey alone" in result.out
    assert group_pair.dst("SELECT string_agg(viewname, ',') FROM pg_views WHERE schemaname = 'public'") == "other"


def test_sequences_of_all_kinds(group_pair):
    group_pair.src("CREATE SEQUENCE used_up AS smallint MAXVALUE 3; SELECT nextval('used_up') FROM"
                   " generate_series(1, 3); CREATE SEQUENCE near AS smallint; SELECT setval('near', 32500);"
                   " CREATE SEQUENCE down INCREMENT -1; SELECT nextval('down'); CREATE UNLOGGED SEQUENCE unl;"
                   " CREATE SEQUENCE cycle CYCLE; CREATE SEQUENCE cached CACHE 500000; CREATE TABLE t (a int)")
    for part in ("before", "after", "after"):
        result = schema(group_pair, "--apply", part, "--json")
        assert result.status == 0, result
    told = json.loads(result.out)
    assert told["applied"]["sequences_moved"] == 0
    notes = {o["name"]: o["note"] or "" for o in told["objects"] if o["type"] == "SEQUENCE"}
    assert "UNLOGGED" in notes["public.unl"] and "CACHE" not in notes["public.cycle"]
    assert "CYCLE" in notes["public.cycle"] and "CYCLE" not in notes["public.cached"]
    assert group_pair.dst("SELECT nextval('near')") == "32501"
    assert group_pair.dst("SELECT nextval('down')") == "-1002"
    assert group_pair.dst("SELECT last_value, is_called FROM used_up") == "3|t"


def test_what_only_a_superuser_may(group_pair):
    group_pair.src("CREATE FUNCTION leakproof() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1';"
                   " CREATE TABLE t (a int)")
    result = schema(group_pair, "--apply", "before")
    assert result.status == 0 and "without LEAKPROOF" in result.out, result
    assert group_pair.dst("SELECT leakproof()") == "1"


def test_partitions_are_told_with_what_is_their_own(group_pair):
    group_pair.src("CREATE TABLE t (a int, b int, CHECK (b > 0)) PARTITION BY RANGE (a);"
                   " CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (9) PARTITION BY RANGE (b);"
                   " CREATE TABLE t11 PARTITION OF t1 DEFAULT; CREATE TABLE empty (a int) PARTITION BY RANGE (a);"
                   " ALTER TABLE t11 ADD CONSTRAINT own CHECK (b < 100)")
    marks = {(o["type"], o["name"]): o for o in json.loads(schema(group_pair, "--json").out)["objects"]}
    assert "its rows go to public.t" in marks["TABLE", "public.t11"]["note"]
    assert "no partitions and so no rows" in marks["TABLE", "public.empty"]["note"]
    assert marks["CHECK", "public.t11 own"]["mark"] == "left out"
    assert ("CHECK", "public.t11 t_b_check") not in marks
