"""--release-source early: once everything is read and safe on disk the source is free, for good, and
whatever happens to the loader, the same command ends with exactly the rows that were read."""

import os
import signal
import time

import psycopg2
import pytest

from support import faults, sluice
from support.faults import rounds, wait_until
from support.spilling import SpillSite

MEGABYTES = int(os.environ.get("SLUICE_SPILL_MB", "30"))


@pytest.fixture(scope="module")
def spill_site(loader, own_lab):
    return SpillSite(own_lab, MEGABYTES)


@pytest.fixture
def job(spill_site, tmp_path):
    with spill_site.job(tmp_path) as made:
        yield made


@pytest.fixture
def released(job):
    """A load that has given its source back and waits before the gate with all rows but few."""
    job.shut_gate()
    load = job.start()
    job.released(load)
    yield load
    if load.running():
        job.kill(load)


@pytest.fixture
def killed(job, released):
    """The same, killed, with the source stopped for good; the gate is open again."""
    assert job.kill(released).status == -signal.SIGKILL
    job.source.stop("immediate")
    job.open_gate()


# --- the source is free ---


def test_source_is_free_and_may_change(job, released):
    assert released.running() and not sluice.holders(job.lab.ports())
    horizon = "SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()" \
              " AND datname = current_database() AND backend_type = 'client backend'"
    assert job.source.query(job.source_db, horizon) == [(0,)]
    assert job.source.query(job.source_db, "SELECT count(*) FROM pg_prepared_xacts") == [(0,)]
    job.source.psql(job.source_db, """
        SET lock_timeout = '2s';
        SELECT setval('fault.numbers', 999999);
        ALTER TABLE fault.account ADD more int;
        DELETE FROM fault.entry;
        VACUUM FULL fault.event_old;
        DROP TABLE fault."Document";""")
    assert job.ledger("SELECT count(*) FROM sluice.event WHERE what = 'source released'") == [(1,)]
    job.open_gate()
    result = released.wait()
    job.assert_done(result)
    assert 0 < result.summary["released_ms"] < result.summary["elapsed_ms"]
    assert result.summary["from_spill"] is False


def test_source_is_stopped_after_release(job, released):
    job.source.stop("immediate")
    job.open_gate()
    job.assert_done(released.wait())


def test_files_are_private_and_the_key_is_used_again(job, released):
    assert [oct(path.stat().st_mode & 0o777) for path in (job.manifest(), job.data(), job.key)] == ["0o600"] * 3
    key = job.key.read_bytes()
    assert len(key) == 65 and key.endswith(b"\n")
    for path in job.dir.iterdir():
        content = path.read_bytes()
        assert bytes.fromhex(key.decode()) not in content and key.strip() not in content
        assert b"word 7" not in content, "rows lie there in the clear"
    job.open_gate()
    job.assert_done(released.wait())
    job.assert_done(job.run("--restart", "--mode", "truncate"))
    assert job.key.read_bytes() == key


def test_release_waits_until_the_sequences_are_moved(job):
    """They are read last; without them, and without its manifest, the source is not given back."""
    job.shut_gate()
    load = job.start()
    wait_until(lambda: len(job.source.backends("sluice%")) >= 3 or not load.running(), "the readers")
    job.source.query("postgres", f"ALTER DATABASE {job.source_db} ALLOW_CONNECTIONS false")
    time.sleep(2.5)
    assert job.source.backends("sluice%") and job.manifest() is None, load.stderr()
    job.source.query("postgres", f"ALTER DATABASE {job.source_db} ALLOW_CONNECTIONS true")
    job.open_gate()
    job.assert_done(load.wait())


# --- stopped and killed ---


def test_interrupt_after_release(job, released):
    job.source.stop("fast")
    result = released.kill(signal.SIGINT)
    assert result.status == 5, result
    assert str(job.dir) in result.summary["hint"] and "the source is not needed" in result.summary["hint"]
    assert len(job.files()) == 2
    job.open_gate()
    job.assert_done(job.run())


def test_killed_with_other_memory_and_streams(job, killed):
    result = job.run("-j", "5", "--memory", "64MB")
    job.assert_done(result)
    assert result.summary["from_spill"] is True and "resuming" in result.err


def test_second_loader_while_the_first_runs(job, released):
    second = job.run()
    assert second.status == 8, second
    assert released.running() and len(job.files()) == 2
    job.open_gate()
    job.assert_done(released.wait())


def test_killed_when_all_was_in_memory(job):
    """With room for everything nothing is on disk before it has to be; then all of it is."""
    job.shut_gate()
    load = job.start("--memory", "512MB", "--compression", "off", "--no-sequences")
    wait_until(lambda: job.manifest() or not load.running(), "the manifest")
    assert job.kill(load).status == -signal.SIGKILL
    job.source.stop("immediate")
    job.open_gate()
    result = job.run("--memory", "512MB", "--compression", "off", "--no-sequences")
    assert result.status == 0 and result.summary["from_spill"] is True, result
    job.assert_exact()
    assert job.files() == []


