"""`sluice schema` between plain servers: what arrives is what pg_dump says of the source."""

import json
import os
import random
import shutil
import signal
import stat
import time

import pytest

from support import schema_sources, sluice
from support.schema_sources import SOURCES, copy_rows, schema_differences

pytestmark = pytest.mark.usefixtures("loader")


def schema(pair, *args, **how):
    return sluice.run_load(*pair.args(*args), subcommand="schema", **how)


def report(pair, *args):
    result = schema(pair, "--json", *args)
    assert result.status == 0, result
    return json.loads(result.out)


@pytest.fixture(params=SOURCES)
def filled(request, pair, sample_data):
    SOURCES[request.param](pair, sample_data)
    return pair


def test_both_sides_are_equal(filled):
    pair = filled
    first = report(pair, "--apply", "before")
    assert first["applied"]["made"] > 0 and first["left_out"] == first["changed"] == 0
    assert first["carried"] == first["entries"] == len(first["objects"])
    copy_rows(pair)
    after = report(pair, "--apply", "after")
    assert after["applied"]["made"] > 0
    assert schema_differences(pair) == []
    assert pair.differences() == []
    sequences = "SELECT schemaname, sequencename, last_value FROM pg_sequences" \
                " WHERE schemaname <> 'sluice' ORDER BY 1, 2"
    assert pair.src(sequences) == pair.dst(sequences)
    views = "SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1"
    assert pair.src(views) == pair.dst(views)


def test_a_second_run_changes_nothing(filled):
    pair = filled
    for part in ("before", "after"):
        made = report(pair, "--apply", part)["applied"]["made"]
        written = pair.dst("SELECT max(xmin::text::bigint), count(*) FROM sluice.schema_step")
        again = schema(pair, "--apply", part)
        assert again.status == 0 and f"all {made} steps were made by an earlier run" in again.out, again
        assert pair.dst("SELECT max(xmin::text::bigint), count(*) FROM sluice.schema_step") == written


def test_killed_at_random_moments(pair, sample_data):
    """However often it is killed, the same command ends with the same schema."""
    schema_sources.pagila(pair, sample_data)
    rng = random.Random(os.environ.get("SLUICE_SEED", "7"))
    kills = 0
    for part in ("before", "after"):
        for _ in range(60):
            run = sluice.start_load(*pair.args("--apply", part), subcommand="schema")
            time.sleep(rng.uniform(0.1, 0.35))
            if not run.running():
                assert run.wait().status == 0
                break
            run.kill()
            kills += 1
        result = schema(pair, "--apply", part)
        assert result.status == 0, result
        if part == "before":
            copy_rows(pair)
    assert kills > 0
    assert schema_differences(pair) == []


def test_a_signal_ends_it_and_the_next_run_goes_on(pair):
    pair.src("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 200000)")
    pair.src("CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
             " 'begin perform pg_sleep(0.001); return $1; end'")
    assert schema(pair, "--apply", "before").status == 0
    copy_rows(pair)
    pair.src("TRUNCATE t; CREATE INDEX i ON t (slow(a))")
    run = sluice.start_load(*pair.args("--apply", "after"), subcommand="schema")
    while pair.dst("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%CREATE INDEX i%'"
                   " AND application_name = 'sluice/schema'") == "0":
        assert run.running()
        time.sleep(0.02)
    run.send(signal.SIGTERM)
    assert run.wait(20).status == 5
    assert pair.dst("SELECT to_regclass('i') IS NULL") == "t"
    pair.dst("TRUNCATE t")
    assert schema(pair, "--apply", "after").status == 0
    assert pair.dst("SELECT to_regclass('i') IS NULL") == "f"


def test_two_at_once_make_everything_once(pair, sample_data):
    schema_sources.pagila(pair, sample_data)
    for part in ("before", "after"):
        runs = [sluice.start_load(*pair.args("--apply", part, "-j", "2"), subcommand="schema") for _ in range(2)]
        ends = [run.wait() for run in runs]
        assert [e.status for e in ends] == [0, 0], ends
    assert schema_differences(pair) == []


