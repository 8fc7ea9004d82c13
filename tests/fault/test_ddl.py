"""Statements that would move tables under the load, and a source that restarts under a writer."""

import re
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

from support import faults, sluice
from support.faults import wait_until
from support.pgproxy import TO_CLIENT, HoldCopy, PgProxy

READERS = "/reader-"

STATEMENTS = {
    "VACUUM FULL": "VACUUM (FULL) fault.account",
    "CLUSTER": "CLUSTER fault.account USING account_pkey",
    "TRUNCATE": "TRUNCATE fault.entry",
    "ALTER TABLE, rewriting": "ALTER TABLE fault.\"Document\" ALTER id TYPE bigint",
    "ALTER TABLE, adding a column": "ALTER TABLE fault.account ADD more int DEFAULT 7",
    "ALTER TABLE, dropping a column": "ALTER TABLE fault.entry DROP memo",
    "ALTER TABLE of a partition": "ALTER TABLE fault.event_new ADD CHECK (at >= 0)",
    "detaching a partition": "ALTER TABLE fault.event DETACH PARTITION fault.event_old",
    "DROP": "DROP TABLE fault.tiny",
}


class Statement:
    """One statement in a session and thread of its own."""

    def __init__(self, pair, number, sql):
        self.app = f"ddl-{number}"
        self.error = None
        self.done = threading.Event()
        self._pair, self._sql = pair, sql
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        conn = self._pair.source.connect(self._pair.source_db, application_name=self.app)
        try:
            with conn.cursor() as cur:
                cur.execute(self._sql)
        except psycopg2.Error as error:
            self.error = error
        finally:
            self.done.set()
            conn.close()

    def cancel(self):
        self._pair.source.query("postgres", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                                " WHERE application_name = %s", (self.app,))

    def waits(self):
        return len(faults.blocked_backends(self._pair.source, self.app)) == 1


def hold_and_issue(source_proxied, statements, after=600000):
    """A load that stands still in the middle of its reading, and statements that wait for it."""
    rule = source_proxied.proxy.add(HoldCopy(TO_CLIENT, after=after))
    load = source_proxied.start()
    assert rule.fired_event.wait(60), load.stderr()
    issued = [Statement(source_proxied.pair, n, sql) for n, sql in enumerate(statements)]
    for each in issued:
        wait_until(each.waits, f"{each.app} to wait for the load's lock", seconds=20)
    return rule, load, issued


def finish(source_proxied, rule, load, issued):
    assert load.running()
    rule.release.set()
    result = load.wait(60)
    assert result.status == 0, result
    for each in issued:
        assert each.done.wait(60), f"{each.app} still waits after the load"
    source_proxied.assert_exact()


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_waits_for_the_load(source_proxied, name):
    rule, load, issued = hold_and_issue(source_proxied, [STATEMENTS[name]])
    assert not issued[0].done.is_set()
    finish(source_proxied, rule, load, issued)
    assert issued[0].error is None


def test_all_statements_wait_together(source_proxied):
    """Some of them make others fail afterwards; the load must not care."""
    rule, load, issued = hold_and_issue(source_proxied, list(STATEMENTS.values()))
    finish(source_proxied, rule, load, issued)


def cancel_if_stuck(load, issued, seconds=8):
    """Ends the statements when the load does not get by them; the operator would do the same."""
    try:
        load.process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"the load waits behind the statements; it said: {load.stderr()}")
        for each in issued:
            each.cancel()


def test_statements_wait_while_a_loader_is_dead(source_proxied):
    """The holder keeps the locks between the kill and the resume.

    PostgreSQL puts the resumed readers' locks behind the waiting statements, which wait for the
    holder: nobody can go on until these are cancelled. A signal must end the wait, a cancellation too.
    """
    rule, load, issued = hold_and_issue(
        source_proxied, [STATEMENTS["TRUNCATE"], STATEMENTS["VACUUM FULL"]])
    load.kill()
    rule.release.set()
    time.sleep(0.5)
    assert not any(each.done.is_set() for each in issued)
    for each in issued:
        assert each.waits()
    stopped = source_proxied.start()
    time.sleep(2)
    stopped.send(signal.SIGTERM)
    assert stopped.wait(30).status in (0, 5), stopped.result
    resumed = source_proxied.start()
    cancel_if_stuck(resumed, issued)
    assert resumed.wait(faults.PATIENCE).status == 0, resumed.result
    for each in issued:
        assert each.done.wait(60)
    source_proxied.assert_exact()


def test_reader_comes_back_while_statements_wait(source_proxied):
    """A lock asked for anew queues behind the waiting statement, which waits for this very job."""
    rule, load, issued = hold_and_issue(source_proxied, [STATEMENTS["VACUUM FULL"]])
    readers = source_proxied.proxy.sessions(READERS)
    assert source_proxied.proxy.cut_all(app=re.escape(readers[0]) + "$") == 1
    rule.release.set()
    cancel_if_stuck(load, issued)
    result = load.wait(faults.PATIENCE)
    assert result.status == 0, result
    assert issued[0].done.wait(60)
    source_proxied.assert_exact()


# --- a source that restarts under a writer ---


