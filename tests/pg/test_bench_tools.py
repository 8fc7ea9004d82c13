"""The pure parts of bench/: parsing, pairing, cutting, charts. No server, no build."""

import importlib.machinery
import importlib.util
import json
import math
import os
import socket
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest

from support.sluice import REPO

BENCH = REPO / "bench"
sys.path.insert(0, str(BENCH))

import charts  # noqa: E402
import datasets  # noqa: E402
import growth  # noqa: E402
import link  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def program(name):
    """A program of bench/ as a module; its file has no ending."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(BENCH / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def compare():
    return program("compare")


def table(name, size, rows=1000):
    made = datasets.accounts(rows, name)
    made.size = size
    return made


def a_run(seconds, cpu=1.0, backends=2.0):
    used = {name: {"backends": backends, "background": 0.5} for name in ("source", "destination")}
    return measure.Run(seconds, cpu / 2, cpu / 2, 10 << 20, 20 << 20, 0.5, used)


# --- what other programs print ---


PERF = "# started on Sun Nov 22 14:58:01 2026\n\n2654,,raw_syscalls:sys_enter,42918366,100.00,,\n"
STRACE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 75.00    0.000057           9         6           set_robust_list
 25.00    0.000019           5         7         2 getsockopt
------ ----------- ----------- --------- --------- ----------------
100.00    0.000076           5        13         2 total
"""


@pytest.mark.parametrize("parse, text, want", [
    (measure.perf_total, PERF, 2654),
    (measure.perf_total, "<not supported>,,raw_syscalls:sys_enter,0,100.00,,\n", None),
    (measure.perf_total, "", None),
    (measure.strace_total, STRACE, 13),
    (measure.strace_total, STRACE.replace("         2 total", "           total"), 13),
    (measure.strace_total, "strace: exec: no such file\n", None),
    (measure.strace_total, "", None),
], ids=["perf", "perf cannot", "perf nothing", "strace", "strace without errors", "strace failed", "strace nothing"])
def test_counts_of_system_calls(parse, text, want):
    assert parse(text) == want


def test_sluice_tells_its_bytes_in_the_last_line():
    out = '{"event":"progress","wire_bytes_run":1}\nnot json\n{"event":"summary","wire_bytes_run":42}\n'
    assert growth.wire_bytes(out) == 42


@pytest.mark.parametrize("out, want", [
    ("", None),
    ("{broken\n", None),
    ('{"event":"progress","wire_bytes_run":1}\n', None),
    ('{"event":"summary","tables":[{"wire_bytes":3},{"wire_bytes":4}]}\n', 7),
    ('{"event":"summary","wire_bytes_run":0,"tables":[]}\n', None),
])
def test_bytes_that_are_not_told(out, want):
    assert growth.wire_bytes(out) == want


def test_memory_of_a_process():
    text = "Name:\tsluice\nVmHWM:\t   22000 kB\nRssAnon:\t     512 kB\n"
    assert measure.status_kb(text, "VmHWM") == 22000 * 1024
    assert measure.status_kb(text, "RssAnon") == 512 * 1024
    assert measure.status_kb(text, "RssShmem") == 0


# --- running ---


def test_a_run_counts_all_that_it_started():
    burn = "import time\nend = time.process_time() + 0.15\nwhile time.process_time() < end: pass"
    command = ["sh", "-c", '"$0" -c "$1" & "$0" -c "$1" & wait; echo said', sys.executable, burn]
    run = measure.run(command, timeout=60)
    assert run.cpu >= 0.3
    assert run.out == "said\n"
    assert 0 < run.peak_process <= run.peak_together + (64 << 20)


def test_a_run_waits_for_what_lost_its_parent(tmp_path):
    done = tmp_path / "done"
    before = set(measure.children(os.getpid()))
    measure.run(["sh", "-c", f"(setsid sh -c 'sleep 0.5; echo >{done}' &) ; exit 0"], timeout=60)
    assert done.exists()
    assert set(measure.children(os.getpid())) <= before


def test_memory_of_processes_is_added():
    hold = ("import subprocess, sys, time\nheld = bytearray(40 << 20)\n"
            "if len(sys.argv) > 1: sys.exit(subprocess.call([sys.executable, '-c', sys.argv[1]]))\n"
            "time.sleep(1)")
    run = measure.run([sys.executable, "-c", hold, hold], timeout=60)
    assert run.peak_together >= 80 << 20 > run.peak_process >= 40 << 20


