"""A transaction that fails is sent again from memory or disk; the source is asked again only when the
rows could not be kept, and then it is said."""

import pytest

from support import faults, sluice
from support.faults import rounds
from support.pgproxy import TO_SERVER, CutCopy, PgProxy
from support.spilling import SpillSite

MEGABYTES = 20


@pytest.fixture(scope="module")
def spill_site(loader, own_lab):
    return SpillSite(own_lab, MEGABYTES)


@pytest.fixture
def job(spill_site, tmp_path):
    with spill_site.job(tmp_path, early=False) as made:
        made.spills = False
        yield made


def rows_read(job):
    """How many rows the source's scans have brought up; no session but ours looks there."""
    job.source.psql("postgres", "SELECT pg_stat_clear_snapshot()")
    return job.source.query(job.source_db, "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int"
                                           " FROM pg_stat_user_tables WHERE schemaname = 'fault'")[0][0]


def rows_there(job):
    return sum(rows for key, (rows, _) in job.rows.items() if key[0] == "fault")


@pytest.mark.parametrize("number", rounds(2, 40))
def test_failed_transactions_are_sent_from_memory(job, number):
    """Every third COPY is refused as a serialization failure; the source is read once."""
    job.pace(0, odds=0.34)
    before = rows_read(job)
    result = job.run("--memory", "256MB", "--chunk-size", "256kB")
    job.pace(0)
    job.assert_done(result)
    summary = result.summary
    assert summary["resends"] > 0 and summary["rereads"] == 0, summary
    assert summary["retries"] >= summary["resends"]
    assert summary["rows_run"] == summary["rows"] == rows_there(job)
    assert rows_read(job) - before == rows_there(job)


DEFERRED = """
CREATE FUNCTION lab.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF txid_current() % 3 = 0 THEN RAISE EXCEPTION 'the lab says no' USING ERRCODE = '40001'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON sluice.chunk_done DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION lab.at_commit();
ALTER TABLE sluice.chunk_done ENABLE ALWAYS TRIGGER late;
"""


@pytest.mark.parametrize("number", rounds(1, 40))
def test_commits_that_fail(job, number):
    """Every third, when all its rows are there already."""
    assert sluice.run_load("--source", job.source.dsn(job.source_db), "--destination", job.destination.dsn(job.db),
                           "--job", "first", "-t", "fault.nothing").status == 0  # makes the ledger
    job.destination.psql(job.db, DEFERRED)
    before = rows_read(job)
    result = job.run("--memory", "256MB", "--chunk-size", "256kB")
    job.assert_done(result)
    assert result.summary["resends"] > 0
    read_twice = rows_read(job) - before - rows_there(job)
    assert (read_twice > 0) == (result.summary["rereads"] > 0)  # after many resends in vain


@pytest.mark.parametrize("memory", ["256MB", "16MB"])
@pytest.mark.parametrize("number", rounds(1, 40))
def test_connections_that_are_cut(job, rng, memory, number):
    """Anywhere in the rows; with little memory some are read again, and counted."""
    with PgProxy(job.destination.port) as proxy:
        job.lab.add_password(proxy.port, job.destination.superuser, job.lab.password)
        cut = proxy.add(CutCopy(TO_SERVER, rng.randrange(200_000, 3_000_000), times=6))
        before = rows_read(job)
        result = job.run("--memory", memory, "--destination", proxy.uri(job.destination.uri(job.db)))
        assert cut.fired > 0 and proxy.errors == []
    job.assert_done(result)
    summary = result.summary
    assert summary["resends"] + summary["rereads"] > 0
    if memory == "256MB":
        assert summary["rereads"] == 0
    if summary["rereads"] > 0:
        assert rows_read(job) - before > rows_there(job)


@pytest.mark.parametrize("number", rounds(1, 40))
def test_failures_while_rows_are_on_disk(job, number):
    """With a spill directory little memory is enough: what was sent is sent again from disk."""
    job.spills = True
    job.pace(0.1, odds=0.34)
    before = rows_read(job)
    result = job.run("--compression", "off")
    job.pace(0)
    job.assert_done(result)
    assert result.summary["spill"]["written_bytes"] > 0 and result.summary["resends"] > 0
    read_twice = rows_read(job) - before - rows_there(job)
    assert (read_twice > 0) == (result.summary["rereads"] > 0)


@pytest.mark.parametrize("number", rounds(1, 40))
def test_failures_after_an_early_release(spill_site, tmp_path, number):
    """There is no source any more to be read again."""
    with spill_site.job(tmp_path) as job:
        job.shut_gate()
        load = job.start()
        job.released(load)
        job.source.stop("immediate")
        job.pace(0, odds=0.5)
        job.open_gate()
        result = load.wait()
        job.assert_done(result)
        assert result.summary["resends"] > 0 and result.summary["rereads"] == 0