class Restarted:
    """A load that stood still when its source crashed, and what was known about it."""

    def __init__(self, own_lab, rng, mode_options=()):
        self.pair = faults.small_pair(own_lab)
        self.rng = rng
        self.job = "restarted"
        self.options = mode_options
        self.proxy = PgProxy(self.pair.source.port)
        self.traffic = self.snapshots = None

    def __enter__(self):
        pair = self.pair
        self.proxy.start()
        self.source = faults.through(pair.lab, self.proxy, pair.source, pair.source_db)
        self.snapshots = faults.Snapshots(pair.source, pair.source_db, pair.destination,
                                          pair.destination_db, self.job).__enter__()
        self.traffic = faults.Traffic(pair.source, pair.source_db, self.rng).__enter__()
        return self

    def __exit__(self, *_):
        self.traffic.__exit__()
        self.proxy.stop()
        self.snapshots.__exit__()
        self.pair.close()
        assert self.proxy.errors == []

    def command(self, *more):
        return ("--source", self.source, "--destination", self.pair.destination_dsn,
                *faults.SMALL_OPTIONS, "--job", self.job, *self.options, *more)

    def query(self, sql):
        return self.pair.destination.query(self.pair.destination_db, sql, {"job": self.job})

    def crash(self):
        """Loads until the readers stand still, crashes and starts the source; the load's end."""
        rule = self.proxy.add(HoldCopy(TO_CLIENT, after=3_500_000))
        load = sluice.start_load(*self.command())
        assert rule.fired_event.wait(60), load.stderr()
        wait_until(self.snapshots.pinned, "the snapshot in the ledger")
        self.snapshots.remember()
        self.pair.source.stop("immediate")
        self.pair.source.start()
        self.proxy.clear()
        return load.wait(faults.PATIENCE)

    def unfinished(self):
        """Names of the tables with a chunk that is not done."""
        rows = self.query(
            "SELECT DISTINCT t.source_schema || '.' || t.source_name FROM sluice.job_table t"
            " JOIN sluice.chunk c USING (job, table_no) LEFT JOIN sluice.chunk_done d"
            " USING (job, table_no, chunk_no) WHERE t.job = %(job)s AND d.finished_at IS NULL")
        return {name for name, in rows}

    def started(self):
        """Names of the tables with a chunk that is done."""
        rows = self.query(
            "SELECT DISTINCT t.source_schema || '.' || t.source_name FROM sluice.job_table t"
            " JOIN sluice.chunk_done d USING (job, table_no)"
            " WHERE t.job = %(job)s AND d.finished_at IS NOT NULL")
        return {name for name, in rows}

    def assert_two_snapshots(self, result):
        """Every table equals one of the snapshots, the ledger knows which, the summary names it."""
        rows = self.query(
            "SELECT t.source_schema, t.source_name, s.visible FROM sluice.job_table t"
            " JOIN sluice.snapshot s USING (job, snapshot_no) WHERE t.job = %(job)s")
        there = faults.fingerprints_now(self.pair.destination, self.pair.destination_db)
        for schema, name, visible in rows:
            wanted = self.snapshots.fingerprints(visible)
            assert wanted is not None, f"snapshot {visible} of {schema}.{name} was never pinned"
            assert wanted[schema, name] == there[schema, name], (schema, name, visible)
        used = {visible for _, _, visible in rows}
        for visible in used:
            assert visible in result.text, result
        return used


def test_source_restarts(own_lab, loader, rng):
    with Restarted(own_lab, rng) as this:
        for result in (this.crash(), sluice.run_load(*this.command())):
            unfinished = this.unfinished()
            assert unfinished, "the load was already done; hold it earlier"
            assert result.status == 1, result
            assert "--on-lost-snapshot" in result.text, result
            for name in unfinished:
                assert name.split(".")[1] in result.text, (name, result)


def test_source_restarts_and_tables_too(own_lab, loader, rng):
    with Restarted(own_lab, rng, ("--on-lost-snapshot", "restart-tables")) as this:
        result = this.crash()
        if result.status in (1, 5):
            result = sluice.run_load(*this.command())
        assert result.status == 0, result
        print(f"snapshots used: {this.assert_two_snapshots(result)}")


def test_source_restarts_under_fail_then_restart_tables(own_lab, loader, rng):
    """The choice may be made afterwards; finished tables stay and are named as older."""
    with Restarted(own_lab, rng) as this:
        assert this.crash().status == 1
        finished = this.started() - this.unfinished()
        result = sluice.run_load(*this.command("--on-lost-snapshot", "restart-tables"))
        assert result.status == 0, result
        used = this.assert_two_snapshots(result)
        assert len(used) == (2 if finished else 1)


def test_append_refuses_to_restart_tables(own_lab, loader, rng):
    """Rows that were there before cannot be told from the job's, so nothing is emptied."""
    with Restarted(own_lab, rng, ("--mode", "append")) as this:
        this.pair.dst("INSERT INTO fault.account (id, balance) VALUES (-1, 1), (-2, 2);"
                      "INSERT INTO fault.entry (memo) VALUES ('was here');"
                      "INSERT INTO fault.\"Document\" VALUES (-1, 'was here')")
        assert this.crash().status == 1
        half_done = this.started() & this.unfinished()
        assert half_done, "no table was half done; hold it elsewhere"
        result = sluice.run_load(*this.command("--on-lost-snapshot", "restart-tables"))
        assert result.status in (1, 2), result
        for name in half_done - {"fault.event_old", "fault.event_new"}:
            assert name.split(".")[1] in result.text, (name, result)
        assert this.pair.dst("SELECT count(*) FROM fault.account WHERE id < 0") == "2"
        assert this.pair.dst("SELECT count(*) FROM fault.entry WHERE memo = 'was here'") == "1"
