"""The fault proxy itself, with psql and psycopg2 and without the program."""

import io
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

from support.pgproxy import (
    TO_CLIENT,
    TO_SERVER,
    CutCommit,
    CutCopy,
    CutMessage,
    Framer,
    HoldCommit,
    HoldCopy,
    PgProxy,
)

ROWS = 20000


@pytest.fixture
def proxy(lab):
    with PgProxy(lab.destination.port) as running:
        lab.add_password(running.port, lab.destination.superuser, lab.password)
        yield running
        assert running.errors == []


@pytest.fixture
def connect(lab, proxy):
    """Opens psycopg2 connections through the proxy and closes them at the end."""
    opened = []
    lab.destination.psql("postgres", "DROP TABLE IF EXISTS proxied; CREATE TABLE proxied (n int)")

    def opener(app="plain"):
        text = proxy.uri(lab.destination.uri("postgres"))
        opened.append(psycopg2.connect(text, application_name=app, connect_timeout=20))
        opened[-1].autocommit = True
        return opened[-1]

    yield opener
    for conn in opened:
        conn.close()
    lab.destination.psql("postgres", "DROP TABLE proxied")


def rows_there(lab):
    return int(lab.destination.psql("postgres", "SELECT count(*) FROM proxied"))


def insert_and_commit(conn, number=1):
    with conn.cursor() as cur:
        cur.execute(f"BEGIN; INSERT INTO proxied VALUES ({number}); SELECT 1; COMMIT")


def copy_in(conn, rows=ROWS):
    text = "".join(f"{n}\n" for n in range(rows))
    with conn.cursor() as cur:
        cur.copy_expert("COPY proxied FROM STDIN", io.StringIO(text))


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


# --- framing, without a server ---


@pytest.mark.parametrize("step", [1, 3, 5, 7, 64, 100000])
def test_framer_cuts_anywhere_and_loses_nothing(step):
    messages = [b"Q\0\0\0\x0bSELECT\0", b"d\0\0\0\x07abc", b"d\0\0\0\x04", b"d\0\0\0\x05z",
                b"c\0\0\0\x04", b"Q\0\0\0\x0bCOMMIT\0", b"X\0\0\0\x04"]
    stream = b"".join(messages)
    framer, pieces = Framer(), []
    for at in range(0, len(stream), step):
        pieces += framer.feed(stream[at : at + step])
    assert b"".join(raw for _, _, raw in pieces) == stream
    assert [m.kind for m, _, _ in pieces if m] == ["Q", "c", "Q", "X"]
    assert b"".join(raw for _, is_copy, raw in pieces if is_copy) == b"".join(messages[1:4])
    assert [m.sql() for m, _, _ in pieces if m and m.kind == "Q"] == ["SELECT", "COMMIT"]


def test_framer_passes_a_huge_message_in_pieces():
    huge = b"D\0\x20\0\x04" + b"x" * (2 * 1024 * 1024)
    pieces = Framer().feed(huge[:100]) + []
    assert pieces == [(None, False, huge[:100])]


# --- a session that nothing happens to ---


def test_plain_psql_session(lab, proxy):
    command = [str(lab.bindir / "psql"), "-XAtq", "-d", proxy.uri(lab.destination.uri("postgres"))]
    script = ("CREATE TEMP TABLE t (a text);\nCOPY t FROM STDIN;\none\ntwo\n\\.\n"
              "COPY t TO STDOUT;\nSELECT repeat('x', 3000000) IS NOT NULL, count(*) FROM t;\n"
              "SELECT length(repeat('y', 3000000));\nSELECT repeat('z', 2000000);\n")
    done = subprocess.run(command, input=script, text=True, capture_output=True, timeout=60,
                          env=lab.client_env(), check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:4] == ["one", "two", "t|2", "3000000"]
    assert len(done.stdout.split("\n")[4]) == 2000000


def test_asking_for_tls_falls_back_to_plain(lab, proxy):
    uri = proxy.uri(lab.destination.uri("postgres")).replace("sslmode=disable", "sslmode=prefer")
    conn = psycopg2.connect(uri, connect_timeout=20)
    assert conn.info.ssl_in_use is False
    conn.close()


def test_copy_both_ways_is_whole(lab, connect):
    conn = connect()
    copy_in(conn)
    out = io.StringIO()
    with conn.cursor() as cur:
        cur.copy_expert("COPY (SELECT n FROM proxied ORDER BY n) TO STDOUT", out)
    assert out.getvalue().splitlines() == [str(n) for n in range(ROWS)]


def test_cancel_request_goes_through(lab, proxy):
    # In a process of its own: psycopg2's cancel() keeps the interpreter lock that the proxy needs.
    command = [str(lab.bindir / "psql"), "-XAtq", "-d", proxy.uri(lab.destination.uri("postgres")),
               "-c", "SELECT pg_sleep(60) /* to be cancelled */"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=lab.client_env()) as psql:
        assert wait_until(lambda: any("to be cancelled" in row["query"]
                                      for row in lab.destination.backends("psql")))
        psql.send_signal(signal.SIGINT)
        _, said = psql.communicate(timeout=30)
    assert "canceling statement due to user request" in said


