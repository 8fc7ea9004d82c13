"""What people get wrong: the documented exit status, and a message that says what to do."""

import os
import subprocess

import pytest

from support.lab import free_port
from support.sluice import run_load

pytestmark = pytest.mark.usefixtures("loader")


@pytest.fixture
def small(pair):
    pair.both("CREATE TABLE t (a int)")
    pair.src("INSERT INTO t VALUES (1)")
    return pair


def load(pair, source=None, destination=None, *args, **more):
    return run_load("--source", source or pair.source_dsn, "--destination", destination or pair.destination_dsn,
                    *args, **more)


def test_nobody_listens(small):
    port = free_port()
    for side in ("source", "destination"):
        result = load(small, **{side: f"host=127.0.0.1 port={port} dbname=x user=y connect_timeout=5"}, timeout=60)
        assert result.status == 4, result
        assert side in result.text and str(port) in result.text


def test_an_unknown_host(small):
    result = load(small, source="host=no-such-host.invalid dbname=x user=y", timeout=60)
    assert result.status == 4, result
    assert "no-such-host.invalid" in result.text


def test_a_wrong_password(small):
    for side in ("source", "destination"):
        cluster = getattr(small, side)
        result = load(small, **{side: cluster.dsn(getattr(small, f"{side}_db"), password="wr0ng-pass")})
        assert result.status == 3, result
        assert side in result.text and "wr0ng-pass" not in result.text


def test_a_database_that_is_not_there(small):
    result = load(small, destination=small.destination.dsn("no_such_database"))
    assert result.status in (2, 4), result
    assert "no_such_database" in result.text


def test_a_connection_string_that_is_none(small):
    result = load(small, source="host=127.0.0.1 nonsense", timeout=30)
    assert result.status == 2, result
    result = load(small, source="port=abc password=s3cret", timeout=30)
    assert result.status in (2, 4), result
    assert "s3cret" not in result.text


@pytest.mark.parametrize("args, words", [
    (("--no-such-option",), ["--no-such-option"]),
    (("--chunk-siz", "1MB"), ["--chunk-size"]),
    (("--chunk-size", "0"), ["--chunk-size"]),
    (("--chunk-size", "12parsec"), ["--chunk-size", "12parsec"]),
    (("--chunk-size", "-1MB"), ["--chunk-size"]),
    (("-j", "0"), ["jobs"]), (("-j", "x"), ["jobs"]), (("-j", "100000"), ["jobs"]),
    (("--memory", "1kB"), ["--memory"]),
    (("--mode", "sideways"), ["--mode", "sideways", "append"]),
    (("--format", "csv"), ["--format", "binary"]),
    (("--hold-snapshot", "soon"), ["--hold-snapshot"]),
    (("--job", ""), ["--job"]),
    (("stray",), ["--source", "-t"]),
    (("-t",), ["-t"]),
])
def test_usage(small, args, words):
    result = load(small, None, None, *args)
    assert result.status == 2, result
    for word in words:
        assert word in result.text, (word, result)
    assert small.dst("SELECT count(*) FROM t") == "0"


def test_an_unreadable_service_file(small, tmp_path):
    result = load(small, source="service=not_there", env={"PGSERVICEFILE": str(tmp_path / "none.conf")})
    assert result.status in (2, 4), result
    assert "none.conf" in result.text


def test_a_service_file(small, tmp_path):
    lines = small.source_dsn.split()
    (tmp_path / "services").write_text("[shop]\n" + "\n".join(lines) + "\n")
    result = load(small, source="service=shop", env={"PGSERVICEFILE": str(tmp_path / "services")})
    assert result.status == 0, result


def test_environment_and_uris(small):
    result = run_load("--source", small.source.uri(small.source_db), "--destination",
                      small.destination.uri(small.destination_db))
    assert result.status == 0, result
    assert small.differences() == []


def test_no_table_at_all(pair):
    result = pair.load()
    assert result.status in (0, 2), result
    assert "table" in result.text


def test_more_streams_than_connections(small):
    """Both servers take 100. Few chunks need few streams, so there have to be many."""
    small.src("INSERT INTO t SELECT generate_series(1, 300000)")
    result = small.load("-j", "120", "--chunk-size", "64kB")
    assert result.status == 2, result
    assert "connection" in result.text
    assert small.dst("SELECT count(*) FROM t") == "0"


@pytest.fixture
def small_disk(pair):
    """A tablespace of the destination with room for 8 MB."""
    where = pair.lab.dir / "small disk"
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", where], capture_output=True, check=False)
    if mounted.returncode != 0:
        where.rmdir()
        pytest.skip(f"mount: {mounted.stderr.decode().strip()}")
    try:
        os.chown(where, pair.lab.user.pw_uid, pair.lab.user.pw_gid)
        pair.destination.query("postgres", f"CREATE TABLESPACE small LOCATION '{where}'")
        yield where
        pair.destination.dropdb(pair.destination_db)
        pair.destination.query("postgres", "DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", where], check=False)
        where.rmdir()


def test_a_full_disk(pair, small_disk):
    pair.src("CREATE TABLE t (a int, v text); INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 40000) i")
    pair.dst("CREATE TABLE t (a int, v text) TABLESPACE small")
    result = pair.load("--chunk-size", "1MB", timeout=90)
    assert result.status == 1, result
    assert "No space left on device" in result.text and "public.t" in result.text
    # With more room the same command goes on from there.
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    result = pair.load("--chunk-size", "1MB")
    assert result.status == 0, result
    assert pair.differences() == []


def test_the_password_is_nowhere(small, tmp_path):
    """Not in argv as others see it, not in the output, not in the ledger, not in pg_stat_activity."""
    password = small.lab.password
    result = load(small, source=small.source.dsn(small.source_db, password=password),
                  destination=small.destination.uri(small.destination_db), *(), **{})
    assert result.status == 0, result
    assert password not in result.text
    assert small.dst(f"SELECT count(*) FROM sluice.job j WHERE j::text LIKE '%{password}%'") == "0"


def test_help():
    result = run_load("--help")
    assert result.status == 0 and "--chunk-size" in result.out
