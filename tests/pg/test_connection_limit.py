"""A destination that takes fewer connections than there are streams: those that have one go on, at once."""

import time

import pytest

pytestmark = pytest.mark.usefixtures("loader")

ROLE = "narrow"
ROWS = 60000


@pytest.fixture
def narrow(pair):
    """A table, and a role on the destination whose CONNECTION LIMIT the tests set."""
    pair.role(pair.destination, ROLE)
    pair.dst(f"ALTER DATABASE {pair.destination_db} OWNER TO {ROLE}; ALTER SCHEMA public OWNER TO {ROLE}")
    table = "CREATE TABLE t (id int PRIMARY KEY, note text);"
    pair.src(table + "INSERT INTO t SELECT i, repeat(md5(i::text), 8)"
             f" FROM generate_series(1, {ROWS}) i; ANALYZE t")
    pair.dst(table + f"ALTER TABLE t OWNER TO {ROLE}")
    return pair


def limit(pair, connections):
    pair.dst(f"ALTER ROLE {ROLE} CONNECTION LIMIT {connections}")


def end_sessions(pair, like, most=100):
    pair.dst("SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
             f" WHERE usename = '{ROLE}' AND application_name LIKE '{like}' LIMIT {most}) x")


def start(pair, *more):
    return pair.start("--destination", pair.destination.dsn(pair.destination_db, user=ROLE),
                      "--chunk-size", "64kB", "--memory", "16MB", "--progress", "json", *more)


def wait_for(load, what, seconds=40):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return
        assert load.running(), load.wait()
        time.sleep(0.1)
    raise AssertionError(f"did not come about in {seconds} s\n{load.stderr()[-3000:]}")


def finish(pair, load, timeout=60):
    result = load.wait(timeout)
    assert result.status == 0, result
    assert pair.differences() == [], result
    assert int(pair.dst("SELECT count(*) FROM t")) == ROWS
    return result


def writers(pair):
    return int(pair.dst("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%/writer-%'"))


def test_a_limit_from_the_start(narrow):
    limit(narrow, 4)
    result = finish(narrow, start(narrow, "-j", "8"), timeout=30)
    assert "no more than 4 connections for a time: the load went on with 3 of 8 writers" in " ".join(
        result.summary["warnings"])


def test_it_is_said_once_and_no_writer_waits(narrow):
    limit(narrow, 4)
    load = start(narrow, "-j", "8", "--max-rate", "2MB")
    wait_for(load, lambda: "going on with 3 writers" in load.stderr())
    assert writers(narrow) == 3
    result = finish(narrow, load)
    assert result.err.count("no more than 4 connections just now") == 1
    assert not any(e.get("waiting_for") for e in result.events[-3:])


def test_one_writer_is_enough(narrow):
    limit(narrow, 2)
    result = finish(narrow, start(narrow, "-j", "6"))
    assert "went on with 1 of 6 writers" in " ".join(result.summary["warnings"])


def test_a_limit_in_the_middle(narrow):
    """Sessions that the server ended are not let in again; the rest goes by those that are left."""
    load = start(narrow, "-j", "6", "--max-rate", "2MB")
    wait_for(load, lambda: writers(narrow) == 6)
    limit(narrow, 3)
    end_sessions(narrow, "%/writer-%", 4)
    wait_for(load, lambda: "going on with 2 writers" in load.stderr())
    finish(narrow, load)


def test_the_control_connection_gets_a_place_from_the_writers(narrow):
    load = start(narrow, "-j", "4", "--max-rate", "1MB")
    wait_for(load, lambda: writers(narrow) == 4)
    limit(narrow, 4)
    end_sessions(narrow, "%/control")
    wait_for(load, lambda: narrow.dst("SELECT count(*) FROM pg_stat_activity"
                                      " WHERE application_name LIKE '%/control'") == "1")
    assert writers(narrow) <= 3
    finish(narrow, load)


def test_no_writer_at_all_is_waited_for(narrow):
    """The control connection alone; --retry-for counts then, and room that comes is used."""
    limit(narrow, 1)
    load = start(narrow, "-j", "4")
    wait_for(load, lambda: "too many connections" in load.stdout() + load.stderr())
    limit(narrow, -1)
    finish(narrow, load)


def test_no_writer_at_all_ends_the_run(narrow):
    limit(narrow, 1)
    result = start(narrow, "-j", "4", "--retry-for", "2s").wait(40)
    assert result.status == 5, result
    assert "too many connections" in result.text
    limit(narrow, -1)
    finish(narrow, start(narrow, "-j", "4"))