def test_what_is_there_already_is_left_and_told(pair):
    pair.src("CREATE TABLE a (x int PRIMARY KEY); CREATE TABLE b (x int)")
    pair.dst("CREATE TABLE b (x int, mine int)")
    result = schema(pair, "--apply", "before")
    assert result.status == 0 and "TABLE public.b was at the destination already" in result.out, result
    assert pair.dst("SELECT count(*) FROM information_schema.columns WHERE table_name = 'b'") == "2"
    assert report(pair, "--apply", "before")["applied"] == {
        "part": "before", "made": 0, "made_before": 2, "there": 0, "failed": 0, "sequences_moved": 0}


def test_restart_forgets_the_steps(pair):
    pair.src("CREATE TABLE a (x int)")
    assert report(pair, "--apply", "before")["applied"]["made"] == 1
    pair.dst("DROP TABLE a")
    assert report(pair, "--apply", "before")["applied"]["made"] == 0
    assert report(pair, "--apply", "before", "--restart")["applied"]["made"] == 1
    assert pair.dst("SELECT to_regclass('a') IS NULL") == "f"


def test_a_refused_statement(pair):
    """Named, with what the server says; --keep-going makes the rest."""
    pair.src("CREATE TABLE a (x int); CREATE TABLE b (x int); CREATE TABLE c (x int);"
             "INSERT INTO b VALUES (1), (1); CREATE INDEX ON a(x); CREATE INDEX ON c(x)")
    assert schema(pair, "--apply", "before").status == 0
    copy_rows(pair)
    pair.src("DELETE FROM b; ALTER TABLE b ADD CONSTRAINT once UNIQUE (x)")
    result = schema(pair, "--apply", "after")
    assert result.status == 1 and "CONSTRAINT public.b once" in result.err and "23505" in result.err, result
    result = schema(pair, "--apply", "after", "--keep-going")
    assert result.status == 1 and "1 of" in result.err, result
    assert pair.dst("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'") == "2"
    pair.dst("DELETE FROM b")
    assert schema(pair, "--apply", "after").status == 0
    assert schema_differences(pair) == []


def test_roles_that_are_not_there(pair):
    """One server's roles are not the other's."""
    pair.role(pair.source, "only_here")
    pair.src("CREATE TABLE a (x int); ALTER TABLE a OWNER TO only_here;"
             "CREATE TABLE b (x int); GRANT SELECT ON b TO only_here;"
             "CREATE TABLE c (x int); GRANT SELECT ON c TO only_here, PUBLIC")
    told = report(pair, "--apply", "before")
    by_name = {(o["type"], o["name"]): o for o in told["objects"]}
    assert by_name["TABLE", "public.a"]["mark"] == "carried"
    assert "only_here" in by_name["TABLE", "public.a"]["note"]
    assert by_name["ACL", "TABLE public.c"]["mark"] == "changed"
    assert by_name["ACL", "TABLE public.b"]["mark"] == "left out"
    assert any("will belong to postgres" in w for w in told["warnings"])
    assert pair.dst("SELECT relacl::text LIKE '%=r/%' FROM pg_class WHERE relname = 'c'") == "t"
    pair.src("DROP TABLE a, b, c")


