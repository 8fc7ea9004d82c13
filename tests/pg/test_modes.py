"""What happens to rows that are there already; running a command again; jobs and their names."""

import os
import signal
import time

import pytest

pytestmark = pytest.mark.usefixtures("loader")


@pytest.fixture
def small(pair):
    pair.both("CREATE TABLE t (a int PRIMARY KEY, v text); CREATE TABLE u (a int)")
    pair.src("INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) i;"
             "INSERT INTO u SELECT generate_series(1, 10)")
    return pair


def count(pair, table="t"):
    return int(pair.dst(f"SELECT count(*) FROM {table}"))


# --- modes ---


def test_error_refuses_rows_that_are_there(small):
    small.dst("INSERT INTO t VALUES (-1, 'mine')")
    result = small.load()
    assert result.status == 2, result
    assert "public.t" in result.text and "public.u" not in result.err
    assert count(small) == 1 and count(small, "u") == 0


def test_append_adds(small):
    small.dst("INSERT INTO t VALUES (-1, 'mine')")
    result = small.load("--mode", "append")
    assert result.status == 0, result
    assert count(small) == 1001 and small.dst("SELECT v FROM t WHERE a = -1") == "mine"


def test_truncate_replaces(small):
    small.dst("INSERT INTO t VALUES (-1, 'mine'), (5, 'old')")
    result = small.load("--mode", "truncate")
    assert result.status == 0, result
    assert small.differences() == []


def test_truncate_names_a_table_that_refers_from_outside(small):
    small.dst("CREATE TABLE outside (t int REFERENCES t); INSERT INTO t VALUES (1, 'x'); INSERT INTO outside VALUES (1)")
    result = small.load("--mode", "truncate")
    assert result.status == 2, result
    assert "outside" in result.text
    assert count(small) == 1 and count(small, "outside") == 1


def test_truncate_of_tables_that_refer_to_each_other(pair):
    pair.both("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p);"
              "INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1)")
    result = pair.load("--mode", "truncate")
    assert result.status == 0, result
    assert pair.differences() == []


def test_truncate_of_a_parent_leaves_other_children_alone(pair):
    """TRUNCATE of an inheritance parent takes the children's rows too, unless it says ONLY."""
    pair.both("CREATE TABLE animal (id int); CREATE TABLE dog () INHERITS (animal)")
    pair.src("INSERT INTO animal VALUES (1)")
    pair.dst("INSERT INTO dog VALUES (7); INSERT INTO animal VALUES (9)")
    result = pair.load("-t", "animal", "--mode", "truncate")
    assert result.status == 0, result
    assert pair.dst("SELECT id FROM ONLY animal") == "1"
    assert count(pair, "dog") == 1


# --- the same command again ---


def test_a_finished_job_run_again_does_nothing(small):
    assert small.load().status == 0
    small.src("INSERT INTO t VALUES (5000, 'later')")
    result = small.load()
    assert result.status == 0, result
    assert count(small) == 1000


def test_a_finished_job_whose_table_was_emptied(small):
    assert small.load().status == 0
    small.dst("TRUNCATE t")
    result = small.load()
    assert result.status == 2, result
    assert "--restart" in result.text and "public.t" in result.text


@pytest.mark.parametrize("other, word", [
    (("--mode", "append"), "mode"), (("--format", "text"), "format"), (("--chunk-size", "1MB"), "chunk"),
])
def test_the_same_job_otherwise_is_refused(small, other, word):
    assert small.load().status == 0
    result = small.load(*other)
    assert result.status == 2, result
    assert word in result.text.lower()


def test_restart_applies_the_mode_as_on_day_one(small):
    assert small.load().status == 0
    refused = small.load("--restart")
    assert refused.status == 2 and "public.t" in refused.text, refused
    result = small.load("--restart", "--mode", "truncate")
    assert result.status == 0, result
    assert small.differences() == []


def test_another_selection_is_another_job(small):
    assert small.load("-t", "t").status == 0
    assert count(small, "u") == 0
    assert small.load("-t", "u").status == 0
    assert small.differences() == []
    assert small.dst("SELECT count(*) FROM sluice.job") == "2"


def test_a_job_by_name(small):
    assert small.load("--job", "nightly run").status == 0
    assert small.dst("SELECT job FROM sluice.job") == "nightly run"
    assert small.load("--job", "nightly run").status == 0


