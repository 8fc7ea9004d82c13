"""How the cost of a load grows with rows, tables, row width and streams: sluice alone."""

import json
import math
import statistics

import charts
import datasets
import measure
import report
from datasets import MB
from measure import Failed


def summary(out):
    """The last object of `--progress json`, {} when there is none."""
    for line in reversed(out.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                return {}
            return found if found.get("event") == "summary" else {}
    return {}


def wire_bytes(out):
    """Bytes of rows that a load told, None when it told nothing."""
    told = summary(out)
    return told.get("wire_bytes_run") or sum(t.get("wire_bytes", 0) for t in told.get("tables", [])) or None


# Each gives the tables of a step and the streams; x is what grows.


def _rows(size, jobs):
    return lambda x: ([datasets.accounts(x, "grows")], jobs)


def _tables(size, jobs):
    """Always as many rows in all, in more and more tables."""
    total = datasets.times(1000000, size)
    return lambda x: (datasets.many(x, max(1, total // x)), jobs)


def _width(size, jobs):
    """Always as many bytes in all, in wider and wider rows."""
    total = datasets.times(100 * MB, size)
    return lambda x: ([datasets.of_width("grows", x, max(2, min(2000000, total // (x + 28))))], jobs)


def _streams(size, jobs):
    return lambda x: (datasets.wide_and_accounts(size), x)


# kind: (the first x, the factor from step to step, what x is, how a step is made)
KINDS = {
    "rows": (10000, 5, "rows of about 100 B", _rows),
    "tables": (1, 10, "tables, always as many rows in all", _tables),
    "width": (16, 32, "bytes in a row, always as many bytes in all", _width),
    "streams": (1, 2, "streams, always the same data", _streams),
}
LIMITS = {"width": 64 * MB, "streams": 32, "tables": 10000}


class Series:
    """The values of x, and the tables and streams at each."""

    def __init__(self, kind, size, jobs, steps):
        self.kind = kind
        first, by, self.what, make = KINDS[kind]
        first = datasets.times(first, size) if kind == "rows" else first
        values = [first * by ** n for n in range(steps)]
        self.values = [x for x in values if x <= LIMITS.get(kind, x)]
        self.size = size
        self.step = make(size, jobs)


class Point:
    """What was measured at one x."""

    def __init__(self, x, tables, jobs, runs):
        self.x = x
        self.bytes = sum(t.size for t in tables)
        self.rows = sum(t.rows for t in tables)
        self.tables = len(tables)
        self.jobs = jobs
        self.runs = runs

    def values(self, what):
        return [what(r) for r in self.runs]


def one_run(lab, tables, peer, timeout):
    datasets.empty(lab, tables)
    for cluster in lab.clusters.values():
        cluster.query("postgres", "CHECKPOINT")
    with measure.counting(lab.clusters) as used:
        run = measure.run(peer.command(), peer.env(), timeout)
    run.servers = used
    if datasets.counts(lab.destination, tables) != datasets.counts(lab.source, tables):
        raise Failed("source and destination differ")
    return run


def fill(lab, tables):
    datasets.drop(lab)
    datasets.fill(lab, tables)
    datasets.make_destination(lab, tables)


def measure_series(lab, series, participant, options, say):
    points = []
    filled = None
    for x in series.values:
        tables, jobs = series.step(x)
        if series.kind == "streams" and filled:
            tables = filled
        else:
            fill(lab, tables)
            filled = tables
        peer = participant(tables, jobs)
        reason = peer.why_not()
        if reason:
            raise Failed(reason)
        one_run(lab, tables, peer, options.timeout)
        runs = [one_run(lab, tables, peer, options.timeout) for _ in range(options.rounds)]
        points.append(Point(x, tables, jobs, runs))
        say(f"{series.kind} {x:,}: {statistics.median([r.seconds for r in runs]):.3f} s")
    return (f"growth-{series.kind}", markdown(series, points, options, peer), raw(series, points),
            chart(series, points))


# --- the report ---


def exponent(before, after, what):
    """By which power of x a figure grew from one point to the next; None where that says nothing."""
    low, high = (statistics.median(p.values(what)) for p in (before, after))
    if low <= 0 or high <= 0 or before.x == after.x:
        return None
    return math.log(high / low) / math.log(after.x / before.x)


def table_lines(points):
    yield report.row("", "MB", "wall, s: median (least..most)", "MB/s", "rows/s", "sluice's CPU, s",
                     "servers' CPU, s", "peak, MB", "wall grew by x^")
    yield report.row(*["---:"] * 9)
    before = None
    for p in points:
        wall = p.values(lambda r: r.seconds)
        middle = statistics.median(wall)
        power = exponent(before, p, lambda r: r.seconds) if before else None
        yield report.row(f"{p.x:,}", f"{p.bytes / MB:,.1f}", report.ranged(wall, 3), f"{p.bytes / MB / middle:,.0f}",
                         f"{p.rows / middle:,.0f}", report.ranged(p.values(lambda r: r.cpu), 3),
                         report.ranged(p.values(lambda r: r.servers_cpu())),
                         report.ranged(p.values(lambda r: r.peak_together / MB), 1),
                         "" if power is None else f"{power:.2f}")
        before = p


def markdown(series, points, options, peer):
    lines = [f"# How a load's cost grows with {series.what}", "",
             f"- machine: {report.machine()}",
             f"- {peer.version()}: `{peer.about()}`",
             f"- {options.rounds} runs at each point after one that is not counted; both servers on the same"
             " machine, sslmode=disable; TRUNCATE and CHECKPOINT before each, counts compared after each",
             "", *table_lines(points)]
    return "\n".join(lines) + "\n"


def raw(series, points):
    return {"growth": series.kind, "what": series.what, "machine": report.machine(), "points": [
        {"x": p.x, "bytes": p.bytes, "rows": p.rows, "tables": p.tables, "jobs": p.jobs,
         "runs": [r.figures() for r in p.runs]} for p in points]}


def chart(series, points):
    def line(what):
        found = []
        for p in points:
            middle, least, most = report.spread(p.values(what))
            found.append((p.x, least, middle, most))
        return found

    return charts.lines(f"Cost of a load by {series.kind}", "sluice alone; median, least and most at each point",
                        series.what, "seconds", [("wall time", line(lambda r: r.seconds)),
                                                 ("sluice's CPU", line(lambda r: r.cpu)),
                                                 ("servers' CPU", line(lambda r: r.servers_cpu()))])
