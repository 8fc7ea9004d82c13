"""`sluice load --with-schema` between plain servers: schema, rows, and the rest of the schema in one go."""

import json
import signal
import time

import pytest

from support import schema_sources, sluice
from support.schema_sources import SOURCES, schema_differences

pytestmark = pytest.mark.usefixtures("loader")

TOUCHED = """
SELECT md5(string_agg(c::text, E'\\n' ORDER BY c.oid)), (SELECT count(*) FROM pg_namespace),
       (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_type), (SELECT count(*) FROM pg_constraint)
  FROM (SELECT oid, relname, relfilenode, relkind FROM pg_class) c
"""
STEPS = "SELECT max(xmin::text::bigint), count(*) FROM sluice.schema_step"
SEQUENCES = ("SELECT schemaname, sequencename, last_value FROM pg_sequences"
             " WHERE schemaname <> 'sluice' ORDER BY 1, 2")
VIEWS = "SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1"


def load(pair, *args, **how):
    return pair.load("--with-schema", *args, **how)


def told(pair, *args, status=0):
    result = load(pair, "--progress", "json", *args)
    assert result.status == status, result
    return result.events[-1]


def parts(summary):
    return {p["part"]: p for p in summary["schema"]["parts"]}


def is_whole(pair):
    assert schema_differences(pair) == []
    assert pair.differences() == []
    assert pair.src(SEQUENCES) == pair.dst(SEQUENCES)
    assert pair.src(VIEWS) == pair.dst(VIEWS)


@pytest.fixture(params=SOURCES)
def filled(request, pair, sample_data):
    SOURCES[request.param](pair, sample_data)
    return pair


@pytest.fixture
def small(pair):
    """Two tables, a key between them, an index, a view, a sequence that has moved."""
    pair.src("CREATE TABLE a (id serial PRIMARY KEY, v text); CREATE INDEX by_v ON a (v);"
             "CREATE TABLE b (id int PRIMARY KEY REFERENCES a, n int CHECK (n > 0));"
             "CREATE VIEW w AS SELECT a.v, b.n FROM a JOIN b USING (id);"
             "INSERT INTO a (v) SELECT 'row ' || i FROM generate_series(1, 500) i;"
             "INSERT INTO b SELECT id, id FROM a")
    return pair


def test_both_sides_are_equal(filled):
    pair = filled
    first = told(pair)
    assert {p["part"] for p in first["schema"]["parts"]} == {"before", "after"}
    assert all(p["made"] > 0 and p["failed"] == p["there"] == 0 for p in first["schema"]["parts"])
    schema = first["schema"]
    assert schema["carried"] == schema["entries"] == len(schema["objects"]) and schema["left_out"] == 0
    assert schema["applied"] == schema["parts"][-1] and schema["error"] is None
    is_whole(pair)
    assert pair.dst("SELECT count(*) FROM pg_stat_user_tables WHERE last_analyze IS NULL AND n_live_tup > 0"
                    " AND schemaname <> 'sluice' AND relid IN (SELECT oid FROM pg_class WHERE relkind = 'r')") == "0"


def test_a_second_run_changes_nothing(filled):
    pair = filled
    first = told(pair)
    written = pair.dst(STEPS), pair.dst(SEQUENCES)
    again = told(pair)
    assert again["already_complete"] and again["error"] is None
    for name, part in parts(again).items():
        assert part["made"] == part["there"] == part["sequences_moved"] == 0
        assert part["made_before"] == parts(first)[name]["made"]
    assert (pair.dst(STEPS), pair.dst(SEQUENCES)) == written
    is_whole(pair)


def test_what_is_printed(small):
    small.src("CREATE MATERIALIZED VIEW m AS SELECT 1; CREATE STATISTICS st ON id, v FROM a")
    result = load(small)
    assert result.status == 0, result
    for words in ("Schema of ", "together", "Before the rows: ", "After the rows: ", "1,000 rows", "1 sequence moved"):
        assert words in result.out, result
    assert "materialised" not in result.text and "not copied" not in result.text, result
    again = load(small)
    assert "nothing was left to do" in again.out, again
    assert again.out.count("were made by an earlier run") == 2, again


