"""--spill-dir: what the destination has not taken and memory cannot hold lies on disk, in a file that
nobody sees, and a full disk is a slower load, never a failed one."""

import os
import subprocess

import pytest

from support import faults
from support.sluice import run_load, start_load
from support.spilling import SpillSite

MEGABYTES = 40


@pytest.fixture(scope="module")
def spill_site(loader, lab):
    return SpillSite(lab, MEGABYTES)


@pytest.fixture
def job(spill_site, tmp_path):
    with spill_site.job(tmp_path, early=False, source_db=spill_site.SOURCE) as made:
        yield made


def unlinked_files(load, folder):
    """What the loader has open in a directory under no name."""
    found = []
    for fd in os.listdir(f"/proc/{load.pid}/fd"):
        try:
            target = os.readlink(f"/proc/{load.pid}/fd/{fd}")
        except OSError:
            continue
        if target.startswith(str(folder) + "/") and target.endswith(" (deleted)"):
            found.append(os.stat(f"/proc/{load.pid}/fd/{fd}").st_blocks * 512)
    return found


def test_rows_wait_on_disk_in_a_file_without_a_name(job):
    job.shut_gate()
    load = job.start()
    faults.wait_until(lambda: sum(unlinked_files(load, job.dir)) > 1 << 20 or not load.running(), "spilled rows")
    assert load.running() and job.files() == []
    job.open_gate()
    result = load.wait()
    job.assert_done(result)
    spill = result.summary["spill"]
    assert spill["written_bytes"] > 1 << 20 and spill["used_bytes_max"] > 1 << 20
    assert spill["read_bytes"] > 1 << 20 and spill["used_bytes"] == 0 and not spill["full"]
    assert result.summary["memory_peak_bytes"] <= 16 << 20
    assert result.summary["rereads"] == 0 and result.summary["released_ms"] in (0, None)


def test_killed_loader_leaves_nothing_on_disk(job):
    job.shut_gate()
    load = job.start()
    faults.wait_until(lambda: sum(unlinked_files(load, job.dir)) > 1 << 20 or not load.running(), "spilled rows")
    job.kill(load)
    assert job.files() == []
    job.open_gate()
    job.assert_done(job.run())


@pytest.mark.parametrize("compression", ["off", "1", "auto"])
def test_with_and_without_compression(job, compression):
    job.pace(0.4)
    result = job.run("--compression", compression)
    job.assert_done(result)
    spill = result.summary["spill"]
    assert spill["written_bytes"] > 0
    if compression == "off":
        assert result.summary["packed_bytes"] == 0
    if compression == "1":
        assert 0 < result.summary["packed_bytes"] < result.summary["unpacked_bytes"]


