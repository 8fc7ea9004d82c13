"""Which router each writer works on, and what happens when one of them fails or refuses."""

import json
import re
import signal
import time

import pytest

from support import sluice

ROWS = 60000

TABLE = "CREATE TABLE t (cust int, id int, note text, PRIMARY KEY (cust, id));"
SHARDED = """SET rds_aurora.limitless_create_table_mode = 'sharded';
SET rds_aurora.limitless_create_table_shard_key = '{"cust"}';"""
FILL = ("INSERT INTO t SELECT i % 97, i, repeat(md5(i::text), 8) FROM generate_series(1, {rows}) i;"
        " ANALYZE t;")


@pytest.fixture
def pair(group_pair):
    """One sharded table; the third router is out of the list."""
    group_pair.src(TABLE + FILL.format(rows=ROWS))
    group_pair.dst(SHARDED + TABLE)
    group_pair.group.set_listed(3, False)
    return group_pair


def args(*more):
    """Small chunks and a slow pace, so that there is time to look."""
    return ("--chunk-size", "64kB", "--memory", "16MB", "--progress", "json", "-v", *more)


def loads(pair, first, second):
    pair.group.set_load(1, first)
    pair.group.set_load(2, second)


def spread(pair):
    by = pair.group.writers_by_router(pair.destination_db, "sluice/%/writer-%")
    return by[1], by[2]