def test_no_sequence_goes_back(small):
    assert load(small).status == 0
    small.dst("SELECT setval('a_id_seq', 9000)")
    assert load(small).status == 0
    assert small.dst("SELECT last_value FROM a_id_seq") == "9000"


def test_without_sequences_and_analyze(small):
    assert load(small, "--no-sequences", "--no-analyze").status == 0
    assert small.dst("SELECT is_called FROM a_id_seq") == "f"
    assert small.dst("SELECT count(*) FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL") == "0"


@pytest.mark.parametrize("first, second", [(("--with-schema",), ()), ((), ("--with-schema",))])
def test_it_is_the_same_job_as_a_plain_load(small, first, second):
    if not first:
        small.copy_schema()
    assert small.load(*first).status == 0
    again = small.load(*second, "--progress", "json")
    assert again.status == 0, again
    job = small.dst("SELECT count(DISTINCT job) FROM sluice.chunk_done")
    assert job == "1" and again.summary["rows_run"] == 0
    is_whole(small)


def test_a_plain_schema_run_goes_on_with_it(small):
    assert sluice.run_load(*small.args("--apply", "before"), subcommand="schema").status == 0
    summary = told(small)
    assert parts(summary)["before"]["made"] == 0 and parts(summary)["after"]["made"] > 0
    is_whole(small)


def test_what_the_destination_has_is_left(small):
    small.dst("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (7, 'mine')")
    result = load(small)
    assert result.status == 2 and "--mode" in result.err, result
    assert "TABLE public.a was at the destination already" in result.out, result
    assert small.dst("SELECT to_regclass('by_v') IS NULL") == "t"  # the part after was not begun
    result = load(small, "--mode", "truncate")
    assert result.status == 0, result
    assert small.differences() == []
    assert small.dst("SELECT to_regclass('by_v') IS NULL") == "f"


def test_restart_makes_and_loads_again(small):
    assert load(small).status == 0
    small.dst("DROP TABLE b CASCADE")
    result = load(small)
    assert result.status == 2 and "--restart" in result.err, result
    result = load(small, "--restart", "--mode", "truncate")
    assert result.status == 0, result
    is_whole(small)
    again = told(small, "--mode", "truncate")  # its steps are written down anew
    assert again["already_complete"] and all(p["there"] == 0 for p in again["schema"]["parts"]), again


def test_a_restart_that_never_came_to_the_rows(small):
    """Without --restart the ledger's old rows would be taken for this run's: the hint does not say so."""
    assert load(small, "--mode", "truncate").status == 0
    small.src("INSERT INTO a (v) VALUES ('late'); CREATE FUNCTION odd_one() RETURNS int LANGUAGE sql AS 'select 1'")
    small.dst("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS"
              " $$begin if current_query() like '%odd_one%' then raise 'not here'; end if; end$$;"
              "CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()")
    summary = told(small, "--restart", "--mode", "truncate", status=1)
    assert "run the same command again" in summary["hint"], summary
    small.dst("DROP EVENT TRIGGER refuse; DROP FUNCTION refuse()")
    assert load(small, "--restart", "--mode", "truncate").status == 0
    is_whole(small)


def test_a_restart_that_was_stopped_in_the_rows(small):
    """The new plan is written down: from here on it goes without --restart."""
    small.src("INSERT INTO a (v) SELECT repeat('x', 1000) FROM generate_series(1, 3000)")
    args = ("--mode", "truncate", "--chunk-size", "64kB")
    assert load(small, *args).status == 0
    run = small.start("--with-schema", *args, "--restart", "--max-rate", "128kB")
    wait_for(lambda: small.dst("SELECT count(*) FROM a") not in ("0", "3500"), run)
    run.send(signal.SIGTERM)
    result = run.wait(20)
    assert result.status == 5 and "without --restart" in result.out, result
    assert load(small, *args).status == 0
    is_whole(small)


