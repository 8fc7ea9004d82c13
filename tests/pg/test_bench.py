"""sluice bench on real servers: what it measures, what it leaves behind, how it refuses."""

import json
import signal
import time

import pytest

from support.sluice import run_load, start_load

pytestmark = pytest.mark.usefixtures("loader")

SCRATCH = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'sluice\\_bench\\_%'"
QUICK = ("--repeat", "1", "--sweep-jobs", "2", "--json")


@pytest.fixture
def some(pair):
    pair.both("CREATE TABLE t (id bigint PRIMARY KEY, k int, v text); CREATE INDEX t_k ON t (k);"
              "CREATE TYPE mood AS ENUM ('ok', 'bad');"
              "CREATE TABLE odd (id serial UNIQUE, m mood NOT NULL, l int[],"
              " g int GENERATED ALWAYS AS (1 + 1) STORED, n numeric(4,2) CHECK (n < 50));"
              "CREATE TABLE empty (a int)")
    pair.dst("ALTER TABLE odd ADD extra serial")
    pair.src("INSERT INTO t SELECT i, i % 100, md5(i::text) FROM generate_series(1, 200000) i;"
             "INSERT INTO odd (m, l, n) SELECT 'bad', '{1,2}', i % 50 FROM generate_series(1, 500) i;"
             "ANALYZE")
    return pair


def bench(*args, timeout=120):
    return run_load(*args, subcommand="bench", timeout=timeout)


def report(result):
    """The one JSON object on stdout."""
    lines = result.out.splitlines()
    assert len(lines) == 1, result
    return json.loads(lines[0])


def state(pair):
    """What a bench must leave as it is on the destination."""
    return pair.dst("SELECT relname, relfilenode, (SELECT sum(n_tup_ins) FROM pg_stat_user_tables)"
                    " FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1;"
                    "SELECT last_value, is_called FROM odd_id_seq;"
                    "SELECT last_value, is_called FROM odd_extra_seq; SELECT count(*) FROM t;"
                    "SELECT nspname FROM pg_namespace ORDER BY 1")


def test_the_rules_of_a_job_file(some, tmp_path):
    """Places, names and computed columns are those of the load; the filters are left aside."""
    some.dst("CREATE SCHEMA s; CREATE TABLE s.big (k int, id bigint, w text, half bigint NOT NULL)")
    path = tmp_path / "job.yaml"
    path.write_text(json.dumps({"version": 1, "tables": {"public.t": {
        "where": "id < 10", "to": {"schema": "s", "table": "big"}, "chunk-size": "64kB",
        "columns": {"v": {"rename": "w"}, "half": {"expression": "id / 2"}}}}}))
    result = bench(*some.args("--config", str(path), "-t", "public.t", *QUICK))
    assert result.status == 0, result
    assert [p["stage"] for p in report(result)["points"]] == ["source", "destination", "both"]
    path.write_text(json.dumps({"version": 1, "tables": {"public.t": {"columns": {"v": {"expression": "nonsense("}}}}}))
    result = bench(*some.args("--config", str(path), "-t", "public.t", *QUICK))
    assert result.status == 2 and "job.yaml:1: column" in result.text, result
    for side, name in (("source", some.source_dsn), ("destination", some.destination_dsn)):
        result = bench(f"--{side}", name, "--config", str(path), "-t", "public.t", "--only", side, *QUICK)
        assert result.status == 0, result
    assert some.dst("SELECT count(*) FROM s.big") == "0"


def test_all_stages_and_a_sweep(some):
    before = state(some)
    result = bench(*some.args("--repeat", "2", "--sweep-jobs", "2,1", "--sweep-chunk", "1MB,4MB", "--json"))
    assert result.status == 0, result
    got = report(result)
    points = [(p["stage"], p["chunk_bytes"], p["streams"]) for p in got["points"]]
    assert points == [(stage, chunk << 20, streams) for stage in ("source", "destination", "both")
                      for chunk in (1, 4) for streams in (1, 2)]
    for p in got["points"]:
        assert len(p["runs"]) == 2
        assert p["bytes_per_s_min"] <= p["bytes_per_s"] <= p["bytes_per_s_max"]
        assert all(r["bytes"] > 0 and r["seconds"] > 0 for r in p["runs"])
        if p["stage"] != "destination":
            assert [r["rows"] for r in p["runs"]] == [200500, 200500]
    assert sum(p["knee"] for p in got["points"]) == 3
    best = got["recommended"]
    assert best["stage"] == "both"
    assert f"-j {best['jobs']} --chunk-size {best['chunk_bytes'] >> 20}MB" in best["command"]
    assert got["error"] is None and got["exit_status"] == 0
    assert state(some) == before
    assert some.src("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sluice%'") == ""


