"""PostgreSQL's own regression database, with one of every kind of object and names to match: assessed, its
schema written and made, its rows loaded, into a plain server and into a simulated shard group.

What is there is counted in the catalogs, not in pg_dump's list; what a plain destination has afterwards is
compared, definition by definition, with what pg_dump and psql make of the same source.
"""

import json
import re
import subprocess
from collections import Counter

import catalog_counts
import pytest

from support import compare, sluice


# Where pg_dump itself does not carry everything: columns of inheriting tables that stand in another order
# than their parents', the parts of a default grant written out, an operator that was only ever mentioned,
# and a former partition's mark that others may inherit its key.
ORDER_OF_COLUMNS = {"public.gtestxx_4", "public.test_type_diff2_c1", "public.test_type_diff2_c2"}
BEYOND_PG_DUMP = ("'public.ec0'", "'public.ec1'", "'public.fk_notpartitioned_pk'", "'public.!==(boolean,boolean)'",
                  "'droppk21_pkey'")


# Its operator class asks for so much that a row fits only with the index's storage parameters, which are left
# out for a shard group (and the report says so).
TOO_WIDE = ("public.brinidx_bloom",)
LEDGER = re.compile(r"\bsluice['.]")


def run(subcommand, *args, **how):
    return sluice.run_load(*args, subcommand=subcommand, timeout=300, **how)


class Route:
    """From the regression database to one other database."""

    def __init__(self, lab, source_db, cluster, db):
        self.lab = lab
        self.source_db = source_db
        self.cluster = cluster
        self.db = db
        self.user = getattr(cluster, "admin", None)
        self.options = ()

    @property
    def ends(self):
        return "--source", self.lab.source.dsn(self.source_db), "--destination", self.cluster.dsn(self.db)

    def schema(self, *args, status=0):
        result = run("schema", *self.ends, *self.options, *args)
        assert result.status == status, result
        return result

    def report(self, *args, status=0):
        return json.loads(self.schema("--json", *args, status=status).out)

    def load(self, *args):
        result = run("load", *self.ends, *self.options, *args)
        assert result.status == 0, result
        return result

    def psql_file(self, path):
        self.cluster.psql_file(self.db, path, user=self.user)

    def row_differences(self):
        outcomes = compare.compare_tables(self.lab.source, self.source_db, self.cluster, self.db)
        return {o.label: o for o in outcomes if o.problem}, outcomes


@pytest.fixture
def plain(lab, regression, make_database):
    return Route(lab, regression, lab.destination, make_database(lab.destination))


@pytest.fixture
def group(lab, regression, make_database):
    lab.group.reset()
    return Route(lab, regression, lab.group, make_database(lab.group))


def proposal(route, tmp_path, *patterns):
    """The unedited proposal for a shard group."""
    path = tmp_path / f"job{len(patterns)}.yaml"
    result = run("assess", "--source", route.lab.source.dsn(route.source_db), "--out", path, *patterns)
    assert result.status == 0, result
    return "--config", path, *patterns


# --- assess ---


def test_assess_knows_every_table(lab, regression, tmp_path):
    """Each table that may have rows, once."""
    source = "--source", lab.source.dsn(regression)
    text = run("assess", *source, "--out", tmp_path / "job.yaml")
    told = run("assess", *source, "--json")
    assert text.status == told.status == 0, (text, told)
    got = json.loads(told.out)
    names = [t["name"] for t in got["tables"]]
    wanted = lab.source.query(regression, f"""
        SELECT n.nspname || '.' || o.relname {catalog_counts.relations('rp', 'NOT o.relispartition')}
           AND (o.relkind = 'r' OR EXISTS (SELECT 1 FROM pg_partition_tree(o.oid) WHERE isleaf AND level > 0))""")
    assert sorted(names) == sorted(name for (name,) in wanted)
    written = (tmp_path / "job.yaml").read_text(encoding="utf-8")
    left = [t["name"] for t in got["tables"] if t["mode"] == "left out"]
    assert len(re.findall(r"^    mode: ", written, re.MULTILINE)) == len(names) - len(left)
    assert re.findall(r"^    - (.*)", written, re.MULTILINE) == left
    keys = lab.source.query(regression, f"SELECT count(*) {catalog_counts.COUNTS['FK CONSTRAINT']}"
                                        " AND NOT c.relispartition")[0][0]
    assert len(got["foreign_keys"]) >= int(keys)