def test_triggers_that_an_earlier_job_made(small):
    """Where they cannot be left aside they change the rows of a second load, and that is said."""
    small.src("CREATE FUNCTION add_mark() RETURNS trigger LANGUAGE plpgsql AS"
              " $$begin new.v := new.v || '!'; return new; end$$;"
              "CREATE TRIGGER marks BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION add_mark()")
    summary = told(small)
    assert not any("fire for each row" in w for w in summary["warnings"]), summary
    is_whole(small)
    summary = told(small, "--restart", "--mode", "truncate")
    assert not any("fire for each row" in w for w in summary["warnings"]), summary
    is_whole(small)
    summary = told(small, "--restart", "--mode", "truncate", "--triggers", "keep")
    assert any("public.a" in w and "marks" in w and "--triggers keep" in w for w in summary["warnings"]), summary


def test_dropped_at_the_source_while_loading(small):
    """A sequence that went meanwhile has no position; its schema may be gone as well."""
    small.src("CREATE SEQUENCE lone; SELECT nextval('lone'); CREATE SCHEMA s; CREATE SEQUENCE s.other;"
              "INSERT INTO a (v) SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
    run = small.start("--with-schema", "--max-rate", "512kB", "--chunk-size", "64kB", "--progress", "json")
    wait_for(lambda: small.chunks_done() > 0, run)
    small.src("DROP SEQUENCE lone; DROP SCHEMA s CASCADE")
    result = run.wait()
    assert result.status == 0, result
    gone = [w for w in result.events[-1]["schema"]["warnings"] if "no longer at the source" in w]
    assert len(gone) == 2 and "public.lone" in gone[0] + gone[1], gone
    assert small.src("SELECT last_value FROM a_id_seq") == small.dst("SELECT last_value FROM a_id_seq")
    assert small.dst("SELECT is_called FROM lone") == "f" and small.differences() == []


def test_new_at_the_source_after_the_load(small):
    """Its table is made, and that it is empty is said."""
    assert load(small).status == 0
    small.src("CREATE TABLE late (x int PRIMARY KEY); INSERT INTO late VALUES (1)")
    summary = told(small)
    assert any("new at the source is empty" in w for w in summary["warnings"]), summary
    assert not summary["already_complete"]
    assert schema_differences(small) == []


def test_made_while_loading(small):
    """What the source gets between the parts is no stumbling-block."""
    run = small.start("--with-schema", "--max-rate", "64kB")
    while small.chunks_done() == 0 and "job" not in small.dst("SELECT tablename FROM pg_tables"
                                                            " WHERE schemaname = 'sluice'"):
        assert run.running(), run.wait()
        time.sleep(0.02)
    small.src("CREATE TABLE late (x int); CREATE INDEX late_x ON late (x)")
    result = run.wait()
    assert result.status == 0, result


def test_dry_run_changes_nothing(filled):
    pair = filled
    before = pair.src(TOUCHED), pair.dst(TOUCHED)
    result = load(pair, "--dry-run")
    assert result.status == 0, result
    assert (pair.src(TOUCHED), pair.dst(TOUCHED)) == before
    assert "Schema of " in result.out and "would be created" in result.out, result
    assert "Before the rows" not in result.out
    plan = told(pair, "--dry-run")
    assert plan["event"] == "plan" and plan["schema"]["parts"] == [] and plan["schema"]["applied"] is None
    assert len(plan["tables"]) > 1
    assert (pair.src(TOUCHED), pair.dst(TOUCHED)) == before


def test_check(filled):
    pair = filled
    before = pair.dst(TOUCHED)
    result = sluice.run_load(*pair.args("--with-schema"), subcommand="check")
    assert result.status == 0 and "to be created" in result.out and "pg_dump" in result.out, result
    assert pair.dst(TOUCHED) == before
    result = sluice.run_load(*pair.args("--with-schema", "--pg-bindir", "/nowhere"), subcommand="check")
    assert result.status == 2 and "/nowhere" in result.out, result
    result = sluice.run_load(*pair.args("--pg-bindir", "/nowhere"), subcommand="check")
    assert result.status == 2 and "--with-schema" in result.err, result


@pytest.mark.parametrize("words, said", [
    (("--maintenance-memory", "1GB"), "add --with-schema"),
    (("--maintenance-workers", "2"), "add --with-schema"),
    (("--keep-going",), "add --with-schema"),
    (("--pg-bindir", "/usr/bin"), "add --with-schema"),
    (("--with-schema", "--maintenance-memory", "1kB"), "--maintenance-memory"),
    (("--with-schema", "--pg-bindir", "/nowhere"), "/nowhere"),
    (("--with-schema", "--apply", "before"), "unknown option"),
    (("--with-schema=yes",), "takes no value"),
    (("--with-schema", "-t", "nothing_like_it"), "no matching tables"),
])
def test_bad_input(small, words, said):
    result = small.load(*words)
    assert result.status == 2 and said in result.err, result
    assert small.dst("SELECT to_regclass('a') IS NULL") == "t"
    assert not small.ledger_exists()


def test_options_of_a_job_file(small, tmp_path):
    """They may stand there for whichever command; the variable likewise."""
    path = tmp_path / "job.yaml"
    path.write_text("version: 1\noptions:\n  maintenance-memory: 64MB\n  with-schema: true\n")
    assert small.load("--config", path).status == 0
    is_whole(small)
    path.write_text("version: 1\noptions:\n  maintenance-memory: 64MB\n")
    result = small.load("--config", path, env={"SLUICE_PG_BINDIR": "/usr/lib/postgresql/bin"})
    assert result.status == 0, result


def test_a_renamed_table_is_refused_before_anything_is_made(small, tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("version: 1\ntables:\n  public.b:\n    to:\n      table: c\n")
    result = load(small, "--config", path)
    assert result.status == 2 and "--create-tables" in result.err, result
    assert small.dst("SELECT to_regclass('a') IS NULL") == "t" and not small.ledger_exists()


def test_modes_of_a_job_file_mean_a_shard_group(small, tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("version: 1\ntables:\n  public.b:\n    mode: reference\n    where: id <= 100\n")
    result = load(small, "--config", path)
    assert result.status == 0 and "modes and shard keys are not used" in result.out, result
    assert small.dst("SELECT count(*) FROM b") == "100"


def test_with_create_tables_as_well(small):
    assert load(small, "--create-tables").status == 0
    is_whole(small)


def test_patterns_choose(small):
    small.src("CREATE SCHEMA s; CREATE TYPE s.e AS ENUM ('x'); CREATE TABLE s.t (e s.e PRIMARY KEY);"
              "INSERT INTO s.t VALUES ('x')")
    summary = told(small, "-n", "s")
    assert summary["rows"] == 1 and small.dst("SELECT to_regclass('a') IS NULL") == "t"
    summary = told(small, "-t", "a", "-t", "b")
    assert summary["rows"] == 1000 and small.dst("SELECT to_regclass('w') IS NULL") == "t"
    small.dst("DROP SCHEMA s CASCADE")
    result = load(small, "-t", "s.t")  # pg_dump -t writes no types
    assert result.status in (1, 2) and "s.t" in result.err and "before the rows" in result.err, result


def test_a_refused_statement_and_going_on(small):
    """The rows are there; when the cause is mended the same command makes the rest."""
    small.src("CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
              " $$begin if current_setting('cluster_name') like '%' and exists (select 1 from pg_roles"
              " where rolname = 'in_the_way') and current_setting('application_name') like 'sluice%'"
              " then raise 'in the way'; end if; return $1; end$$; CREATE INDEX odd ON a (f(id))")
    small.role(small.destination, "in_the_way")
    result = load(small)
    assert result.status == 1 and "after the rows" in result.err and "in the way" in result.err, result
    assert "the rows are loaded" in result.out and "run the same command again" in result.out, result
    assert small.dst("SELECT count(*) FROM a") == "500"
    summary = told(small, "--keep-going", status=1)
    assert parts(summary)["after"]["failed"] == 1 and summary["rows_run"] == 0
    assert small.dst("SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == "1"
    small.destination.psql("postgres", "ALTER ROLE in_the_way RENAME TO not_in_the_way")
    try:
        assert told(small)["error"] is None
    finally:
        small.destination.psql("postgres", "ALTER ROLE not_in_the_way RENAME TO in_the_way")
    is_whole(small)


def test_a_failure_before_the_rows(small):
    """The rows are not begun; --keep-going does what can be done, rows included."""
    small.src("CREATE FUNCTION odd_one() RETURNS int LANGUAGE sql AS 'select 1'")
    small.dst("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS"
              " $$begin if current_query() like '%odd_one%' then raise 'not here'; end if; end$$;"
              "CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()")
    summary = told(small, status=1)
    assert "odd_one" in summary["error"]["message"] and "before the rows" in summary["error"]["message"]
    assert "run the same command again" in summary["hint"]
    assert [p["part"] for p in summary["schema"]["parts"]] == ["before"] and summary["rows"] == 0
    assert small.dst("SELECT to_regclass('sluice.job') IS NULL") == "t"
    summary = told(small, "--keep-going", status=1)
    assert parts(summary)["before"]["failed"] == 1 and parts(summary)["after"]["failed"] == 0
    assert summary["rows"] == 1000 and small.differences() == []
    assert small.dst("SELECT to_regclass('by_v') IS NULL") == "f"
    small.dst("DROP EVENT TRIGGER refuse; DROP FUNCTION refuse()")
    assert parts(told(small))["before"]["made"] == 1
    is_whole(small)


def wait_for(what, run, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert run.running() and time.monotonic() < end, run.wait()
        time.sleep(0.02)


def is_at(pair, text):
    return pair.dst("SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND application_name LIKE 'sluice%'"
                    f" AND query LIKE '%{text}%' AND datname = '{pair.destination_db}'") != "0"


@pytest.mark.parametrize("moment", ["before", "rows", "after"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_each_part(small, moment, number):
    """Status 5, and the same command goes on."""
    slow = "CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS" \
           " $$begin perform pg_sleep(0.01); return $1; end$$"
    args = ()
    if moment == "before":
        # An event trigger that sleeps stands in the way of one table.
        small.dst("CREATE FUNCTION nap() RETURNS event_trigger LANGUAGE plpgsql AS"
                  " $$begin if current_query() like '%TABLE public.b%' then perform pg_sleep(30); end if; end$$;"
                  "CREATE EVENT TRIGGER nap ON ddl_command_start EXECUTE FUNCTION nap()")
        run = small.start("--with-schema")
        wait_for(lambda: is_at(small, "CREATE TABLE public.b"), run)
    elif moment == "rows":
        args = ("--chunk-size", "64kB")
        small.src("INSERT INTO a (v) SELECT repeat('x', 1000) FROM generate_series(1, 3000)")
        run = small.start("--with-schema", *args, "--max-rate", "128kB")
        wait_for(lambda: small.chunks_done() > 0, run)
    else:
        small.src(slow + "; CREATE INDEX lazy ON a (slow(id))")
        run = small.start("--with-schema")
        wait_for(lambda: is_at(small, "CREATE INDEX lazy"), run)
    run.send(number)
    result = run.wait(20)
    assert result.status == 5 and "run the same command again" in result.out, result
    assert small.dst("SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == "0"
    if moment == "before":
        small.dst("DROP EVENT TRIGGER nap; DROP FUNCTION nap()")
    result = load(small, *args)
    assert result.status == 0, result
    is_whole(small)


def test_the_destination_restarts_within_each_part(small):
    """A fault that passes is waited for, as in a load, and nothing is made twice."""
    small.src("CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
              " $$begin perform pg_sleep(0.004); return $1; end$$; CREATE INDEX lazy ON a (slow(id))")
    run = small.start("--with-schema", "--retry-for", "1min", "-j", "2")
    wait_for(lambda: is_at(small, "CREATE INDEX lazy"), run)
    small.destination.stop("immediate")
    time.sleep(1.0)
    small.destination.start()
    result = run.wait()
    assert result.status == 0 and "trying again" in result.err, result
    is_whole(small)


def test_the_server_is_gone_between_the_parts(small):
    """Without patience it ends with status 5; with the server back the same command goes on."""
    run = small.start("--with-schema", "--retry-for", "0", "--max-rate", "64kB")
    wait_for(lambda: small.dst("SELECT to_regclass('sluice.job') IS NOT NULL") == "t", run)
    small.destination.stop("immediate")
    try:
        result = run.wait()
        assert result.status == 5 and "run the same command again" in result.out, result
        assert load(small).status == 4
    finally:
        small.destination.start()
    result = load(small)
    assert result.status == 0, result
    is_whole(small)


def test_rows_on_disk_need_no_source(small, tmp_path):
    """The source is given back and gone: its rows arrive, and the rest waits until it is back."""
    assert sluice.run_load(*small.args("--apply", "before"), subcommand="schema").status == 0
    small.dst("CREATE SCHEMA lab; CREATE FUNCTION lab.gate() RETURNS trigger LANGUAGE plpgsql AS"
              " $$begin perform pg_advisory_xact_lock_shared(4711); return null; end$$;"
              "CREATE TRIGGER gate BEFORE INSERT ON a EXECUTE FUNCTION lab.gate();"
              "ALTER TABLE a ENABLE ALWAYS TRIGGER gate")
    (tmp_path / "spill").mkdir()
    args = ("--spill-dir", tmp_path / "spill", "--release-source", "early", "--spill-key-file", tmp_path / "key",
            "--retry-for", "2s")
    shut = small.destination.connect(small.destination_db)
    shut.cursor().execute("SELECT pg_advisory_lock(4711)")
    run = small.start("--with-schema", *args)
    wait_for(lambda: "given back" in run.stderr() or "released" in run.stderr(), run)
    run.kill()
    shut.close()
    small.dst("DROP TRIGGER gate ON a; DROP SCHEMA lab CASCADE")
    small.source.stop()
    try:
        result = load(small, *args)
        assert result.status == 5 and "the rows are loaded" in result.out, result
        assert small.dst("SELECT count(*) FROM a") == "500"
    finally:
        small.source.start()
    assert load(small, *args).status == 0
    is_whole(small)


def test_two_at_once(small):
    """They share the schema's parts; of the rows the second one finds the job running, or done."""
    small.src("INSERT INTO a (v) SELECT repeat('y', 200) FROM generate_series(1, 3000)")
    runs = [small.start("--with-schema", "--max-rate", "512kB") for _ in range(2)]
    ends = sorted(run.wait().status for run in runs)
    assert ends in ([0, 8], [0, 0]), ends
    is_whole(small)


def test_servers_that_do_not_answer(pair):
    result = pair.load("--with-schema", "--destination", "host=127.0.0.1 port=1 dbname=x")
    assert result.status == 4, result
    assert json.loads(pair.load("--with-schema", "--progress", "json", "--destination", "host=127.0.0.1 port=1"
                                " dbname=x").out.splitlines()[-1])["exit_status"] == 4
    result = pair.load("--with-schema", "--destination", pair.source_dsn)
    assert result.status == 2 and "same database" in result.err, result