def test_a_failed_run_says_what_it_said():
    with pytest.raises(measure.Failed, match="status 3: .*no such thing"):
        measure.run(["sh", "-c", "echo no such thing >&2; exit 3"], timeout=60)


def test_a_run_that_takes_too_long_is_ended_with_its_children(tmp_path):
    pids = tmp_path / "pids"
    before = set(measure.children(os.getpid()))
    with pytest.raises(measure.Failed, match="still ran after 0.5 s"):
        measure.run(["sh", "-c", f"sleep 300 & echo $! >{pids}; trap '' TERM; sleep 300 & wait; wait"], timeout=0.5)
    assert not os.path.exists(f"/proc/{pids.read_text().strip()}")
    assert set(measure.children(os.getpid())) <= before


def test_system_calls_are_counted():
    counter = measure.usable_counter()
    if not counter:
        pytest.skip("neither perf nor strace can count system calls here")
    few = measure.count_calls(counter, ["true"], None, 60)
    many = measure.count_calls(counter, [sys.executable, "-c", "import os\nfor _ in range(5000): os.getppid()"],
                               None, 60)
    assert 0 < few < 5000 <= many


# --- data ---


def test_a_table_is_filled_once_and_whole():
    made = datasets.accounts(450000, "a")
    statements = list(made.statements())
    assert statements[0].startswith("CREATE TABLE a ")
    spans = [s.split("generate_series(")[1].split(")")[0] for s in statements[1:]]
    assert spans == ["1, 200000", "200001, 400000", "400001, 450000"]


@pytest.mark.parametrize("name", sorted(datasets.DATA))
def test_every_data_set_has_its_statements(name):
    for size in (0.001, 1):
        made = datasets.DATA[name][1](size)
        assert len({t.name for t in made}) == len(made)
        for each in made:
            assert each.rows >= 1
            for statement in each.statements():
                assert "{" not in statement
    if name == "small":
        assert len(made) == 2000
    if name == "skew":
        assert 0.89 < max(t.rows for t in made) / sum(t.rows for t in made) < 0.91


def test_pipes_share_the_work():
    big, small = table("big", 900 * 8192), table("small", 100 * 8192)
    found = datasets.pieces([small, big], 4)
    assert [(t.name, where) for t, where, _ in found] == [
        ("big", "ctid < '(225,0)'"),
        ("big", "ctid >= '(225,0)' AND ctid < '(450,0)'"),
        ("big", "ctid >= '(450,0)' AND ctid < '(675,0)'"),
        ("big", "ctid >= '(675,0)'"),
        ("small", ""),
    ]


def test_two_equal_tables_are_a_pipe_each():
    found = datasets.pieces([table("a", 404), table("b", 384)], 2)
    assert [(t.name, where) for t, where, _ in found] == [("a", ""), ("b", "")]


def test_copy_statements():
    t = table("a", 1)
    assert datasets.copy_out(t) == "COPY a TO STDOUT"
    assert datasets.copy_out(t, "ctid < '(1,0)'", True) == (
        "COPY (SELECT * FROM a WHERE ctid < '(1,0)') TO STDOUT (FORMAT binary)")
    assert datasets.copy_in(t, True) == "COPY a FROM STDIN (FORMAT binary)"


# --- peers ---


class FakeLab:
    bindir = BENCH

    def __init__(self):
        side = SimpleNamespace(dsn=lambda *a, **k: "dbname=x", uri=lambda *a, **k: "postgresql:///x")
        self.source = self.destination = side

    def client_env(self):
        return {}


@pytest.fixture
def setting(tmp_path):
    return peers.Setting(FakeLab(), [table("a", 100)], 3, tmp_path)


def test_everyone_can_be_asked_for(setting):
    assert sorted(peers.everyone(setting)) == sorted(peers.PEERS)
    assert len({p.name for p in peers.everyone(setting).values()}) == len(peers.PEERS)


