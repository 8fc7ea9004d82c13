"""The simulated shard group: what its switches do to transactions."""

import io
import threading
import time

import psycopg2
import pytest

from test_simulator import make_tables


@pytest.fixture
def tables(admin):
    make_tables(admin)
    return admin


def copy(conn, table="orders", rows=("1\t1\tx\n",), how=""):
    """One transaction of one COPY; its SQLSTATE and text, None when it was committed."""
    with conn.cursor() as cur:
        try:
            cur.execute("BEGIN")
            cur.copy_expert(f"COPY {table} FROM STDIN {how}", io.StringIO("".join(rows)))
            cur.execute("COMMIT")
            return None
        except psycopg2.Error as e:
            if not conn.closed:
                cur.execute("ROLLBACK")
            return e.pgcode, str(e).split("\n")[0]


def run(conn, count, table="orders"):
    """Whether each of so many transactions went through."""
    return [copy(conn, table, [f"{i}\t{i}\tx\n"]) is None for i in range(count)]


def count(conn, table="orders"):
    with conn.cursor() as cur:
        cur.execute(f"SELECT count(*) FROM {table}")
        return cur.fetchone()[0]


def test_every_fifth(group, group_db, tables):
    group.inject("deadlock", every=5)
    assert run(tables, 12) == [True] * 4 + [False] + [True] * 4 + [False] + [True] * 2
    assert count(tables) == 10
    assert group.hits(group_db, "deadlock") == 2
    assert group.writes(group_db) >= 12
    group.clear()
    tables.cursor().execute("TRUNCATE orders")
    assert all(run(tables, 6))


def test_a_transaction_draws_once(group, group_db, tables):
    group.inject("deadlock", every=2)
    with tables.cursor() as cur:
        cur.execute("BEGIN; INSERT INTO orders VALUES (1, 1); INSERT INTO orders VALUES (1, 2);"
                    " INSERT INTO orders VALUES (1, 3); COMMIT")
    assert copy(tables, rows=["2\t2\tx\n"]) is not None
    assert group.hits(group_db, "deadlock") == 1


def test_the_text_and_state_of_a_deadlock(group, tables):
    group.inject("deadlock")
    assert copy(tables) == ("40P01", "aborting transaction participating in a distributed deadlock")
    group.inject("deadlock", sqlstate="XX000")
    assert copy(tables)[0] == "XX000"


@pytest.mark.parametrize("at", ["start", "end", "commit"])
def test_when_it_falls(group, tables, at):
    group.inject("error", at=at, sqlstate="58030", message="disk on fire")
    with tables.cursor() as cur:
        cur.execute("BEGIN")
        if at == "commit":
            cur.execute("INSERT INTO orders VALUES (1, 1)")
        with pytest.raises(psycopg2.Error, match="disk on fire") as met:
            cur.execute("COMMIT" if at == "commit" else "INSERT INTO orders VALUES (2, 2)")
        assert met.value.pgcode == "58030"
        cur.execute("ROLLBACK")
    assert count(tables) == 0


def test_only_so_often_and_only_there(group, group_db, tables):
    group.inject("deadlock", times=2)
    assert run(tables, 4) == [False, False, True, True]
    group.inject("deadlock", table="items")
    assert copy(tables, rows=["7\t7\tx\n"]) is None
    assert copy(tables, "items", ["7\t7\t7\tx\n"]) is not None
    group.inject("deadlock", router=2)
    assert copy(tables, rows=["8\t8\tx\n"]) is None
    other = group.routers[1].connect(group_db)
    assert copy(other, rows=["9\t9\tx\n"]) is not None
    other.close()


def test_a_probability(group, tables):
    group.inject("deadlock", probability=0.5)
    went = run(tables, 60)
    assert 5 < sum(went) < 55


def test_other_tables_are_left_alone(group, tables):
    group.inject("deadlock")
    assert copy(tables, "log", ["1\tx\n"]) is None
    assert copy(tables, "product", ["1\tx\n"]) is None


def test_reads_and_triggers_off_change_nothing(group, group_db, tables):
    group.inject("deadlock")
    assert count(tables) == 0
    root = group.connect(group_db)
    root.cursor().execute("SET session_replication_role = replica")
    assert copy(root) is not None
    root.close()


def test_commit_time(group, tables):
    group.inject("commit_time", every=2)
    assert copy(tables) is None
    assert copy(tables, rows=["2\t2\tx\n"]) == ("XX000", "commit time is invalid")
    assert count(tables) == 1


def test_binary_copy(group, tables):
    group.inject("binary_copy")
    empty = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"
    for table in ("orders", "product", "log"):
        for how in ("(FORMAT binary)", "WITH BINARY"):
            with tables.cursor() as cur, pytest.raises(psycopg2.Error) as met:
                cur.copy_expert(f"COPY {table} FROM STDIN {how}", io.BytesIO(empty))
            assert met.value.pgcode == "0A000"
        assert copy(tables, table, []) is None
    group.clear("binary_copy")
    with tables.cursor() as cur:
        cur.copy_expert("COPY orders FROM STDIN (FORMAT binary)", io.BytesIO(empty))


def at_once(group, group_db, count):
    """So many transactions at the same time; seconds, and what each met."""
    met = [None] * count

    def one(i):
        conn = group.routers[i % 2].connect(group_db)
        barrier.wait()
        met[i] = copy(conn, rows=[f"{i}\t{i}\tx\n"])
        conn.close()

    barrier = threading.Barrier(count + 1)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    barrier.wait()
    began = time.monotonic()
    for t in threads:
        t.join()
    return time.monotonic() - began, met


def test_throttled_commits_wait(group, group_db, tables):
    group.inject("throttle", limit=2, hold_ms=100)
    took, met = at_once(group, group_db, 8)
    assert met == [None] * 8 and count(tables) == 8
    assert took > 0.35  # four rounds of 100 ms


def test_throttled_commits_fail(group, group_db, tables):
    group.inject("throttle", limit=1, hold_ms=500, error=True)
    _, met = at_once(group, group_db, 4)
    assert met.count(None) >= 1
    failed = [m for m in met if m]
    assert failed and {m[0] for m in failed} == {"53000"}
    assert count(tables) == met.count(None)


def test_a_split_ends_the_transaction_or_the_session(group, tables):
    group.inject("split", times=1)
    assert copy(tables)[0] == "40001"
    assert copy(tables) is None
    group.inject("split", terminate=True, times=1)
    with tables.cursor() as cur, pytest.raises(psycopg2.OperationalError):  # without the server's words
        cur.execute("INSERT INTO orders VALUES (2, 2)")
    assert tables.closed
    assert "FATAL:  terminating connection due to administrator command" in group.log_tail()


def test_a_split_now(group, group_db, tables):
    idle = group.routers[1].connect(group_db)
    assert group.split_shard(group_db) == 0
    with tables.cursor() as cur:
        cur.execute("BEGIN; INSERT INTO orders VALUES (1, 1)")
        assert group.split_shard(group_db) == 1
        with pytest.raises(psycopg2.OperationalError):
            cur.execute("SELECT 1")
    assert count(idle) == 0


def test_no_more_connections(group, group_db, tables):
    group.connection_limit(1)
    with pytest.raises(psycopg2.OperationalError, match="too many connections"):
        group.endpoint.connect(group_db)
    group.connection_limit(-1)
    group.endpoint.connect(group_db).close()


def test_a_switch_that_is_none(group):
    from support.lab import LabError

    with pytest.raises(LabError):
        group.inject("earthquake")
    with pytest.raises(LabError):
        group.inject("deadlock", evry=5)