def test_both_moves_the_rows_into_tables_of_its_own(some):
    """A check on the scratch table that no row passes: so rows do arrive there, and constraints do."""
    some.dst("ALTER TABLE odd ADD CHECK (n < 40)")
    result = bench(*some.args("--only", "both", *QUICK))
    assert result.status == 1, result
    assert "odd_n_check1" in result.err and "like public.odd" in result.err
    assert some.dst(SCRATCH) == "0"
    assert some.dst("SELECT count(*) FROM odd") == "0"


def test_source_alone_needs_no_destination(some):
    result = bench("--source", some.source_dsn, "--only", "source", *QUICK)
    assert result.status == 0, result
    got = report(result)
    assert got["destination"] is None
    assert [p["stage"] for p in got["points"]] == ["source"]
    assert got["points"][0]["runs"][0]["rows"] == 200500


def test_a_reader_may_measure_the_source(some):
    some.role(some.source, "bench_reader")
    some.src("GRANT SELECT ON t TO bench_reader")
    dsn = some.source.dsn(some.source_db, "bench_reader")
    assert bench("--source", dsn, "--only", "source", "-t", "t", *QUICK).status == 0
    refused = bench("--source", dsn, "--only", "source", *QUICK)
    assert refused.status == 3, refused
    assert "public.odd" in refused.err and "public.t;" not in refused.err


def test_the_part_is_bounded(some):
    whole = report(bench("--source", some.source_dsn, "--only", "source", "-t", "t", *QUICK))
    part = report(bench("--source", some.source_dsn, "--only", "source", "-t", "t", *QUICK,
                        "--bench-bytes", "2MB", "--chunk-size", "256kB"))
    assert whole["measured_bytes"] == whole["tables_bytes"] > 8 << 20
    assert 2 << 20 <= part["measured_bytes"] < 3 << 20
    rows = part["points"][0]["runs"][0]["rows"]
    assert 200000 * 2 // 18 < rows < 200000 // 4


def test_the_part_of_a_table_that_cannot_be_cut(some):
    some.src("CREATE TABLE keyless AS SELECT id, v FROM t; ANALYZE keyless")
    result = bench("--source", some.source_dsn, "--only", "source", "-t", "keyless", *QUICK,
                   "--bench-bytes", "2MB", "--chunk-size", "256kB", "--chunk-by", "key")
    assert result.status == 0, result
    assert 200000 // 20 < report(result)["points"][0]["runs"][0]["rows"] < 200000 // 4


def test_destination_alone_makes_rows_up_for_empty_tables(some):
    before = state(some)
    result = bench("--destination", some.destination_dsn, "--only", "destination", *QUICK,
                   "--bench-bytes", "8MB")
    assert result.status == 0, result
    got = report(result)
    assert got["source"] is None and got["rows_made_up"]
    assert 8 << 20 <= got["points"][0]["runs"][0]["bytes"] < 9 << 20
    assert state(some) == before


def test_destination_alone_takes_its_own_rows(some):
    some.dst("INSERT INTO t SELECT i, 1, 'v' FROM generate_series(1, 10) i")
    result = bench("--destination", some.destination_dsn, "--only", "destination", *QUICK,
                   "--bench-bytes", "2MB")
    assert result.status == 0, result
    got = report(result)
    assert not got["rows_made_up"]
    assert sorted(got["warnings"]) == [f"table public.{t} is empty and is left out" for t in ("empty", "odd")]
    run = got["points"][0]["runs"][0]
    # A row is 2 bytes of count and 4 of length for each of 8, 4 and 1 bytes.
    assert run["bytes"] == run["rows"] * 27 and run["bytes"] >= 2 << 20


def test_destination_with_the_sources_rows(some):
    for form in ("binary", "text"):
        result = bench(*some.args("--only", "destination", *QUICK, "-t", "t", "--format", form))
        assert result.status == 0, result
        assert report(result)["points"][0]["runs"][0]["rows"] > 100000
    assert some.dst("SELECT count(*) FROM t") == "0"


def test_with_indexes_leaves_unique_ones_out(some):
    result = bench(*some.args("--only", "both", "--with-indexes", *QUICK))
    assert result.status == 0, result
    got = report(result)
    assert got["with_indexes"]
    assert got["warnings"] == ["2 unique indexes are left out of the scratch tables"]