def test_what_is_not_installed_is_named(setting, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PGCOPYDB", raising=False)
    for name, peer in peers.everyone(setting).items():
        assert "is not installed" in peer.why_not(), name
    assert "is not there" in peers.Sluice(setting, tmp_path / "sluice").why_not()


def fake_pgcopydb(tmp_path, options):
    path = tmp_path / "pgcopydb"
    path.write_text(f"#!/bin/sh\ncase $1 in clone) echo '{options}' ;; *) echo 'pgcopydb version 0.1-2' ;; esac\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_pgcopydb_writes_no_binary(setting, monkeypatch, tmp_path):
    monkeypatch.setenv("PGCOPYDB", fake_pgcopydb(tmp_path, "--table-jobs"))
    plain, binary = peers.PgCopyDb(setting, False), peers.PgCopyDb(setting, True)
    assert plain.why_not() is None
    assert binary.why_not() == "pgcopydb 0.1-2 has no --use-copy-binary"
    assert plain.wishes() == {}
    assert "cannot leave out" in plain.about()


def test_a_newer_pgcopydb_is_asked_for_binary(setting, monkeypatch, tmp_path):
    monkeypatch.setenv("PGCOPYDB", fake_pgcopydb(tmp_path, "--use-copy-binary --skip-vacuum"))
    monkeypatch.setenv("PGCOPYDB_SPLIT_TABLES_LARGER_THAN", "64MB")
    monkeypatch.setenv("PGCOPYDB_SOURCE_PGURI", "postgresql://u:geheim@h/d")
    plain, binary = peers.PgCopyDb(setting, False), peers.PgCopyDb(setting, True)
    assert binary.why_not() is None
    assert "PGCOPYDB_USE_COPY_BINARY" not in plain.env()
    assert binary.env()["PGCOPYDB_USE_COPY_BINARY"] == binary.env()["PGCOPYDB_SKIP_VACUUM"] == "on"
    assert "PGCOPYDB_SPLIT_TABLES_LARGER_THAN=64MB" in binary.about()
    assert "geheim" not in binary.about() and "PGCOPYDB_SOURCE_PGURI" not in binary.env()


# --- the comparison ---


def test_pairs_are_of_the_same_round():
    ours = [a_run(1.0), a_run(2.0), a_run(4.0), a_run(9.0)]
    theirs = [a_run(2.0), None, a_run(5.0), a_run(0.0)]
    assert report.paired(ours, theirs, lambda r: r.seconds) == [0.5, 0.8]


class Someone:
    def __init__(self, name):
        self.name = name


def test_who_begins_moves_on(compare):
    """One after the other, in an order that is turned by one from round to round."""
    begun = []
    names = ["a", "b", "c"]
    c = compare.Comparison.__new__(compare.Comparison)
    everyone = [Someone(n) for n in names]
    c.peers, c.ours, c.absent, c.wire = everyone, everyone[0], [], []
    c.rounds = {p: [] for p in everyone}
    c.turn = lambda peer: begun.append(peer.name) or a_run(1.0)
    for number in range(4):
        c.one_round(number)
    assert "".join(begun) == "abc" "bca" "cab" "abc"
    assert all(len(c.rounds[p]) == 4 for p in everyone)


def test_who_fails_is_left_out_and_named(compare):
    c = compare.Comparison.__new__(compare.Comparison)
    everyone = [Someone(n) for n in ("sluice", "good", "bad")]
    c.peers, c.ours, c.absent, c.wire = everyone, everyone[0], [], []
    c.rounds = {p: [] for p in everyone}
    c.lab = SimpleNamespace(clusters={})
    tried = []

    def turn(peer):
        tried.append(peer.name)
        if peer.name == "bad":
            raise measure.Failed("status 1: no such table")
        return a_run(1.0)

    c.turn = turn
    c.one_round(0)
    c.one_round(1)
    assert tried.count("bad") == 1 and tried.count("good") == 2
    assert c.rounds[everyone[2]] == [None, None]
    assert c.absent == [("bad", "status 1: no such table")]
    c.ours, c.absent = everyone[2], []  # without sluice there is nothing to compare
    with pytest.raises(measure.Failed, match="bad: status 1"):
        c.one_round(2)


@pytest.mark.parametrize("words", [["--peers", "psql,oracle"], ["--size", "0"], ["--rounds", "0"], ["--data", "x"]])
def test_wrong_options_are_refused(compare, words, capsys):
    with pytest.raises(SystemExit) as e:
        compare.parse(words)
    assert e.value.code == 2
    assert words[0] in capsys.readouterr().err


def measured(compare, setting):
    """A comparison of two rounds, with one that failed and one that is not there."""
    c = compare.Comparison.__new__(compare.Comparison)
    c.lab, c.setting, c.data, c.what = None, setting, "few", "a few rows"
    c.server_version, c.settings, c.load = "15.1", {"fsync": "on"}, [0.1, 0.2]
    ours = peers.Sluice(setting, "/bin/true")
    pipes = peers.PsqlPipes(setting, binary=True)
    bad = peers.PgDumpPipe(setting)
    for peer in (ours, pipes, bad):
        peer.version = lambda: ""
    c.ours, c.peers, c.absent = ours, [ours, pipes, bad], [("pg_dump | psql", "status 1: a | b\nmore")]
    c.rounds = {ours: [a_run(3.0, cpu=0.5), a_run(4.0, cpu=0.7)], pipes: [a_run(6.0), a_run(5.0)],
                bad: [None, None]}
    c.wire, c.calls, c.counter = [500000000, 500000000], {ours: 100, bad: None}, "strace"
    c.apart = {"splitting": 1.5}
    return c


def cells(text):
    """Of every line of a Markdown table; an escaped bar is part of a cell."""
    rows = [line.replace("\\|", "\0").strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.replace("\0", "|").strip() for cell in row] for row in rows]


def test_the_report_says_what_was_measured(compare, setting):
    text = report.markdown(measured(compare, setting))
    assert ["psql | psql, binary", "**0.650**", "0.500", "0.800", "2"] in cells(text)
    assert "- **pg_dump | psql**: status 1: a | b / more" in text
    assert "- splitting: 1.50 s, once" in text
    need = 5.0 / os.cpu_count()  # four seconds of backends and one beside them
    assert f"divided by {os.cpu_count()} cores: {need:.2f} (" in text
    assert f"in the same round: **{3.5 / need:.2f} ({3 / need:.2f}..{4 / need:.2f})**" in text
    assert "**1.20 (1.00..1.40)** s for a GB" in text


def test_every_table_of_the_report_is_even(compare, setting):
    wide = 0
    for line in report.markdown(measured(compare, setting)).splitlines() + [""]:
        now = len(cells(line)[0]) if line.startswith("|") else 0
        assert not (wide and now) or wide == now, line
        wide = now


def test_all_figures_are_json(compare, setting):
    raw = json.loads(json.dumps(report.raw(measured(compare, setting))))
    assert [p["name"] for p in raw["participants"]] == ["sluice", "psql | psql, binary", "pg_dump | psql"]
    assert raw["participants"][0]["rounds"][1]["seconds"] == 4.0
    assert raw["participants"][2]["rounds"] == [None, None]


# --- charts ---


def svg(text):
    root = ET.fromstring(text)
    assert root.tag == SVG + "svg"
    width, height = float(root.get("width")), float(root.get("height"))
    for item in root.iter():
        for key in ("x", "x1", "x2", "cx", "y", "y1", "y2", "cy"):
            if item.get(key) is not None:
                value = float(item.get(key))
                assert math.isfinite(value) and 0 <= value <= (height if "y" in key else width), item.attrib
    return root


def texts(root):
    return [t.text for t in root.iter(SVG + "text")]


def test_the_chart_of_a_comparison(compare, setting):
    root = svg(report.chart(measured(compare, setting)))
    assert "psql | psql, binary" in texts(root)
    assert "5.5 s, ratio 0.65" in texts(root)
    assert len(list(root.iter(SVG + "rect"))) == 1 + 2  # the page, and a bar for each that ran


def test_bars_are_as_long_as_their_values():
    root = svg(charts.bars("t & <t>", "n", [("a", 1, 2, 3, "", True), ("b", 3, 4, 4, "", False)], "s"))
    widths = [float(r.get("width")) for r in root.iter(SVG + "rect")][1:]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert "t & <t>" in texts(root)


@pytest.mark.parametrize("rows", [[], [("a", 0, 0, 0, "", False)], [("a", 1e-6, 2e-6, 1e9, "", True)]])
def test_odd_bars_are_still_a_picture(rows):
    svg(charts.bars("t", "n", rows, "s"))


def test_lines_leave_out_what_has_no_logarithm():
    root = svg(charts.lines("t", "n", "x", "y", [("a", [(1, 1, 2, 3), (10, 0, 1, 2), (1000, 5, 6, 7)]),
                                                 ("gone", [(1, 0, 0, 0)])]))
    assert len(list(root.iter(SVG + "circle"))) == 2
    assert "gone" not in texts(root)


@pytest.mark.parametrize("series", [[], [("a", [])], [("a", [(5, 5, 5, 5)])], [("a", [(1, 1, 1, 1)])]])
def test_odd_lines_are_still_a_picture(series):
    svg(charts.lines("t", "n", "x", "y", series))


@pytest.mark.parametrize("value, want", [
    (0, "0"), (0.1234, "0.123"), (1.005, "1"), (12.34, "12.3"), (999, "999"), (12345, "12,345"), (100, "100"),
    (2.5e8, "2.5e+08"),
])
def test_numbers_for_people(value, want):
    assert charts.number(value) == want


@pytest.mark.parametrize("most, want", [(0, 1), (1, 0.2), (4.9, 1), (10, 2), (26, 10), (0.03, 0.01)])
def test_steps_of_an_axis(most, want):
    assert charts.nice_step(most) == pytest.approx(want)


# --- growth ---


@pytest.mark.parametrize("kind", sorted(growth.KINDS))
def test_a_series_grows_and_only_in_one_way(kind):
    series = growth.Series(kind, 1.0, 2, 20 if kind in growth.LIMITS else 5)
    assert series.values == sorted(set(series.values)) and len(series.values) >= 4
    assert series.values[-1] <= growth.LIMITS.get(kind, series.values[-1])
    made = [series.step(x) for x in series.values]
    rows = [sum(t.rows for t in tables) for tables, _ in made]
    assert [len(tables) for tables, _ in made] == (series.values if kind == "tables" else [len(made[0][0])] * len(made))
    assert [jobs for _, jobs in made] == (series.values if kind == "streams" else [2] * len(made))
    if kind == "rows":
        assert rows == series.values
    if kind in ("tables", "streams"):
        assert max(rows) - min(rows) <= 0.001 * max(rows)


def test_by_which_power_it_grew():
    def point(x, seconds):
        return growth.Point(x, [], 1, [a_run(s) for s in seconds])

    before, after = point(10, [1, 2, 9]), point(1000, [20, 10, 200])
    assert growth.exponent(before, after, lambda r: r.seconds) == pytest.approx(0.5)
    assert growth.exponent(before, point(1000, [0]), lambda r: r.seconds) is None


# --- the link ---


def test_packets_leave_in_turn_and_late():
    way = link.Way(1000, 0.010)
    way.accept(b"x" * 100, 1.0)
    way.accept(b"y" * 100, 1.0)
    assert way.next_at() == pytest.approx(1.110)
    assert list(way.due(1.109)) == []
    assert list(way.due(1.111)) == [b"x" * 100]
    assert way.next_at() == pytest.approx(1.210)
    assert list(way.due(2.0)) == [b"y" * 100]
    assert way.next_at() is None
    way.accept(b"z" * 100, 5.0)
    assert way.next_at() == pytest.approx(5.110)


def test_a_full_queue_drops():
    way = link.Way(1000, 0.0)
    for _ in range(10):
        way.accept(b"x" * 100, 0.0)
    assert len(way.waiting) == 3 and way.dropped == 7  # 0.2 s of 1000 bytes a second, and the one that fills it


def test_packets_are_carried_both_ways():
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    for pair in pairs:
        for end in pair:
            end.setblocking(False)
    (here, own_here), (there, own_there) = pairs
    here.send(b"to there")
    there.send(b"to here")
    stopped = []

    ways = [link.Way(1e6, 0.001), link.Way(1e6, 0.001)]
    carrier = threading.Thread(target=link.carry, args=([own_here.fileno(), own_there.fileno()], ways, stopped))
    carrier.start()
    try:
        for end in (here, there):
            end.settimeout(10)
        assert there.recv(100) == b"to there"
        assert here.recv(100) == b"to here"
    finally:
        stopped.append(True)
        carrier.join()
        for pair in pairs:
            for end in pair:
                end.close()


@pytest.mark.parametrize("tls", [False, True])
def test_a_plain_stream_arrives_whole(tls, tmp_path):
    import stream
    from support import certificates

    own = []
    if tls:
        certificates.make(tmp_path / "ca", tmp_path / "crt", tmp_path / "key", ["localhost"])
        own = [tmp_path / "crt", tmp_path / "key"]
    receiver = subprocess.Popen([sys.executable, "-B", BENCH / "stream.py", "127.0.0.1", *own],
                                stdout=subprocess.PIPE, text=True)
    try:
        assert stream.send("127.0.0.1", int(receiver.stdout.readline()), 3 * stream.BLOCK + 17, tls) > 0
        assert receiver.wait(10) == 0
    finally:
        receiver.kill()
        receiver.wait()
        receiver.stdout.close()