def wait_for(load, what, seconds=40):
    """Until what() is true, while the load runs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return
        assert load.running(), load.wait()
        time.sleep(0.1)
    raise AssertionError(f"did not come about in {seconds} s\n{load.stderr()[-3000:]}")


def events(load):
    """What a running load has printed so far, whole lines only."""
    return [json.loads(line) for line in load.stdout().split("\n")[:-1] if line.startswith("{")]


def finish(pair, load, timeout=180):
    result = load.wait(timeout)
    assert result.status == 0, result
    assert pair.differences() == [], result
    return result


def router(result, host):
    return next(r for r in result.summary["routers"] if r["host"] == host)


# --- spread ---


def test_eight_writers_by_weight_and_again_when_loads_swap(pair):
    loads(pair, 0.1, 0.8)
    load = pair.start(*args("-j", "8", "--max-rate", "450kB"))
    wait_for(load, lambda: sum(spread(pair)) == 8)
    assert spread(pair) in [(7, 1), (6, 2)]
    loads(pair, 0.8, 0.1)
    swapped = time.monotonic()
    wait_for(load, lambda: spread(pair) in [(1, 7), (2, 6)], 30)
    assert time.monotonic() - swapped < 30
    time.sleep(1.1)  # a progress line
    load.send(signal.SIGINT)
    stopped = load.wait()
    assert stopped.status == 5, stopped
    last = [e for e in stopped.events if e["event"] == "progress" and not e["draining"]][-1]
    assert [r["writers"] for r in last["routers"]] in [[1, 7], [2, 6]]
    assert re.search(r"writer \d moves from 127\.0\.0\.2 to 127\.0\.0\.3: another router has less",
                     stopped.err)
    assert "writers by router: 127.0.0.2 (load 0.80) takes 1, 127.0.0.3 (load 0.10) takes 7" in stopped.err
    finish(pair, pair.start(*args("-j", "8")))


def test_without_routers_all_go_to_the_endpoint(pair):
    pair.group.lead(3)
    before = [r.total() for r in pair.group.routers[:2]]
    endpoint = pair.group.endpoint.total()
    result = finish(pair, pair.start(*args("-j", "4", "--routers", "off")))
    assert result.summary["routers"] == []
    assert pair.group.endpoint.total() >= endpoint + 5
    assert [r.total() for r in pair.group.routers[:2]] == before


def test_certificate_names_are_checked_for_each_router(pair):
    dsn = pair.group.dsn(pair.destination_db, **pair.group.verified())
    result = sluice.run_load("--source", pair.source_dsn, "--destination", dsn, *args("-j", "4"))
    assert result.status == 0, result
    assert router(result, "127.0.0.2")["connects"] > 0 and router(result, "127.0.0.3")["connects"] > 0
    assert router(result, "127.0.0.2")["failures"] == 0, result


# --- failures ---


def test_a_router_stops_and_comes_back(pair):
    loads(pair, 0.5, 0.5)
    load = pair.start(*args("-j", "4", "--max-rate", "450kB"))
    wait_for(load, lambda: spread(pair) == (2, 2))
    pair.group.routers[1].stop()
    wait_for(load, lambda: spread(pair)[0] == 4)
    pair.group.routers[1].start()
    wait_for(load, lambda: spread(pair) == (2, 2))
    result = finish(pair, load)
    back = router(result, "127.0.0.3")
    assert back["failures"] > 0 and back["down_at"] and back["back_after_ms"] >= 9000
    assert "router 127.0.0.3 stopped answering" in result.err
    assert "router 127.0.0.3 answers again" in result.err


def test_the_summary_tells_the_story(pair):
    loads(pair, 0.5, 0.5)
    load = pair.start("--chunk-size", "64kB", "-j", "4", "--max-rate", "800kB", "--progress", "none")
    wait_for(load, lambda: spread(pair) == (2, 2))
    pair.group.routers[1].stop()
    result = finish(pair, load)
    assert re.search(r"routers +127\.0\.0\.2: 4 writers, load 0\.50, \d+ connections", result.out), result
    assert re.search(r"router 127\.0\.0\.3: stopped answering at \d{4}-\d\d-\d\dT[\d:.]+Z, not used since",
                     result.out), result


def test_all_routers_stop_and_the_endpoint_stays(pair):
    """The endpoint leads to the third router, which nobody lists."""
    pair.group.lead(3)
    load = pair.start(*args("-j", "4", "--max-rate", "900kB"))
    wait_for(load, lambda: sum(spread(pair)) == 4)
    pair.group.routers[0].stop()
    pair.group.routers[1].stop()
    wait_for(load, lambda: pair.group.writers_by_router(pair.destination_db, "sluice/%/writer-%")[3] == 4)
    finish(pair, load)


def test_the_control_connection_moves_to_another_router(pair):
    """The endpoint's router goes, and with it ledger and lease's connection."""
    pair.group.lead(1)
    load = pair.start(*args("-j", "2", "--max-rate", "900kB"))
    wait_for(load, lambda: sum(spread(pair)) == 2)
    pair.group.endpoint.stop()
    pair.group.routers[0].stop()
    wait_for(load, lambda: pair.group.writers_by_router(pair.destination_db, "sluice/%/control")[2] == 1)
    result = finish(pair, load)
    assert result.summary["chunks_done"] == result.summary["chunks_total"]


def test_a_hanging_endpoint_does_not_hang_the_load(pair):
    """Nothing comes through it and nothing is closed: lease and progress go on by a router."""
    pair.group.lead(3)
    load = pair.start(*args("-j", "2", "--max-rate", "900kB"))
    wait_for(load, lambda: sum(spread(pair)) == 2)
    pair.group.endpoint.freeze()
    control = lambda: pair.group.writers_by_router(pair.destination_db, "sluice/%/control")  # noqa: E731
    wait_for(load, lambda: control()[1] + control()[2] == 1)
    finish(pair, load)


def test_a_frozen_router_is_given_up(pair):
    """Nothing is forwarded and nothing closed: after 30 s it is asked by another connection."""
    load = pair.start(*args("-j", "4", "--max-rate", "400kB"))
    wait_for(load, lambda: pair.chunks_done() > 4)
    stuck = pair.group.routers[0]
    stuck.freeze()
    wait_for(load, lambda: f"router {stuck.host} stopped answering" in load.stderr(), 60)
    wait_for(load, lambda: "does not answer any more" in load.stderr())
    stuck.thaw()  # its sessions end: what they had begun is the others'
    result = finish(pair, load)
    assert "does not answer any more" in result.err


def test_killed_and_resumed(pair):
    load = pair.start(*args("-j", "4", "--max-rate", "900kB"))
    wait_for(load, lambda: pair.chunks_done() > 3)
    load.kill()
    pair.group.routers[0].stop()
    pair.group.lead(2)
    result = finish(pair, pair.start(*args("-j", "4")))
    assert "resuming" in result.err


@pytest.mark.parametrize("name, how", [
    ("deadlock", {}),
    ("commit_time", {}),
    ("throttle", {"error": True, "limit": 0}),
    ("split", {}),
    ("split", {"terminate": True}),
])
def test_errors_that_pass(pair, name, how):
    with pair.group.injected(name, every=5, **how):
        result = finish(pair, pair.start(*args("-j", "4")))
        assert pair.group.hits(pair.destination_db, name) > 0
    assert result.summary["retries"] > 0


def test_too_many_connections(pair):
    """Some of the writers get in, and do the work of all."""
    pair.group.connection_limit(4)
    load = pair.start(*args("-j", "8", "--max-rate", "1MB"))
    wait_for(load, lambda: "going on with 3 writers" in load.stderr())
    result = finish(pair, load, 60)
    assert "too many connections" in result.summary["retry_reasons"]
    assert "on with 3 of 8 writers" in " ".join(result.summary["warnings"])
    assert "takes no more connections" in result.err and "stopped answering" not in result.err
    assert [router(result, r.host)["failures"] for r in pair.group.routers[:2]] == [0, 0]


def test_too_many_connections_in_the_middle(pair):
    """Sessions that were ended are not let in again; when they may, the writers come back."""
    load = pair.start(*args("-j", "6", "--max-rate", "300kB"))
    wait_for(load, lambda: sum(spread(pair)) == 6)
    pair.group.connection_limit(3)
    pair.group.query("postgres", "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
                     " WHERE application_name LIKE 'sluice/%/writer-%' LIMIT 4) x")
    wait_for(load, lambda: "going on with 2 writers" in load.stderr())
    pair.group.connection_limit(-1)
    wait_for(load, lambda: sum(spread(pair)) == 6, 60)
    wait_for(load, lambda: "takes more connections again" in load.stderr())
    load.process.send_signal(signal.SIGKILL)
    load.wait()
    finish(pair, pair.start(*args("-j", "4")))


def test_binary_copy_refused(pair):
    with pair.group.injected("binary_copy"):
        refused = pair.start(*args("-j", "2", "--format", "binary")).wait()
        assert refused.status == 2 and "the destination refuses binary COPY" in refused.text, refused
        result = finish(pair, pair.start(*args("-j", "2")))
    assert result.summary["tables"][0]["format"] == "text"
    assert "binary COPY is refused by the destination" in " ".join(result.summary["warnings"])
    result = pair.start(*args("-j", "2", "--restart", "--mode", "truncate")).wait()
    assert result.status == 0 and result.summary["tables"][0]["format"] == "binary", result


def test_sequences_without_setval(group_pair):
    group_pair.src("CREATE TABLE s (id serial PRIMARY KEY, n int);"
                   " INSERT INTO s (n) SELECT i FROM generate_series(1, 500) i")
    group_pair.dst("CREATE TABLE s (id serial PRIMARY KEY, n int)")
    finish(group_pair, group_pair.start(*args("-j", "2")))
    assert group_pair.dst("SELECT nextval('s_id_seq')").strip() == "501"
    # Never backwards.
    group_pair.dst("ALTER SEQUENCE s_id_seq RESTART WITH 9000; SELECT nextval('s_id_seq')")
    result = group_pair.start(*args("-j", "2", "--restart", "--mode", "truncate")).wait()
    assert result.status == 0, result
    assert group_pair.dst("SELECT nextval('s_id_seq')").strip() == "9001"


def test_check_lists_the_routers(pair):
    pair.group.routers[1].stop()
    result = sluice.run_load(*pair.args(), subcommand="check")
    assert "127.0.0.2, load 0.00: reached, and it let us in" in result.out, result
    assert "127.0.0.3" in result.out and "refused" in result.out, result


def test_the_rest_from_the_spill_by_other_routers(pair, tmp_path):
    """The source is given back; the loader is killed, and goes on by another router."""
    (tmp_path / "spill").mkdir()
    spill = ("--spill-dir", tmp_path / "spill", "--release-source", "early",
             "--spill-key-file", tmp_path / "key")
    for each in pair.group.routers[:2]:
        each.slow(400_000)
    pair.group.lead(3)
    load = pair.start(*args("-j", "2", *spill))
    wait_for(load, lambda: any(e.get("released_ms") for e in events(load)))
    load.kill()
    pair.src("DROP TABLE t")
    for each in pair.group.routers[:2]:
        each.slow(0)
    pair.group.lead(2)
    result = pair.start(*args("-j", "2", *spill)).wait()
    assert result.status == 0 and result.summary["from_spill"], result
    assert pair.dst("SELECT count(*), sum(id), count(DISTINCT note) FROM t").strip() \
        == f"{ROWS}|{ROWS * (ROWS + 1) // 2}|{ROWS}"
    assert sum(r["connects"] for r in result.summary["routers"]) > 0