def test_default_privileges_of_a_role_that_is_not_ours(pair):
    """Its role is there, but the login may not act as it: told and left out, and the rest is made."""
    for cluster in (pair.source, pair.destination):
        pair.role(cluster, "schema_stranger")
    pair.role(pair.destination, "schema_group")
    pair.role(pair.destination, "schema_login", "NOINHERIT IN ROLE schema_group")
    pair.role(pair.source, "schema_group")
    pair.destination.psql(pair.destination_db, f'GRANT ALL ON DATABASE "{pair.destination_db}" TO schema_login;'
                          " GRANT ALL ON SCHEMA public TO schema_login")
    pair.src("CREATE TABLE a (x int PRIMARY KEY); CREATE TABLE b (x int PRIMARY KEY);"
             " ALTER TABLE b OWNER TO schema_group;"
             " ALTER DEFAULT PRIVILEGES FOR ROLE schema_stranger GRANT SELECT ON TABLES TO PUBLIC")
    login = pair.destination.dsn(pair.destination_db, user="schema_login")
    try:
        result = sluice.run_load("--source", pair.source_dsn, "--destination", login, "--with-schema")
        assert result.status == 0, result
        told = sluice.run_load("--source", pair.source_dsn, "--destination", login, "--json", subcommand="schema")
        marks = {o["type"]: o for o in json.loads(told.out)["objects"]}
        assert marks["DEFAULT ACL"]["mark"] == "left out"
        assert "schema_login, which is no member of role schema_stranger" in marks["DEFAULT ACL"]["note"]
        # A member without the role's rights could make no key on what it gave away.
        assert pair.dst("SELECT string_agg(pg_get_userbyid(relowner), ' ') FROM pg_class"
                        " WHERE relname IN ('a_pkey', 'b_pkey')") == "schema_login schema_login"
    finally:
        pair.src("DROP OWNED BY schema_stranger; DROP TABLE b")
        pair.destination.psql(pair.destination_db, "DROP OWNED BY schema_login CASCADE")


def test_materialised_views_are_analysed(pair):
    pair.src("CREATE TABLE t AS SELECT generate_series(1, 1000) a; CREATE MATERIALIZED VIEW filled AS SELECT a FROM t;"
             " CREATE MATERIALIZED VIEW empty AS SELECT a FROM t WITH NO DATA")
    assert pair.load("--with-schema", "-j", "2").status == 0
    assert pair.dst("SELECT relname, reltuples FROM pg_class WHERE relkind = 'm' AND relispopulated") == "filled|1000"
    assert pair.dst("SELECT count(*) FROM pg_stats WHERE tablename = 'filled'") == "1"


def test_without_analyze_a_materialised_view_is_only_refreshed(pair):
    pair.src("CREATE TABLE t AS SELECT 1 a; CREATE MATERIALIZED VIEW filled AS SELECT a FROM t")
    assert pair.load("--with-schema", "--no-analyze").status == 0
    assert pair.dst("SELECT count(*) FROM filled") == "1"
    assert pair.dst("SELECT count(*) FROM pg_stats WHERE tablename = 'filled'") == "0"


def test_files_that_can_be_run(filled, tmp_path):
    pair = filled
    result = schema(pair, "--emit", tmp_path / "sql")
    assert result.status == 0, result
    for name in ("before.sql", "after.sql"):
        path = tmp_path / "sql" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        pair.destination.psql_file(pair.destination_db, path)
        if name == "before.sql":
            copy_rows(pair)
    assert schema_differences(pair) == []
    for part in ("before", "after"):  # what was made by hand is found
        told = report(pair, "--apply", part)["applied"]
        assert told["failed"] == 0 and told["there"] > 0
    assert schema_differences(pair) == []
    refused = schema(pair, "--emit", tmp_path / "sql")
    assert refused.status == 2 and "is there already" in refused.err, refused


def test_emit_of_many_tables(pair, tmp_path):
    pair.src("""DO $$ BEGIN FOR i IN 1..3000 LOOP
        EXECUTE format('CREATE TABLE t%s (id bigserial PRIMARY KEY, a int NOT NULL, b text CHECK (b <> ''''))', i);
        EXECUTE format('CREATE INDEX ON t%s (a)', i);
        IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$""")
    result = schema(pair, "--emit", tmp_path / "sql")
    assert result.status == 0, result
    assert (tmp_path / "sql" / "before.sql").read_text().count("\nCREATE TABLE ") == 3000
    assert (tmp_path / "sql" / "after.sql").read_text().count("\nCREATE INDEX ") == 3000


def test_patterns_choose(pair):
    pair.src("CREATE SCHEMA s; CREATE TABLE s.a (x int); CREATE TABLE s.b (x int); CREATE TABLE c (x int)")
    told = report(pair, "-n", "s", "-T", "s.b")
    assert {o["name"] for o in told["objects"]} == {"s", "s.a"}
    result = schema(pair, "-t", "nothing_like_it")
    assert result.status in (1, 2) and "nothing_like_it" in result.err or "no matching" in result.err, result


