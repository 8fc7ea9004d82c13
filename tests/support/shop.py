"""The shop: a generated database that looks like one of a real online shop.

At scale 1 it has about 1 GB. The same scale gives the same rows everywhere.
"""

import queue
import re
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent / "shop"
BYTES_AT_SCALE_1 = 1_000_000_000
ROWS_A_STEP = 100_000  # so that the workers finish together
WORKERS = 2

FULL_SIZES = re.compile(r"^-- step (\S+) (\d+)( fixed)?$", re.MULTILINE)


class Step:
    """One statement of fill.sql for a range of its rows."""

    def __init__(self, table, sql, low, high):
        self.table = table
        self.sql = sql
        self.low = low
        self.high = high


def scale_of(size_bytes):
    return size_bytes / BYTES_AT_SCALE_1


def parse_size(text):
    """"1GB", "100MB" or a number of bytes."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(kB|MB|GB|TB)?", text.strip(), re.IGNORECASE)
    if not match:
        raise ValueError(f"not a size: {text!r} (write 100MB or 1GB)")
    units = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
    return int(float(match[1]) * units[(match[2] or "").lower()])


def create_shop(cluster, db, scale=1.0, told=None):
    """Makes and fills the shop in an existing database; told(done, total) after each step."""
    cluster.psql_file(db, HERE / "schema.sql")
    cluster.psql_file(db, HERE / "generator.sql")
    steps, counts = _steps(scale)
    _run_all([_fill(cluster, db, step, counts) for step in steps], told)
    cluster.psql(db, _after_fill())
    for group in _key_groups():
        _run_all([_sql(cluster, db, statement) for statement in group])
    cluster.psql(db, "ANALYZE")


def create_shop_schema(cluster, db, keys=True):
    """The empty shop: what a destination has before a load."""
    cluster.psql_file(db, HERE / "schema.sql")
    if keys:
        cluster.psql_file(db, HERE / "keys.sql")


def _steps(scale):
    text = (HERE / "fill.sql").read_text(encoding="utf-8")
    found = list(FULL_SIZES.finditer(text))
    steps, counts = [], {}
    for match, following in zip(found, found[1:] + [None]):
        table, rows, fixed = match[1], int(match[2]), match[3]
        rows = rows if fixed else max(1, round(rows * scale))
        counts[table] = rows
        sql = text[match.end():following.start() if following else len(text)]
        for low in range(1, rows + 1, ROWS_A_STEP):
            steps.append(Step(table, sql, low, min(rows, low + ROWS_A_STEP - 1)))
    return steps, counts


def _fill(cluster, db, step, counts):
    names = dict(lo=step.low, hi=step.high, customers=counts["customers"],
                 products=counts["products"], orders=counts["orders"])
    sets = "".join(f"\\set {k} {v}\n" for k, v in names.items())
    return _sql(cluster, db, f"{sets}SET synchronous_commit = off; SET jit = off;\n{step.sql}")


def _sql(cluster, db, sql):
    return lambda: cluster.psql(db, sql, timeout=1200)


def _after_fill():
    """Sequences past what was written; the generator's helpers go."""
    return """
SELECT setval(pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname),
              (xpath('/row/m/text()', query_to_xml(format('SELECT max(%I) AS m FROM %I.%I',
               a.attname, n.nspname, c.relname), false, true, '')))[1]::text::bigint)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE a.attidentity <> '' AND n.nspname = 'shop';
DROP SCHEMA gen CASCADE;
"""


def _key_groups():
    """keys.sql as lists of statements that may run at the same time."""
    text = (HERE / "keys.sql").read_text(encoding="utf-8")
    groups = text.split("-- together\n")[1:]
    return [[s.strip() for s in group.split(";\n") if s.strip()] for group in groups]


def _run_all(jobs, told=None):
    """Runs callables on a few threads; the first error stops the rest and is raised."""
    waiting = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    errors = []
    done = []

    def work():
        while not errors:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                job()
            except Exception as e:  # raised below
                errors.append(e)
                return
            done.append(1)
            if told:
                told(len(done), len(jobs))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        errors.append(KeyboardInterrupt())
        raise
    if errors:
        raise errors[0]