@pytest.mark.parametrize("conninfo", [
    "host=10.0.0.1 port=5432 dbname=x sslmode=require",
    "postgresql://u@10.0.0.1:5432/x?sslmode=require&passfile=%2Fp",
])
def test_uri_is_rewritten(proxy, conninfo):
    info = psycopg2.extensions.parse_dsn(proxy.uri(conninfo))
    assert (info["host"], info["port"], info["dbname"]) == ("127.0.0.1", str(proxy.port), "x")
    assert info["sslmode"] == "disable"
    assert "%2Fp" not in conninfo or info["passfile"] == "/p"


# --- the rules ---


@pytest.mark.parametrize("how", ["rst", "fin"])
@pytest.mark.parametrize("when,rows", [("before", 0), ("after", 1)])
def test_cut_commit(lab, proxy, connect, when, rows, how):
    rule = proxy.add(CutCommit(when, how=how))
    with pytest.raises(psycopg2.OperationalError):
        insert_and_commit(connect())
    assert rule.fired == 1
    assert wait_until(lambda: rows_there(lab) == rows)
    insert_and_commit(connect())
    assert rows_there(lab) == rows + 1


def test_cut_commit_late_lands_when_released(lab, proxy, connect):
    rule = proxy.add(CutCommit("late"))
    conn = connect("late")
    with conn.cursor() as cur:
        cur.execute("BEGIN; INSERT INTO proxied VALUES (1)")
    with pytest.raises(psycopg2.OperationalError), conn.cursor() as cur:
        cur.execute("SELECT 1; COMMIT")
    assert len(lab.destination.backends("late")) == 1
    assert rows_there(lab) == 0
    rule.release.set()
    assert rule.delivered.wait(20)
    assert rows_there(lab) == 1
    assert wait_until(lambda: not lab.destination.backends("late"))


def test_hold_commit_survives_its_client(lab, proxy, connect):
    rule = proxy.add(HoldCommit(nth=2))
    insert_and_commit(connect())
    conn = connect("held")
    thread = threading.Thread(target=swallow, args=(insert_and_commit, conn))
    thread.start()
    assert rule.fired_event.wait(20)
    assert rows_there(lab) == 1
    rule.release.set()
    thread.join(20)
    assert rows_there(lab) == 2


def test_nth_and_app_choose_the_commit(lab, proxy, connect):
    rule = proxy.add(CutCommit("before", nth={2, 3}, app="^chosen"))
    other = connect("other")
    for number in range(4):
        insert_and_commit(other, number)
    insert_and_commit(connect("chosen 1"))
    for _ in range(2):
        with pytest.raises(psycopg2.OperationalError):
            insert_and_commit(connect("chosen 2"))
    insert_and_commit(connect("chosen 3"))
    assert (rule.seen, rule.fired, rows_there(lab)) == (4, 2, 6)


def test_app_follows_set(proxy, connect):
    rule = proxy.add(CutMessage("SELECT 42", app="^renamed"))
    conn = connect("first")
    with conn.cursor() as cur:
        cur.execute("SELECT 42")
        cur.execute("SET application_name = 'renamed'")
        with pytest.raises(psycopg2.OperationalError):
            cur.execute("SELECT 42")
    assert rule.seen == 1


@pytest.mark.parametrize("how", ["rst", "fin"])
def test_cut_copy_in_after_bytes(lab, proxy, connect, how):
    rule = proxy.add(CutCopy(TO_SERVER, after=50000, how=how))
    with pytest.raises(psycopg2.OperationalError):
        copy_in(connect())
    assert rule.fired == 1
    assert rows_there(lab) == 0
    copy_in(connect())
    assert rows_there(lab) == ROWS


def test_cut_copy_out_after_bytes(proxy, connect):
    copy_in(connect())
    rule = proxy.add(CutCopy(TO_CLIENT, after=60000, times=2))
    for _ in range(2):
        with pytest.raises(psycopg2.DatabaseError), connect().cursor() as cur:
            cur.copy_expert("COPY proxied TO STDOUT", io.StringIO())
    with connect().cursor() as cur:
        cur.copy_expert("COPY proxied TO STDOUT", io.StringIO())
    assert rule.fired == 2


def test_hold_copy_until_released(lab, proxy, connect):
    rule = proxy.add(HoldCopy(TO_SERVER, after=1000))
    thread = threading.Thread(target=copy_in, args=(connect("slow"),))
    thread.start()
    assert rule.fired_event.wait(20)
    assert lab.destination.backends("slow")[0]["wait_event"] == "ClientRead"
    rule.release.set()
    thread.join(60)
    assert rows_there(lab) == ROWS


def test_refuse_and_accept(lab, proxy, connect):
    living = connect("living")
    proxy.refuse()
    with pytest.raises(psycopg2.OperationalError):
        connect()
    insert_and_commit(living)
    proxy.accept()
    insert_and_commit(connect())
    assert rows_there(lab) == 2


def test_cut_all_by_name(proxy, connect):
    one, two = connect("cut/1"), connect("kept/2")
    assert proxy.cut_all(app="^cut/") == 1
    with pytest.raises(psycopg2.OperationalError):
        insert_and_commit(one)
    insert_and_commit(two)


def test_server_down_closes_the_client(proxy):
    with PgProxy(1) as dead:
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(f"host=127.0.0.1 port={dead.port} sslmode=disable connect_timeout=20")
        assert dead.errors == []


def swallow(function, *args):
    try:
        function(*args)
    except psycopg2.Error:
        pass