def test_text_report(some):
    result = bench(*some.args("--repeat", "1", "--sweep-jobs", "1", "-q", "-t", "t"))
    assert result.status == 0, result
    assert result.err == ""
    for words in ("Source alone", "Destination alone", "Both together", "knee",
                  "sluice load --source ... --destination ... -t t -j 1"):
        assert words in result.out, result


def test_binary_and_text_rows_wider_than_a_batch(pair):
    pair.both("CREATE TABLE wide (v text)")
    pair.src("INSERT INTO wide SELECT repeat(md5(i::text), 20000) FROM generate_series(1, 12) i")
    for form in ("binary", "text"):
        result = bench(*pair.args(*QUICK, "--format", form, "--bench-bytes", "4MB"))
        assert result.status == 0, result


# --- ends ---


def wait_for(pair, condition, running, seconds=20):
    end = time.monotonic() + seconds
    while pair.dst(condition) != "t":
        assert running.running() and time.monotonic() < end, running.wait(5)
        time.sleep(0.05)


def slow(pair, jobs="2"):
    """A bench that is long in its first measurement of both sides together."""
    pair.dst("CREATE FUNCTION slowly(int) RETURNS boolean LANGUAGE sql VOLATILE"
             " AS 'SELECT pg_sleep(0.01) IS NOT NULL'; ALTER TABLE t ADD CHECK (slowly(k))")
    running = start_load(*pair.args("--only", "both", "-t", "t", "--sweep-jobs", jobs), subcommand="bench")
    wait_for(pair, f"SELECT count(*) = {jobs[0]} FROM pg_stat_activity WHERE application_name LIKE"
                   " 'sluice_bench_%/writer-%' AND query LIKE '%COPY%' AND state = 'active'", running)
    return running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drops_the_scratch_schema(some, number):
    running = slow(some)
    assert some.dst(SCRATCH) == "1"
    running.send(number)
    result = running.wait(30)
    assert result.status == 5, result
    assert result.seconds < 60
    assert "stopped by a signal" in result.err
    assert "Both together" in result.out
    assert some.dst(SCRATCH) == "0", result
    assert some.dst("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice%'") == "0"


def test_a_second_signal_ends_the_wait_for_the_drop(some):
    running = slow(some)
    schema = some.dst("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sluice\\_bench\\_%'")
    blocker = some.destination.connect(some.destination_db)
    try:
        blocker.cursor().execute(f"BEGIN; LOCK TABLE {schema}.t0 IN ACCESS SHARE MODE")
        running.send(signal.SIGINT)
        wait_for(some, "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'DROP SCHEMA%'"
                       " AND wait_event_type = 'Lock'", running)
        running.send(signal.SIGINT)
        result = running.wait(10)
    finally:
        blocker.close()
    assert result.status == 5, result
    assert f"DROP SCHEMA {schema} CASCADE" in result.out
    assert "second signal" in result.out
    # The statement was sent, so it may still happen when the lock comes.
    some.dst("ALTER TABLE t DROP CONSTRAINT t_k_check")
    assert bench(*some.args("--only", "both", *QUICK)).status == 0
    assert some.dst(SCRATCH) == "0"


def test_what_was_measured_before_the_signal_is_printed(some):
    running = start_load(*some.args("--sweep-jobs", "1", "--repeat", "25", "--json"), subcommand="bench")
    end = time.monotonic() + 60
    while "both" not in running.stderr() and time.monotonic() < end:
        time.sleep(0.02)
    running.send(signal.SIGINT)
    result = running.wait(30)
    assert result.status == 5, result
    got = report(result)
    assert got["exit_status"] == 5 and got["error"] == "stopped by a signal"
    assert {p["stage"] for p in got["points"]} == {"source", "destination", "both"}
    assert got["recommended"]["jobs"] == 1
    assert some.dst(SCRATCH) == "0"


def test_a_stop_before_everything_was_measured_recommends_nothing(some):
    """The destination is slow, so the signal comes in its first measurement."""
    some.dst("CREATE FUNCTION slowly(int) RETURNS boolean LANGUAGE sql VOLATILE"
             " AS 'SELECT pg_sleep(0.01) IS NOT NULL'; ALTER TABLE t ADD CHECK (slowly(k))")
    for form in (("--json",), ()):
        running = start_load(*some.args("--sweep-jobs", "1,2", "-t", "t", "--bench-bytes", "1MB", *form),
                             subcommand="bench")
        end = time.monotonic() + 60
        while "source, 2 streams" not in running.stderr() and time.monotonic() < end:
            time.sleep(0.02)
        running.send(signal.SIGINT)
        result = running.wait(30)
        assert result.status == 5, result
        missing = "nothing is recommended, as not everything was measured; missing: all of destination, all of both"
        if form:
            got = report(result)
            assert got["recommended"] is None and got["warnings"] == [missing]
            assert [p["streams"] for p in got["points"]] == [1, 2]
            assert sum(p["knee"] for p in got["points"]) == 1
        else:
            assert f"warning: {missing}\n" in result.out, result
            assert "Recommended" not in result.out and result.out.count("knee") == 1, result