def test_a_limit_holds_the_reading_back(job):
    """The rows are more than memory and the limit together."""
    job.source.psql(job.source_db, "CREATE TABLE IF NOT EXISTS fault.wide (line text);"
                                   "TRUNCATE fault.wide; INSERT INTO fault.wide"
                                   " SELECT repeat(md5(n::text), 30) FROM generate_series(1, 90000) n")
    job.destination.psql(job.db, """
        CREATE TABLE fault.wide (line text);
        CREATE TRIGGER gate BEFORE INSERT ON fault.wide EXECUTE FUNCTION lab.pass();
        ALTER TABLE fault.wide ENABLE ALWAYS TRIGGER gate;""")
    job.shut_gate()
    load = job.start("--compression", "off", "--spill-limit", "64MB")
    sizes = []

    def full():
        sizes.append(sum(unlinked_files(load, job.dir)))
        return (len(sizes) > 50 and sizes[-1] == sizes[-50] > 32 << 20) or not load.running()

    try:
        faults.wait_until(full, "the limit")
        assert load.running()
        job.open_gate()
        result = load.wait()
        rows = faults.fingerprints_now(job.source, job.source_db)
    finally:
        job.source.psql(job.source_db, "DROP TABLE fault.wide")
    job.assert_done(result, rows)
    assert result.summary["spill"]["used_bytes_max"] <= 64 << 20 and max(sizes) <= 64 << 20
    assert result.summary["rereads"] == 0


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of a few megabytes; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", folder], capture_output=True,
                          check=False)
    if made.returncode != 0:
        pytest.skip("mounting a file system is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("limit", [(), ("--spill-limit", "1GB")], ids=["own", "too-much"])
def test_full_disk(job, tiny_disk, limit):
    """Whether Sluice looked for what is free, or the disk turns out to have less."""
    job.dir = tiny_disk
    job.pace(0.3)
    result = job.run("--compression", "off", *limit)
    job.assert_done(result)
    assert 0 < result.summary["spill"]["used_bytes_max"] <= 6 << 20


def test_full_disk_with_early_release(spill_site, tmp_path, tiny_disk):
    """The source stays until the rest fits, however long that takes."""
    with spill_site.job(tmp_path) as job:
        job.dir = tiny_disk
        job.pace(0.3)
        job.assert_done(job.run("--compression", "off", "--spill-limit", "1GB"))


def test_early_release_when_everything_fails_on_a_full_disk(spill_site, tmp_path, tiny_disk):
    """Rows that are dropped from memory and fail then are read again, and only then is the source free."""
    with spill_site.job(tmp_path) as job:
        job.dir = tiny_disk
        job.pace(0.05, odds=0.2)
        job.assert_done(job.run("--compression", "off", "--spill-limit", "1GB"))


def refused(job, words):
    """As usage, and before anything is emptied for it."""
    job.destination.psql(job.db, "INSERT INTO fault.tiny VALUES (0, 'stays')")
    result = job.run("--mode", "truncate")
    assert result.status == 2 and words in result.err and str(job.dir) in result.err, result
    assert job.destination.query(job.db, "SELECT word FROM fault.tiny") == [("stays",)]
    assert job.destination.query(job.db, "SELECT to_regclass('sluice.job') IS NULL") == [(True,)]
    job.destination.psql(job.db, "DELETE FROM fault.tiny")


def test_directories_that_cannot_be_used(job, tmp_path):
    job.dir = tmp_path / "nowhere"
    refused(job, "No such file")
    job.dir = tmp_path / "file"
    job.dir.write_text("")
    refused(job, "not a directory")
    job.dir = tmp_path / "file" / "below"
    refused(job, "Not a directory")


def test_directory_that_cannot_be_written(job, tmp_path):
    folder = tmp_path / "readonly"
    folder.mkdir(mode=0o500)
    job.dir = folder
    if os.geteuid() != 0:
        refused(job, "ermission denied")
        return
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "none", folder], capture_output=True,
                          check=False)
    if made.returncode != 0:
        pytest.skip("root may write everywhere, and mount nothing here")
    try:
        refused(job, "ead-only")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_early_release_of_a_database_whose_name_is_not_utf8(make_pair, tmp_path):
    """The manifest's head, which is JSON, says where the rows are from: a killed load goes on from it."""
    pair, other = make_pair(encoding="LATIN1", locale="C"), make_pair(encoding="LATIN1", locale="C")
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    pair.src("INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 60000) i; ANALYZE t")
    other.src(f"SET client_encoding = UTF8; ALTER DATABASE {pair.source_db} RENAME TO café")
    spill = tmp_path / "spill"
    spill.mkdir()
    command = ("--source", pair.source.dsn(os.fsdecode(b"caf\xe9")), "--destination", pair.destination_dsn,
               "-j", "2", "--chunk-size", "256kB", "--progress", "json", "--spill-dir", spill,
               "--release-source", "early", "--spill-key-file", tmp_path / "spill.key")
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice%'"
    gate = pair.destination.connect(pair.destination_db)
    try:
        gate.cursor().execute("BEGIN; LOCK TABLE t IN EXCLUSIVE MODE")
        load = start_load(*command)
        faults.wait_until(lambda: list(spill.glob("*.manifest")) or not load.running(), "the manifest")
        assert load.running(), load.wait()
        faults.wait_until(lambda: other.src(sessions) == "0", "the end of the source's sessions")
        load.kill()
    finally:
        gate.close()
        other.src(f"SET client_encoding = UTF8; ALTER DATABASE café RENAME TO {pair.source_db}")
    result = run_load(*command)
    assert result.status == 0 and result.summary["from_spill"], result
    assert pair.dst("SELECT count(*) FROM t") == "60000"