def whole(job):
    """How long an undisturbed load of this kind takes, measured once."""
    if job.site.whole_s is None:
        job.pace(0.3)
        result = job.run()
        job.assert_done(result)
        job.site.whole_s = result.seconds
        print(f"an undisturbed load takes {result.seconds:.2f} s,"
              f" its source is free after {result.summary['released_ms']} ms")
        job.destination.psql(job.db, "DROP SCHEMA sluice CASCADE; TRUNCATE fault.account, fault.entry,"
                                     " fault.\"Document\", fault.event, fault.tiny, fault.nothing")
    return job.site.whole_s


def finished(job):
    if job.ledger("SELECT to_regclass('sluice.job') IS NULL") == [(True,)]:
        return False
    return job.ledger("SELECT count(*) FROM sluice.job WHERE state = 'finished'") == [(1,)]


@pytest.mark.parametrize("number", rounds(4, 60))
def test_loader_is_killed_again_and_again(job, rng, number):
    """At any moment; as soon as a manifest is there the source is stopped for good."""
    length = whole(job)
    job.pace(0.3)
    for _ in range(1 + number % 3):
        load = job.start("-j", str(rng.randrange(1, 5)), "--memory", rng.choice(["16MB", "24MB", "64MB"]))
        moment = rng.uniform(0.1, 1.1) * length
        while load.running() and time.monotonic() < load.started + moment:
            time.sleep(0.002)
        result = load.kill()
        assert result.status in (0, -signal.SIGKILL), result
        print(f"{result.status} at {moment:.3f} s, left: {job.files()}")
        if result.status == 0 or finished(job):
            break
        if job.manifest() and job.source.running():
            job.source.stop("immediate")
            print("the source is gone")
    if finished(job) and not job.manifest() and not job.source.running():
        job.source.start()  # only to be asked which job this is
    job.assert_done(job.run())


@pytest.mark.parametrize("number", rounds(1, 30))
def test_killed_just_when_it_releases(job, rng, number):
    """Between the manifest and the end of the source's sessions."""
    job.pace(0.2)
    load = job.start()
    wait_until(lambda: job.manifest() or list(job.dir.glob("*.new")) or not load.running(), "the manifest")
    time.sleep(rng.uniform(0, 0.02))
    load.kill()
    if job.manifest():
        job.source.stop("immediate")
    job.assert_done(job.run())


@pytest.mark.parametrize("number", rounds(1, 30))
def test_destination_restarts_after_release(job, rng, number):
    job.pace(0.3)
    job.destination.query("postgres", f"ALTER DATABASE {job.db} SET synchronous_commit = off")
    load = job.start()
    job.released(load)
    job.source.stop("immediate")
    time.sleep(rng.uniform(0, 0.5))
    job.destination.stop("immediate")
    job.destination.start()
    job.assert_done(load.wait())


# --- keys and damage ---


def test_wrong_and_missing_keys_cost_nothing(job, killed, tmp_path):
    before = {path: path.read_bytes() for path in job.dir.iterdir()}
    kept = job.key.read_bytes()
    job.key.rename(tmp_path / "elsewhere")
    missing = job.run()
    assert missing.status == 2 and str(job.key) in missing.err, missing
    assert not job.key.exists(), "a new key cannot open what an old one has sealed"
    job.key.write_bytes(b"0" * 64 + b"\n")
    job.key.chmod(0o600)
    other = job.run()
    assert other.status == 2 and "another key" in other.err, other
    assert {path: path.read_bytes() for path in job.dir.iterdir()} == before
    job.key.write_bytes(kept)
    job.assert_done(job.run())


def test_key_files_that_are_refused(job, tmp_path):
    def refused(path, words):
        job.early = ("--release-source", "early", "--spill-key-file", path)
        result = job.run("--mode", "truncate")
        assert result.status == 2 and words in result.err, result
        assert not list(job.dir.glob("*.*"))
        assert job.destination.query(job.db, "SELECT count(*) FROM fault.tiny") == [(1,)]

    job.destination.psql(job.db, "INSERT INTO fault.tiny VALUES (0, 'stays')")
    good = tmp_path / "good.key"
    good.write_bytes(b"ab" * 32 + b"\n")
    good.chmod(0o640)
    refused(good, "chmod 600")
    good.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(good)
    refused(link, "symbolic link")
    short = tmp_path / "short"
    short.write_bytes(b"ab\n")
    short.chmod(0o600)
    refused(short, "not a key")
    letters = tmp_path / "letters"
    letters.write_bytes(b"zz" * 32 + b"\n")
    letters.chmod(0o600)
    refused(letters, "not a key")
    folder = tmp_path / "folder"
    folder.mkdir()
    refused(folder, "not a key")
    os.mkfifo(tmp_path / "pipe", 0o600)
    refused(tmp_path / "pipe", "not a key")
    refused(tmp_path / "nowhere" / "key", "does not exist")
    refused(job.dir / "inside", "")
    (job.dir / "deep").mkdir()
    beside = tmp_path / "spill-2"
    beside.symlink_to(job.dir)
    refused(beside / "deep" / "key", "lies in the directory")
    (job.dir / "deep").rmdir()


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x10]))