def test_a_part_that_is_not_all_measured_has_no_knee(some):
    running = slow(some, "1,2")
    running.send(signal.SIGINT)
    result = running.wait(30)
    assert result.status == 5, result
    assert "knee" not in result.out and "Recommended" not in result.out, result
    assert "missing: all of both\n" in result.out, result


def test_tables_without_rows_have_no_rate(some):
    result = bench(*some.args("--only", "source", "-t", "empty", "--sweep-jobs", "1", "--repeat", "2", "--json"))
    assert result.status == 2 and "no rows" in result.err, result
    got = report(result)
    assert got["points"] == [] and got["recommended"] is None
    assert got["warnings"] == ["nothing is recommended, as not everything was measured; missing: all of source"]


def test_a_killed_run_is_tidied_up_by_the_next(some):
    running = slow(some)
    running.kill()
    wait_end = time.monotonic() + 30
    while some.dst("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice/bench'") != "0":
        assert time.monotonic() < wait_end
        time.sleep(0.1)
    # The writers are slow, and do not notice that the loader has gone.
    assert some.dst("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice_%/writer%'") == "2"
    left = some.dst("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sluice\\_bench\\_%'")
    assert left
    some.dst("ALTER TABLE t DROP CONSTRAINT t_k_check")
    result = bench(*some.args("--only", "both", *QUICK))
    assert result.status == 0, result
    assert f"dropped schema {left}" in result.err
    assert some.dst(SCRATCH) == "0"


def test_another_bench_that_runs_is_left_alone(some):
    running = slow(some)
    result = bench(*some.args("--only", "destination", "-t", "empty", "-t", "odd", *QUICK))
    assert result.status == 0, result
    assert "dropped" not in result.err
    assert running.running() and some.dst(SCRATCH) == "1"
    running.send(signal.SIGINT)
    assert running.wait(30).status == 5
    assert some.dst(SCRATCH) == "0"


def test_no_right_to_make_a_schema(some):
    some.role(some.destination, "bench_writer")
    some.dst("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO bench_writer")
    dsn = some.destination.dsn(some.destination_db, "bench_writer")
    result = bench("--source", some.source_dsn, "--destination", dsn, *QUICK)
    assert result.status == 3, result
    assert "GRANT CREATE ON DATABASE" in result.err
    some.dst(f"GRANT CREATE ON DATABASE {some.destination_db} TO bench_writer")
    assert bench("--source", some.source_dsn, "--destination", dsn, *QUICK).status == 0
    some.dst("REVOKE SELECT ON odd FROM bench_writer")
    result = bench("--source", some.source_dsn, "--destination", dsn, *QUICK)
    assert result.status == 3, result
    assert "public.odd" in result.err and "SELECT" in result.err
    assert some.dst(SCRATCH) == "0"
    some.dst(f"REVOKE ALL ON DATABASE {some.destination_db} FROM bench_writer;"
             "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM bench_writer")


def test_refusals(some):
    for args, status, words in (
            (some.args("-t", "nope"), 2, "nope"),
            (some.args("-t", "empty"), 2, "no rows"),
            (some.args("--sweep-jobs", "200"), 2, "free connections"),
            (some.args("--sweep-jobs", "0"), 2, "--sweep-jobs"),
            (some.args("--sweep-jobs", "1,,2"), 2, "--sweep-jobs"),
            (some.args("--sweep-chunk", "8"), 2, "--sweep-chunk"),
            (some.args("--repeat", "26"), 2, "--repeat"),
            (some.args("--bench-bytes", "1kB"), 2, "--bench-bytes"),
            (some.args("--only", "nothing"), 2, "--only"),
            (some.args("--mode", "append"), 2, "--mode"),
            (("--repeat", "1"), 2, "neither --source nor --destination"),
            (("--source", "host=127.0.0.1 port=1 dbname=x user=y", "--only", "source"), 4, "")):
        result = bench(*args)
        assert result.status == status and words in result.err, result
        assert some.dst(SCRATCH) == "0"
    some.dst("DROP TABLE empty")
    result = bench(*some.args(*QUICK))
    assert result.status == 2 and "public.empty does not exist on the destination" in result.err, result