# --- every object has a mark ---


def check_counts(route, told):
    objects = told["objects"]
    assert len(objects) == told["carried"] + told["changed"] + told["left_out"]
    assert all(o["note"] for o in objects if o["mark"] != "carried")
    kinds = Counter(o["type"] for o in objects if not o["name"].endswith(" _RETURN"))
    counted = catalog_counts.count(route.lab.source, route.source_db)
    assert {k: kinds[k] for k in counted} == counted
    # What else a dump has is a part of what was counted, but for grants.
    assert set(kinds) - set(counted) <= {"ACL", "DEFAULT", "CHECK", "CHECK CONSTRAINT"}
    return kinds


def test_nothing_is_unaccounted_for_on_a_plain_server(plain):
    told = plain.report()
    check_counts(plain, told)
    assert told["carried"] == len(told["objects"]) == told["entries"]


def test_nothing_is_unaccounted_for_on_a_shard_group(group, tmp_path):
    """Also what the proposal leaves out is told, when it is asked for all the same."""
    group.options = proposal(group, tmp_path)
    job = group.options[1]
    job.write_text(re.sub(r"^select:\n  exclude-tables:\n(?:    .*\n)+", "", job.read_text(encoding="utf-8"),
                          flags=re.MULTILINE), encoding="utf-8")
    told = group.report()
    kinds = check_counts(group, told)
    assert kinds["CHECK"] + kinds["CHECK CONSTRAINT"] == catalog_counts.count_checks(
        group.lab.source, group.source_db)
    assert len(told["objects"]) == told["entries"] + told["checks_within_tables"]


# --- a plain server ---


def pg_dump(route, cluster, db, *options):
    return subprocess.run([str(route.lab.bindir / "pg_dump"), "--exclude-schema=sluice", *options, "-d",
                           cluster.dsn(db)], capture_output=True, text=True, check=True,
                          env=route.lab.client_env(), timeout=120).stdout


def statements(route, cluster, db):
    """What pg_dump says of a database's schema, in any order."""
    text = pg_dump(route, cluster, db, "--schema-only")
    lines = [line for line in text.split("\n") if not line.startswith(("--", "\\"))]
    return Counter(s.strip() for s in re.split(r";\n", "\n".join(lines)) if s.strip())


def check_like_pg_dump(route, reference):
    """The schema is the source's, but for what pg_dump and psql do not carry either."""
    source = statements(route, route.lab.source, route.source_db)
    here = statements(route, route.cluster, route.db)
    assert here == statements(route, route.cluster, reference)
    for odd in (source - here) + (here - source):
        assert re.match(r"CREATE TABLE (\S+) \(\n", odd).group(1) in ORDER_OF_COLUMNS, odd
    here = {d for d in catalog_counts.definitions(route.cluster, route.db) if not LEDGER.search(d[1])}
    assert here == catalog_counts.definitions(route.cluster, reference)
    for kind, row in here ^ catalog_counts.definitions(route.lab.source, route.source_db):
        assert any(name in row for name in BEYOND_PG_DUMP), (kind, row)


@pytest.fixture
def reference(plain, make_database):
    """A database made by pg_dump and psql."""
    name = make_database(plain.cluster)
    plain.cluster.psql(name, pg_dump(plain, plain.lab.source, plain.source_db, "--schema-only"))
    return name


def test_the_files_make_the_same_schema(plain, reference, tmp_path):
    plain.schema("--emit", tmp_path / "sql")
    for name in ("before.sql", "after.sql"):
        plain.psql_file(tmp_path / "sql" / name)
    check_like_pg_dump(plain, reference)


SEQUENCES = """SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname <> 'sluice'
                ORDER BY 1, 2"""
# Those of the source are as they were last refreshed, those of the destination as of now.
MATERIALIZED = "SELECT o.oid::regclass::text, relispopulated FROM pg_class o WHERE o.relkind = 'm' ORDER BY 1"


