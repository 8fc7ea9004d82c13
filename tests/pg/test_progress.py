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
