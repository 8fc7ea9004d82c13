"""The simulated shard group: its routers, what cuts and slows them, and how they are listed."""

import hashlib
import io
import threading
import time

import psycopg2
import pytest


def value(conn, sql):
    with conn.cursor() as cur:
        cur.execute(sql)
        return cur.fetchone()[0]


def by_way_of(conn):
    return value(conn, "SELECT host(inet_client_addr())")


def listed(conn):
    with conn.cursor() as cur:
        cur.execute("SELECT router_endpoint, load FROM pg_catalog.aurora_limitless_router_endpoints()")
        return cur.fetchall()


def eventually(check, seconds=10):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)




def test_each_router_is_its_own_host_on_one_port(group, group_db, admin):
    assert by_way_of(admin) == group.routers[0].host  # the endpoint leads to router 1
    for router in group.routers:
        conn = router.connect(group_db, **group.verified(router.host))
        assert by_way_of(conn) == router.host == f"127.0.0.{router.number + 1}"
        assert conn.info.port == group.port != group.server_port
        assert value(conn, "SELECT subcluster_id FROM rds_aurora.limitless_stat_activity"
                           " WHERE pid = pg_backend_pid()") == router.subcluster_id
        conn.close()
    eventually(lambda: [r.count() for r in group.routers] == [1, 0, 0])
    assert group.endpoint.count() == 1


def test_the_certificate_is_checked(group, group_db):
    with pytest.raises(psycopg2.OperationalError, match="does not match"):
        group.routers[0].connect(group_db, **{**group.verified("not.me"), "hostaddr": "127.0.0.2"})


def test_loads_and_list(group, admin):
    assert listed(admin) == [(r.host, 0.0) for r in group.routers]
    group.set_load(1, 0.1)
    group.set_load(2, 0.8)
    group.set_listed(3, False)
    assert listed(admin) == [("127.0.0.2", 0.1), ("127.0.0.3", 0.8)]
    group.reset()
    assert len(listed(admin)) == 3
    assert value(admin, "SELECT count(*) FROM rds_aurora.limitless_subclusters WHERE subcluster_type = 'router'") == 3


def test_cut(group, group_db, admin):
    other = group.routers[1].connect(group_db)
    group.routers[0].cut()  # the endpoint's connection is there, too
    with pytest.raises(psycopg2.OperationalError):
        value(admin, "SELECT 1")
    assert value(other, "SELECT 1") == 1
    again = group.routers[0].connect(group_db)
    assert value(again, "SELECT 1") == 1
    again.close()
    other.close()


def test_a_cut_ends_the_servers_session(group, group_db):
    conn = group.routers[1].connect(group_db, application_name="victim")
    assert group.writers_by_router(group_db, "victim") == {1: 0, 2: 1, 3: 0}
    group.routers[1].cut()
    eventually(lambda: group.writers_by_router(group_db, "victim")[2] == 0)
    assert group.routers[1].count() == 0 and group.routers[1].total() >= 1
    conn.close()


def test_stop_and_start(group, group_db):
    conn = group.routers[0].connect(group_db)
    group.routers[0].stop()
    with pytest.raises(psycopg2.OperationalError):
        value(conn, "SELECT 1")
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        group.routers[0].connect(group_db)
    led = group.endpoint.connect(group_db)
    assert by_way_of(led) == "127.0.0.3"
    led.close()
    group.routers[0].start()
    group.routers[0].start()
    assert by_way_of(group.routers[0].connect(group_db)) == "127.0.0.2"


def test_the_endpoint_leads_where_it_is_told(group, group_db):
    group.lead(3)
    assert by_way_of(group.endpoint.connect(group_db)) == "127.0.0.4"
    group.routers[2].stop()
    with pytest.raises(psycopg2.OperationalError):
        group.endpoint.connect(group_db)


def test_freeze_and_thaw(group, group_db):
    conn = group.routers[1].connect(group_db)
    group.routers[1].freeze()
    got = []
    asking = threading.Thread(target=lambda: got.append(value(conn, "SELECT 5")))
    asking.start()
    asking.join(0.3)
    assert got == []
    group.routers[1].thaw()
    asking.join(10)
    assert got == [5]


def test_slow(group, group_db):
    conn = group.routers[1].connect(group_db)
    group.routers[1].slow(1_000_000)
    began = time.monotonic()
    value(conn, "SELECT repeat('x', 500000)")
    took = time.monotonic() - began
    assert took > 0.4  # 500,000 bytes at 1,000,000 a second
    group.routers[1].slow(0)
    before = group.routers[1].bytes()
    value(conn, "SELECT repeat('x', 500000)")
    assert group.routers[1].bytes() - before > 500000


def test_bytes_come_through_as_they_are(group, group_db, admin):
    """Both ways at once, by many connections, more than any buffer on the way holds."""
    with admin.cursor() as cur:
        cur.execute("CREATE TABLE t (w int, i int, line text)")
    text = "".join(f"{{w}}\t{i}\t{hashlib.md5(str(i).encode()).hexdigest() * 20}\n" for i in range(8000))

    def work(number, router):
        mine = text.replace("{w}", str(number))
        conn = router.connect(group_db)
        with conn.cursor() as cur:
            cur.copy_expert("COPY t FROM STDIN", io.StringIO(mine))
            back = io.StringIO()
            cur.copy_expert(f"COPY (SELECT * FROM t WHERE w = {number} ORDER BY i) TO STDOUT", back)
        results[number] = back.getvalue() == mine
        conn.close()

    results = {}
    threads = [threading.Thread(target=work, args=(n, group.routers[n % 3])) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {n: True for n in range(6)}


def test_many_connections_come_and_go(group, group_db):
    for _ in range(5):
        conns = [group.routers[n % 3].connect(group_db) for n in range(30)]
        group.routers[1].cut()
        for conn in conns:
            conn.close()
    eventually(lambda: [r.count() for r in group.routers] == [0, 0, 0])


def test_the_proxy_says_no(group):
    from support.lab import LabError

    for words in (("cut", 17), ("cut", "x"), ("fly", 1), ()):
        with pytest.raises(LabError):
            group.proxy.command(*words)
    assert group.proxy.running()


def test_the_proxy_ends_with_its_parent(group, tmp_path):
    import subprocess

    from support.lab import free_port
    program = group.proxy.dir / "router_proxy"
    port = free_port()
    for how in ("stdin", "SIGTERM"):
        child = subprocess.Popen([program, tmp_path / how, str(port), str(group.server_port), "127.0.0.2"],
                                 stdin=subprocess.PIPE)
        eventually(lambda: (tmp_path / how).exists())
        child.stdin.close() if how == "stdin" else child.terminate()
        assert child.wait(10) == 0
        assert not (tmp_path / how).exists()
