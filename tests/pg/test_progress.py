"""What is shown while it runs and at the end."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("loader")


@pytest.fixture
def some(pair):
    pair.both("CREATE TABLE t (a int PRIMARY KEY, v text); CREATE TABLE u (a int)")
    pair.src("INSERT INTO t SELECT i, repeat('x', 50) FROM generate_series(1, 20000) i;"
             "INSERT INTO u SELECT generate_series(1, 7)")
    return pair


def test_json_lines_only_and_the_summary_last(some):
    result = some.load("--progress", "json", "--chunk-size", "256kB")
    assert result.status == 0, result
    events = [json.loads(line) for line in result.out.splitlines()]
    assert events[-1]["event"] == "summary"
    assert result.summary["rows"] == 20007
    assert {t["name"]: t["rows"] for t in result.summary["tables"]} == {"public.t": 20000, "public.u": 7}


def test_summary_after_a_failure_is_on_stdout_too(some):
    some.dst("INSERT INTO u VALUES (1)")
    result = some.load("--progress", "json")
    assert result.status == 2
    assert result.summary, result


def test_plain_summary(some):
    result = some.load()
    assert result.status == 0
    for word in ("public.t", "20000", "public.u"):
        assert word in result.out.replace(",", "").replace("'", ""), result
    assert "snapshot" in result.out
    assert "\x1b[" not in result.text, "no colours where there is no terminal"


def test_quiet_and_none(some):
    result = some.load("-q", "--progress", "none")
    assert result.status == 0
    assert result.err == "", result


def test_log_format_json(some):
    result = some.load("--log-format", "json", "--progress", "none", "-v")
    assert result.status == 0
    for line in result.err.splitlines():
        json.loads(line)


def test_a_finished_job_holds_nothing_back(some):
    warnings = " ".join(some.load("--progress", "json").summary["warnings"])
    assert "held back VACUUM" in warnings and "holds back" not in warnings
    planned = some.load("--progress", "json", "--dry-run", "--job", "another")
    assert "holds back VACUUM" in planned.text


ACTIVITIES = {"read", "wait_memory", "throttle", "wait_rows", "begin", "send", "commit", "unpack",
              "spill_read", "pack", "spill_write", "spill_full",
              "pack_idle"}


def test_summary_says_where_the_time_went(some):
    result = some.load("--progress", "json", "--jobs", "2")
    summary = result.summary
    assert set(summary["spent_ms"]) == ACTIVITIES
    assert summary["transactions"] >= 2
    assert summary["bottleneck"] != "none" and summary["verdict"]
    assert (summary["resends"], summary["rereads"], summary["released_ms"]) == (0, 0, None)
    assert not summary["from_spill"]
    streams = summary["streams_list"]
    assert len(streams) == 2
    for side in ("rows_read", "rows_sent"):
        assert sum(s[side] for s in streams) == 20007
    assert sum(t["time_share"] for t in summary["tables"]) == pytest.approx(1, abs=0.001)
    assert all(set(t["spent_ms"]) == ACTIVITIES and t["why"] for t in summary["tables"])


def test_a_load_held_to_a_rate_says_so_while_it_runs_and_afterwards(some):
    some.src("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(20001, 30000) i")
    result = some.load("--progress", "json", "--max-rate", "512kB/s", "--chunk-size", "256kB")
    assert result.status == 0, result
    events = [json.loads(line) for line in result.out.splitlines()]
    running = [e for e in events if e["event"] == "progress"]
    assert any(e["bottleneck"] == "max_rate" and e["why"] == "limited by --max-rate 512 kB/s"
               for e in running), result
    assert all(set(e["spent_ms"]) == ACTIVITIES for e in running)
    assert events[-1]["bottleneck"] == "max_rate"
    assert events[-1]["spent_ms"]["throttle"] > events[-1]["spent_ms"]["read"]


def test_verbose_summary_has_a_line_for_each_stream(some):
    plain = some.load("--jobs", "2")
    assert plain.status == 0, plain
    assert "time went    writers: " in plain.out
    assert "  stream  " not in plain.out
    verbose = some.load("--jobs", "2", "-v", "--mode", "truncate", "--restart")
    assert verbose.status == 0, verbose
    assert "  stream  " in verbose.out, verbose