@pytest.mark.parametrize("number", rounds(1, 10))
def test_damage_is_an_error_and_never_wrong_rows(job, killed, rng, number, tmp_path):
    """Each way ends without a wrong row; with the files put back the rest is loaded."""
    good = tmp_path / "good"
    job.keep_copy(good)
    manifest, data = job.manifest(), job.data()
    length, size = manifest.stat().st_size, data.stat().st_size

    def cut(path, left):
        os.truncate(path, left)

    ways = [lambda: flip(manifest, rng.randrange(length)), lambda: flip(manifest, length - 1),
            lambda: cut(manifest, rng.randrange(length)), lambda: cut(manifest, 0),
            lambda: cut(data, 0), lambda: cut(data, size // 2), data.unlink,
            lambda: [flip(data, at) for at in range(rng.randrange(1000), size, 4096)]]
    for way in ways:
        way()
        result = job.run("--retry-for", "2s")
        print(result.status, result.err)
        assert result.status in (1, 2, 4, 5), result
        assert "spill" in result.err + result.out, result
        for key, (rows, _) in faults.fingerprints_now(job.destination, job.db).items():
            assert key[0] != "fault" or rows <= job.rows[key][0]
        job.put_back(good)
    job.assert_done(job.run())


# --- which rows are whose ---


def test_finished_job_that_could_not_tidy_up(job, released, tmp_path):
    """Killed between the ledger's last word and the removal, with no source any more."""
    job.keep_copy(tmp_path / "late")
    job.open_gate()
    job.assert_done(released.wait())
    job.source.stop("immediate")
    job.put_back(tmp_path / "late")
    result = job.run()
    job.assert_done(result)
    assert result.summary["already_complete"] is True


def test_rows_of_an_earlier_plan_are_not_taken(job, tmp_path):
    """--restart makes another plan; what the first one has left on disk is not that plan's."""
    job.shut_gate()
    first = job.start("--mode", "truncate")
    job.released(first)
    job.keep_copy(tmp_path / "old")
    job.kill(first)
    job.source.psql(job.source_db, "UPDATE fault.account SET note = 'new'; DELETE FROM fault.tiny WHERE id > 5")
    now = faults.fingerprints_now(job.source, job.source_db)
    plan = "SELECT created_at FROM sluice.job"
    made_at = job.ledger(plan)
    again = job.start("--restart", "--mode", "truncate")
    wait_until(lambda: job.ledger(plan) != made_at or not again.running(), "the second plan")
    job.kill(again)
    for path in job.dir.iterdir():
        path.unlink()
    job.put_back(tmp_path / "old")
    job.open_gate()
    result = job.run("--mode", "truncate")
    job.assert_done(result, now)
    assert result.summary["from_spill"] is False


def test_restart_forgets_the_spilled_rows(job, released):
    job.kill(released)
    job.source.psql(job.source_db, "DELETE FROM fault.entry WHERE account % 2 = 0")
    now = faults.fingerprints_now(job.source, job.source_db)
    job.open_gate()
    result = job.run("--restart", "--mode", "truncate")
    job.assert_done(result, now)
    assert result.summary["from_spill"] is False


def test_two_jobs_share_a_directory(spill_site, job, released, tmp_path):
    """One source, two destinations: each finds its own rows."""
    job.kill(released)
    with spill_site.job(tmp_path, source_db=job.source_db) as other:
        other.shut_gate()
        load = other.start()
        wait_until(lambda: len(list(job.dir.glob("*.manifest"))) == 2, "the second manifest")
        other.kill(load)
        job.source.stop("immediate")
        # The one that is not found first goes first.
        first = next(entry for entry in os.scandir(job.dir) if entry.name.endswith(".manifest"))
        jobs = [job, other] if other.db.encode() in open(first.path, "rb").read() else [other, job]
        for each in jobs:
            each.open_gate()
            result = each.run()
            assert result.status == 0 and result.summary["from_spill"] is True, result
            each.assert_exact()
        assert job.files() == []


def test_destination_without_the_ledger(job, killed):
    """Somebody dropped it: the rows on disk are of no use, and there is no source."""
    job.destination.psql(job.db, "DROP SCHEMA sluice CASCADE")
    result = job.run("--retry-for", "2s")
    assert result.status == 4, result
    with pytest.raises(psycopg2.Error):
        job.ledger("SELECT 1 FROM sluice.job")
