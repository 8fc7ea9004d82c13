"""The judges of the fault tests: would they notice? Without the program, with a ledger written by hand."""

import pytest

from support import faults
from support.faults import Snapshots, Traffic, judge, wait_until

LEDGER = "CREATE SCHEMA sluice; CREATE TABLE sluice.snapshot (job text, snapshot_id text, visible text)"


@pytest.fixture
def tiny_pair(lab):
    pair = faults.small_pair(lab, megabytes=1)
    yield pair
    pair.close()


@pytest.fixture
def exporter(tiny_pair):
    """A transaction that exports its snapshot, and the snapshot's two names."""
    conn = tiny_pair.source.connect(tiny_pair.source_db)
    with conn.cursor() as cur:
        cur.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot(),"
                    " pg_current_snapshot()::text")
        yield cur.fetchone()
    conn.close()


def snapshots_of(pair):
    return Snapshots(pair.source, pair.source_db, pair.destination, pair.destination_db, "j")


def test_pinned_snapshot_outlives_traffic_and_its_exporter(tiny_pair, exporter, rng):
    before = faults.fingerprints_now(tiny_pair.source, tiny_pair.source_db)
    tiny_pair.dst(LEDGER)
    with snapshots_of(tiny_pair) as snapshots:
        tiny_pair.dst(f"INSERT INTO sluice.snapshot VALUES ('j', '{exporter[0]}', '{exporter[1]}')")
        wait_until(snapshots.pinned, "the snapshot")
        with Traffic(tiny_pair.source, tiny_pair.source_db, rng) as traffic:
            wait_until(lambda: traffic.statements > 100, "some traffic")
        assert faults.fingerprints_now(tiny_pair.source, tiny_pair.source_db) != before
        assert snapshots.fingerprints(exporter[1]) == before


def test_snapshot_with_another_identity_is_not_taken(tiny_pair, exporter):
    tiny_pair.dst(LEDGER)
    with snapshots_of(tiny_pair) as snapshots:
        tiny_pair.dst(f"INSERT INTO sluice.snapshot VALUES ('j', '{exporter[0]}', '1:1:')")
        # A right one beside it shows when the wrong one has been looked at.
        tiny_pair.dst(f"INSERT INTO sluice.snapshot VALUES ('j', '{exporter[0]}', '{exporter[1]}')")
        wait_until(snapshots.pinned, "the snapshot")
        assert snapshots.fingerprints("1:1:") is None


def test_traffic_survives_a_lost_session(tiny_pair, rng):
    with Traffic(tiny_pair.source, tiny_pair.source_db, rng) as traffic:
        tiny_pair.src("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                      " WHERE datname = current_database() AND pid <> pg_backend_pid()")
        seen = traffic.statements
        wait_until(lambda: traffic.statements > seen + 10, "more traffic")


@pytest.mark.parametrize("change", [
    "DELETE FROM fault.tiny WHERE id = 1",
    "INSERT INTO fault.entry SELECT * FROM fault.entry LIMIT 1",
    "UPDATE fault.account SET balance = balance + 1 WHERE id = 7",
    "DELETE FROM fault.event_old WHERE ctid = '(0,1)'",
    "DELETE FROM fault.event_old WHERE ctid = '(0,1)'; INSERT INTO fault.event VALUES (1, '0')",
])
def test_judge_notices(tiny_pair, change):
    before = faults.fingerprints_now(tiny_pair.source, tiny_pair.source_db)
    tiny_pair.src(change)
    after = faults.fingerprints_now(tiny_pair.source, tiny_pair.source_db)
    problems = [p for key in before for p in judge(key[1], before[key], after[key], after[key][0])]
    assert len(problems) == 1


def test_judge_notices_a_wrong_ledger():
    assert judge("t", (5, 1), (5, 1), 5) == []
    assert len(judge("t", (5, 1), (5, 1), 4)) == 1
