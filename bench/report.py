"""What was measured, as Markdown and as JSON. Pure functions of figures."""

import os
import platform
import statistics
from pathlib import Path

import charts
from datasets import MB

GB = 1000 ** 3


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, {system}, Linux {platform.release()}"


def spread(values):
    """(median, least, most)."""
    return statistics.median(values), min(values), max(values)


def ranged(values, digits=2):
    """The median with the least and the most in brackets."""
    middle, least, most = (f"{v:,.{digits}f}" for v in spread(values))
    return f"{middle} ({least}..{most})"


def row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def paired(ours, theirs, what):
    """Quotients of a figure of ours and of theirs, of the rounds in which both were measured.

    Both are lists with one entry a round, None where there is none.
    """
    both = [(what(a), what(b)) for a, b in zip(ours, theirs) if a and b]
    return [a / b for a, b in both if b > 0]


# --- the parts of the report; `c` is what compare.Comparison gathered ---


def ratio_lines(c):
    yield "## Wall time of sluice over that of the others, in the same round"
    yield ""
    yield row("peer", "median", "least", "most", "rounds")
    yield row("---", "---:", "---:", "---:", "---:")
    for peer in c.others():
        ratios = paired(c.rounds[c.ours], c.rounds[peer], lambda r: r.seconds)
        if ratios:
            middle, least, most = spread(ratios)
            yield row(peer.name, f"**{middle:.3f}**", f"{least:.3f}", f"{most:.3f}", len(ratios))


def _measured(c, peer):
    return [r for r in c.rounds[peer] if r]


def figure_lines(c):
    yield "## Figures: median (least..most)"
    yield ""
    yield row("", "wall, s", "MB/s", "client CPU, s", "source's backends, CPU s",
              "destination's backends, CPU s", "client's peak, MB", "its largest process, MB", "calls/MB")
    yield row("---", *["---:"] * 8)
    for peer in c.present():
        runs = _measured(c, peer)
        if not runs:
            continue
        calls = c.calls.get(peer)
        yield row(peer.name, ranged([r.seconds for r in runs]), ranged([c.bytes / MB / r.seconds for r in runs], 0),
                  ranged([r.cpu for r in runs]), ranged([r.backends("source") for r in runs]),
                  ranged([r.backends("destination") for r in runs]),
                  ranged([r.peak_together / MB for r in runs], 1), ranged([r.peak_process / MB for r in runs], 1),
                  f"{calls / (c.bytes / MB):,.0f}" if calls else "-")


def need_lines(c):
    """What the servers need, from the peer that does least beside moving rows, against our wall time."""
    yield "## What the servers need"
    yield ""
    ours = _measured(c, c.ours)
    plain = c.binary_pipes()
    runs = _measured(c, plain) if plain else []
    if not runs or not ours:
        yield "Not measured: the pipes in binary did not run."
    else:
        cores = os.cpu_count()
        need = [r.servers_cpu() / cores for r in runs]
        quotients = [a.seconds / (b.servers_cpu() / cores)
                     for a, b in zip(c.rounds[c.ours], c.rounds[plain]) if a and b]
        yield (f"- CPU of both servers, with their background processes, in the runs of `{plain.name}`, divided by"
               f" {cores} cores: {ranged(need)} s")
        yield f"- sluice's wall time over that, in the same round: **{ranged(quotients)}**"
    wire = [w for w in c.wire if w]
    if ours and wire:
        per_gb = [r.cpu / (w / GB) for r, w in zip(ours, c.wire) if w]
        yield (f"- sluice's own CPU: **{ranged(per_gb)}** s for a GB of rows on the wire"
               f" ({statistics.median(wire) / GB:.3f} GB a run)")
    if ours:
        servers = [r.servers_cpu() for r in ours]
        yield f"- CPU of both servers in sluice's own runs: {ranged(servers)} s"


def absent_lines(c):
    for name, reason in c.absent:
        first, *more = reason.strip().splitlines() or ["no reason given"]
        yield f"- **{name}**: {' / '.join([first, *more])[:600]}"