def test_schema_and_rows_arrive(plain, reference):
    assert plain.report("--apply", "before")["applied"]["failed"] == 0
    loaded = plain.load()
    assert plain.report("--apply", "after")["applied"]["failed"] == 0
    different, compared = plain.row_differences()
    assert different == {} and sum(o.source[0] for o in compared) > 400_000
    check_like_pg_dump(plain, reference)
    for sql in (SEQUENCES, MATERIALIZED):
        assert plain.cluster.query(plain.db, sql) == plain.lab.source.query(plain.source_db, sql)
    assert "3 large objects on the source are not copied" in loaded.text
    for part in ("before", "after"):
        again = plain.report("--apply", part)["applied"]
        assert (again["made"], again["there"], again["failed"], again["sequences_moved"]) == (0, 0, 0, 0)


# --- a shard group ---


def tables_left_out(told):
    """Those that the report names beforehand, but for what becomes a part of another table."""
    return {o["name"]: o["note"] for o in told["objects"] if o["type"] == "TABLE" and o["mark"] == "left out"
            and "no partitions of the user's" not in o["note"]}


def is_there(route, told, failed=()):
    """What is carried or changed is there, and what is left out or was refused is not."""
    relations = {name for (name,) in route.cluster.query(
        route.db, "SELECT nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                  " WHERE NOT relispartition")}
    constraints = {name for (name,) in route.cluster.query(route.db, "SELECT conname FROM pg_constraint")}
    routines = Counter(name for (name,) in route.cluster.query(route.db, "SELECT proname FROM pg_proc"))
    types = {name for (name,) in route.cluster.query(
        route.db, "SELECT nspname || '.' || typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace")}
    for o in told["objects"]:
        there = o["mark"] != "left out" and o["name"] not in failed
        if o["type"] in ("TABLE", "INDEX", "VIEW", "SEQUENCE", "MATERIALIZED VIEW"):
            assert (o["name"] in relations) == there, o
        elif o["type"] in ("TYPE", "DOMAIN"):
            assert (o["name"] in types) == there, o
        elif o["type"] in ("FUNCTION", "PROCEDURE") and there:
            assert routines[re.match(r'.*?\.("?)(.+?)\1\(', o["name"]).group(2)] > 0, o
        elif o["type"] in ("FK CONSTRAINT", "CHECK", "CHECK CONSTRAINT", "CONSTRAINT") and there:
            assert any(o["name"].endswith(" " + c) for c in constraints), o


def test_the_files_can_be_run_on_a_shard_group(group, tmp_path):
    """By psql, which stops at the first error, as the admin; the proposal is not edited."""
    group.options = proposal(group, tmp_path)
    group.schema("--emit", tmp_path / "sql")
    for name in ("before.sql", "after.sql"):
        group.psql_file(tmp_path / "sql" / name)
    is_there(group, group.report())


def test_schema_and_rows_arrive_in_a_shard_group(group, tmp_path):
    """The tables whose types only a superuser can make are named by the proposal, which leaves them out."""
    impossible = sorted(n for n, note in tables_left_out(group.report()).items() if "it needs TYPE" in note)
    assert impossible == ["public.city", "public.ec1", "public.ec2"]
    group.options = proposal(group, tmp_path)
    written = group.options[1].read_text(encoding="utf-8")
    assert re.findall(r"^    - (.*)", written, re.MULTILINE) == impossible
    left = tables_left_out(group.report())
    assert not [name for name, note in left.items() if "it needs TYPE" in note]
    assert group.report("--apply", "before")["applied"]["failed"] == 0
    group.load("--no-analyze")
    after = group.report("--apply", "after", "--keep-going", status=1)
    assert after["applied"]["failed"] == len(TOO_WIDE)
    is_there(group, after, TOO_WIDE)
    different, compared = group.row_differences()
    # A partitioned table without partitions has no rows to load and is not made.
    assert set(different) <= {*left, *impossible}, different
    assert sum(o.source[0] for o in compared if not o.problem) > 400_000
    again = group.report("--apply", "after", "--keep-going", status=1)["applied"]
    assert (again["made"], again["there"], again["failed"], again["sequences_moved"]) == (0, 0, len(TOO_WIDE), 0)