def test_another_ledger_schema(small):
    assert small.load("--ledger-schema", 'my "ledger"').status == 0
    assert small.ledger_exists('my "ledger"') and not small.ledger_exists("sluice")
    assert small.differences() == []


# --- stopping ---


@pytest.fixture
def slow(pair):
    """A load of some seconds: a trigger that waits makes each row of the destination slow."""
    pair.both("CREATE TABLE t (a int PRIMARY KEY, pad text)")
    pair.src("INSERT INTO t SELECT i, repeat('p', 800) FROM generate_series(1, 2000) i")
    pair.dst("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
             " 'BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END';"
             "CREATE TRIGGER wait BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION wait()")
    return pair


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


SLOW_LOAD = ("--triggers", "keep", "--chunk-size", "64kB", "-j", "2")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_the_same_command_resumes(slow, number):
    """Rows that were read already may still go in: the load is longer than the time for that."""
    slow.dst("CREATE OR REPLACE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
             " 'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END'")
    load = slow.start(*SLOW_LOAD)
    wait_until(lambda: slow.chunks_done() >= 1)
    load.send(number)
    started = time.monotonic()
    result = load.wait(15)
    assert result.status == 5, result
    assert time.monotonic() - started < 8
    assert "again" in result.text
    assert 0 < slow.chunks_done() < int(slow.dst("SELECT count(*) FROM sluice.chunk"))
    slow.dst("DROP TRIGGER wait ON t")
    result = slow.load(*SLOW_LOAD)
    assert result.status == 0, result
    assert slow.differences() == []


def test_a_second_signal_aborts_at_once(slow):
    load = slow.start("--triggers", "keep")  # one chunk: rolling it back is the only quick way
    wait_until(lambda: "COPY" in slow.dst("SELECT string_agg(query, ' ') FROM pg_stat_activity"
                                          " WHERE application_name LIKE 'sluice/%' AND state = 'active'"))
    load.send(signal.SIGINT)
    time.sleep(0.3)
    if load.running():
        load.send(signal.SIGINT)
    started = time.monotonic()
    result = load.wait(10)
    assert result.status in (5, 130, -signal.SIGINT), result
    assert time.monotonic() - started < 5
    assert count(slow) == 0


def test_the_same_job_in_two_shells(slow):
    slow.dst("CREATE OR REPLACE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
             " 'BEGIN PERFORM pg_sleep(0.006); RETURN NEW; END'")
    first = slow.start(*SLOW_LOAD)
    wait_until(lambda: slow.chunks_done() >= 1)
    second = slow.load(*SLOW_LOAD)
    assert second.status == 8, second
    assert "running" in second.text
    assert first.wait().status == 0
    assert slow.differences() == []


def test_no_process_is_left_after_a_load(small):
    from support.sluice import leftovers

    assert small.load().status == 0
    deadline = time.monotonic() + 5
    while leftovers(small.lab.ports()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert leftovers(small.lab.ports()) == []
    assert small.source.backends("sluice/%") == [] and small.destination.backends("sluice/%") == []


def test_the_holder_survives_a_kill_and_the_snapshot_is_resumed(slow):
    from support.sluice import holders

    load = slow.start(*SLOW_LOAD)
    wait_until(lambda: slow.chunks_done() >= 1)
    load.kill()
    slow.src("DELETE FROM t WHERE a % 2 = 0; INSERT INTO t VALUES (99999, NULL)")
    assert holders(slow.lab.ports())
    result = slow.load(*SLOW_LOAD)
    assert result.status == 0, result
    assert slow.dst("SELECT count(*), max(a) FROM t") == "2000|2000"


def test_hold_snapshot_zero_leaves_no_holder(slow):
    from support.sluice import holders

    load = slow.start(*SLOW_LOAD, "--hold-snapshot", "1s")
    wait_until(lambda: slow.chunks_done() >= 1)
    load.kill()
    wait_until(lambda: not holders(slow.lab.ports()), 10)
    result = slow.load(*SLOW_LOAD)
    assert result.status == 1, result
    assert "snapshot" in result.text and "public.t" in result.text
    result = slow.load(*SLOW_LOAD, "--on-lost-snapshot", "restart-tables")
    assert result.status == 0, result
    assert slow.differences() == []


def test_application_names(slow):
    load = slow.start(*SLOW_LOAD, "--job", "named job")
    wait_until(lambda: slow.chunks_done() >= 1)
    for cluster in (slow.source, slow.destination):
        assert cluster.backends("sluice/named_job-%")
    os.kill(load.pid, signal.SIGINT)
    load.wait()