def apart_lines(c):
    for what, seconds in c.apart.items():
        yield f"- {what}: {seconds:.2f} s, once"


def round_lines(c):
    peers = [p for p in c.present() if _measured(c, p)]
    yield row("round", *(p.name for p in peers), "load average")
    yield row("---:", *["---:"] * (len(peers) + 1))
    for n in range(len(c.rounds[c.ours])):
        runs = [c.rounds[p][n] if n < len(c.rounds[p]) else None for p in peers]
        load = max((r.load for r in runs if r), default=0)
        yield row(n + 1, *(f"{r.seconds:.2f}" if r else "-" for r in runs), f"{load:.2f}")


def head_lines(c):
    settings = ", ".join(f"{k}={v}" for k, v in sorted(c.settings.items()))
    yield f"# sluice and its peers: {c.data}"
    yield ""
    yield f"- machine: {machine()}; load average {c.load[0]:.2f} before, {c.load[1]:.2f} after"
    yield f"- PostgreSQL {c.server_version}, both servers and the clients on it, over 127.0.0.1, sslmode=disable"
    yield f"- both servers: {settings}"
    yield f"- data: {c.what}; {c.data_line()}; the destination has no index"
    yield f"- {len(c.rounds[c.ours])} rounds, each of all in turns, who begins moves on from round to round"
    yield "- before every run, not timed: TRUNCATE, no ledger, CHECKPOINT on both servers"
    yield ("- after every run the counts of both sides were equal; after a first run of each, which is not"
           " counted, the hashes of all rows")
    yield ("- CPU is user and system together, of all the client's processes; its peak memory is that of all of"
           " them together, without what is mapped from files, seen every 100 ms; its largest process is the"
           " high-water mark of one, program and libraries included")
    if c.counter:
        yield f"- system calls: one more run of each under {c.counter}, a MB being one of the source's tables"
    else:
        yield "- system calls were not counted: neither perf nor strace can do it here"
    for peer in c.present():
        version = f" ({peer.version()})" if peer.version() else ""
        yield f"- {peer.name}{version}: `{peer.about()}`"


def markdown(c):
    lines = [*head_lines(c), "", *ratio_lines(c), "", *figure_lines(c), "", *need_lines(c), ""]
    if c.apart:
        lines += ["## Needed but not counted", "", *apart_lines(c), ""]
    if c.absent:
        lines += ["## Did not take part, or failed", "", *absent_lines(c), ""]
    lines += ["## Wall time in every round, s", "", *round_lines(c)]
    return "\n".join(lines) + "\n"


def chart(c):
    rows = []
    for peer in c.present():
        runs = _measured(c, peer)
        if runs:
            middle, least, most = spread([r.seconds for r in runs])
            ratios = paired(c.rounds[c.ours], c.rounds[peer], lambda r: r.seconds)
            remark = " s" if peer is c.ours or not ratios else f" s, ratio {statistics.median(ratios):.2f}"
            rows.append((peer.name, least, middle, most, remark, peer is c.ours))
    note = (f"{c.data}, {c.bytes / MB:,.0f} MB; median, least and most of {len(c.rounds[c.ours])} rounds;"
            " ratio: sluice's time over the peer's")
    return charts.bars("Wall time of a load", note, rows, "seconds, less is better")


def raw(c):
    """All figures, for other programs."""
    return {
        "data": c.data, "bytes": c.bytes, "machine": machine(), "server_version": c.server_version,
        "settings": c.settings, "jobs": c.setting.jobs, "load": c.load, "not_counted_s": c.apart,
        "system_calls_by": c.counter,
        "tables": [{"name": t.name, "rows": t.rows, "bytes": t.size} for t in c.setting.tables],
        "absent": [{"name": n, "reason": r} for n, r in c.absent],
        "wire_bytes": c.wire,
        "participants": [{
            "name": p.name, "about": p.about(), "version": p.version(), "system_calls": c.calls.get(p),
            "rounds": [r.figures() if r else None for r in c.rounds[p]],
        } for p in c.present()],
    }