def test_the_ledgers_schema_is_not_carried(pair):
    pair.src("CREATE SCHEMA sluice; CREATE TABLE sluice.job (x int); CREATE TABLE a (x int)")
    assert [o["name"] for o in report(pair)["objects"]] == ["public.a"]


@pytest.mark.parametrize("words, status, said", [
    (("--apply", "during"), 2, "before|after"),
    (("--apply",), 2, "a value is missing"),
    (("--emit", "/proc/nowhere/x"), 2, "--emit"),
    (("--pg-bindir", "/nowhere"), 2, "/nowhere"),
    (("--pg-bindir", "relative"), 2, "from the root"),
    (("--maintenance-memory", "1kB"), 2, "--maintenance-memory"),
    (("--maintenance-workers", "-1"), 2, "--maintenance-workers"),
    (("--mode", "append"), 2, "unknown option"),
    (("--config", "/nowhere.yaml"), 2, "/nowhere.yaml"),
])
def test_bad_input(pair, words, status, said):
    result = schema(pair, *words)
    assert result.status == status and said in result.err, result
    assert not pair.ledger_exists()


def test_servers_that_do_not_answer(pair):
    result = sluice.run_load("--source", pair.source_dsn, "--destination", "host=127.0.0.1 port=1 dbname=x",
                             subcommand="schema")
    assert result.status == 4, result
    result = sluice.run_load("--source", pair.source_dsn, "--destination", pair.source_dsn, subcommand="schema")
    assert result.status == 2 and "same database" in result.err, result


def test_pg_dump_that_is_too_old(pair, tmp_path):
    """A program that says it is older, beside a true pg_restore."""
    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    (tmp_path / "pg_dump").chmod(0o755)
    shutil.copy(pair.lab.bindir / "pg_restore", tmp_path / "pg_restore")
    result = schema(pair, "--pg-bindir", tmp_path)
    assert result.status == 2 and "older than the source" in result.err, result


def test_a_pg_dump_that_lies_is_caught(pair, tmp_path):
    """What the script has and the table of contents has not is not believed."""
    pair.src("CREATE TABLE a (x int)")
    shutil.copy(pair.lab.bindir / "pg_dump", tmp_path / "pg_dump")
    real = pair.lab.bindir / "pg_restore"
    (tmp_path / "pg_restore").write_text(
        f"#!/bin/sh\ncase \"$*\" in *--list*) {real} \"$@\" | grep -v ' TABLE ';; *) exec {real} \"$@\";; esac\n")
    (tmp_path / "pg_restore").chmod(0o755)
    result = schema(pair, "--pg-bindir", tmp_path)
    assert result.status == 1 and "do not agree" in result.err, result


def test_the_password_is_seen_nowhere(pair, tmp_path):
    """It reaches pg_dump by its environment alone."""
    secret = "pass-wörd 'x\\"
    pair.source.psql("postgres", "CREATE ROLE dumper LOGIN SUPERUSER PASSWORD E'pass-wörd ''x\\\\'")
    try:
        seen = tmp_path / "seen"
        real = pair.lab.bindir / "pg_dump"
        (tmp_path / "pg_dump").write_text(
            f"#!/bin/sh\ncase \"$*\" in *--dbname*) tr '\\0' ' ' </proc/$$/cmdline >{seen};"
            f" echo \"[$PGPASSWORD]\" >{seen}.env;; esac\nexec {real} \"$@\"\n")
        (tmp_path / "pg_dump").chmod(0o755)
        shutil.copy(pair.lab.bindir / "pg_restore", tmp_path / "pg_restore")
        source = (f"host=127.0.0.1 port={pair.source.port} user=dumper dbname={pair.source_db}"
                  " password='pass-wörd \\'x\\\\'")
        result = sluice.run_load("--destination", pair.destination_dsn, "-v", "--pg-bindir", tmp_path,
                                 subcommand="schema", env={"SLUICE_SOURCE": source})
        assert result.status == 0, result
        assert "wörd" not in seen.read_text() + result.text
        assert (tmp_path / "seen.env").read_text().strip() == f"[{secret}]"
    finally:
        pair.source.psql("postgres", "DROP ROLE dumper")
