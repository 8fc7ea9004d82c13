"""Are two databases equal? Counts, and a hash of the rows that does not depend on their order."""

import threading

from .lab import quote_ident

# Values print the same on both sides whatever the databases' and roles' own settings are.
PINNED = """
SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';
SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmloption = 'content';
SET search_path = pg_catalog; SET lc_monetary = 'C'; SET row_security = on;
SET statement_timeout = 0
"""

TABLES = """
SELECT n.nspname, c.relname, c.relkind, c.oid,
       CASE WHEN c.relispartition THEN pg_partition_root(c.oid) ELSE c.oid END AS root,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY 1, 2
"""


class Table:
    """A table of one side: an ordinary one, a partitioned one or a partition."""

    def __init__(self, row):
        self.schema, self.name, self.kind, self.oid, self.root, self.columns = row
        self.key = (self.schema, self.name)
        self.label = f"{self.schema}.{self.name}"

    @property
    def is_top(self):
        return self.oid == self.root


class Outcome:
    """One compared table; problem is None when both sides are equal."""

    def __init__(self, label, source=(0, 0), destination=(0, 0), problem=None):
        self.label = label
        self.source = source  # (rows, hash)
        self.destination = destination
        self.problem = problem

    @property
    def equal(self):
        return self.problem is None


def connect(cluster, db, snapshot=None):
    """A connection with one snapshot over everything that is compared."""
    conn = cluster.connect(db)
    conn.set_client_encoding("UTF8")  # by psycopg2's own way, or it would decode names wrongly
    with conn.cursor() as cur:
        cur.execute(PINNED)
        cur.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if snapshot:
            cur.execute("SET TRANSACTION SNAPSHOT %s", (snapshot,))
    return conn


def read_tables(conn, ledger_schema="sluice"):
    with conn.cursor() as cur:
        cur.execute(TABLES)
        tables = [Table(row) for row in cur.fetchall()]
    return {t.key: t for t in tables if t.schema != ledger_schema}


def server_encoding(conn):
    with conn.cursor() as cur:
        cur.execute("SHOW server_encoding")
        return cur.fetchone()[0]


def hash_sql(table, columns, convert=False):
    """Count, and sum of 64 bits of each row's md5. A sum, unlike an exclusive or, sees doubled rows."""
    only = "" if table.kind == "p" else "ONLY "
    rows = f"{only}{quote_ident(table.schema)}.{quote_ident(table.name)} AS t"
    if not columns:
        return f"SELECT count(*), 0::numeric FROM {rows}"
    text = "ROW(" + ", ".join("t." + quote_ident(c) for c in columns) + ")::text"
    if convert:
        text = f"convert_to({text}, 'UTF8')"
    return (f"SELECT count(*), coalesce(sum(('x' || substr(md5({text}), 1, 16))::bit(64)::bigint"
            f"::numeric), 0) FROM {rows}")


def fingerprint(conn, table, columns, convert=False):
    with conn.cursor() as cur:
        cur.execute(hash_sql(table, columns, convert))
        return tuple(cur.fetchone())


def fingerprints(cluster, db, snapshot=None, tables=None):
    """{(schema, name): (rows, hash)} of one side: what a later comparison of the same side wants."""
    conn = connect(cluster, db, snapshot)
    try:
        found = read_tables(conn)
        wanted = _wanted(found, tables)
        return {t.key: fingerprint(conn, t, t.columns) for t in wanted if t.kind == "r"}
    finally:
        conn.close()


def _leaves(tables, top):
    return {t.key for t in tables.values() if t.root == top.oid and t.kind == "r"}


def _plan(source, destination):
    """Which tables to compare: partitions one by one only where both sides have the same ones."""
    chosen = []
    for table in source.values():
        if table.is_top and table.kind == "r":
            chosen.append(table)
        elif table.is_top:
            twin = destination.get(table.key)
            keys = _leaves(source, table)
            if twin and twin.kind == "p" and keys and keys == _leaves(destination, twin):
                chosen += [source[k] for k in sorted(keys)]
            else:
                chosen.append(table)
    return chosen


def _wanted(tables, names):
    """The tables named as (schema, name), "schema.name" or "name" (in public); all without names."""
    if names is None:
        return list(tables.values())
    wanted = []
    for name in names:
        key = name
        if isinstance(name, str):
            key = tuple(name.split(".", 1)) if "." in name else ("public", name)
        if key not in tables:
            raise AssertionError(f"no table {'.'.join(key)} on the source")
        wanted.append(tables[key])
    return wanted


def _judge(table, twin, read):
    """Compares one table; read(side, table, columns) gives that side's fingerprint."""
    if twin is None:
        return Outcome(table.label, problem="missing on the destination")
    missing = [c for c in table.columns if c not in twin.columns]
    if missing:
        return Outcome(table.label, problem=f"columns missing on the destination: {', '.join(missing)}")
    ours, theirs = read(table, twin, table.columns)
    problem = None
    if ours[0] != theirs[0]:
        problem = f"{ours[0]} rows on the source, {theirs[0]} on the destination"
    elif ours != theirs:
        problem = f"{ours[0]} rows on both sides, but their contents differ"
    return Outcome(table.label, ours, theirs, problem)


def compare_tables(src_cluster, src_db, dst_cluster, dst_db, tables=None, snapshot=None, told=None):
    """An Outcome a table of the source. `told` is called with each as it comes."""
    source = connect(src_cluster, src_db, snapshot)
    destination = connect(dst_cluster, dst_db)
    try:
        there = read_tables(destination)
        ours = read_tables(source)
        plan = _plan(ours, there) if tables is None else _wanted(ours, tables)
        convert = server_encoding(source) != server_encoding(destination)

        def read(table, twin, columns):
            return _both(lambda: fingerprint(source, table, columns, convert),
                         lambda: fingerprint(destination, twin, columns, convert))

        outcomes = []
        for table in plan:
            outcome = _judge(table, there.get(table.key), read)
            outcomes.append(outcome)
            if told:
                told(outcome)
        return outcomes
    finally:
        source.close()
        destination.close()


def _both(first, second):
    """Runs both at the same time, the first in a thread; their results."""
    box = {}

    def run():
        try:
            box["value"] = first()
        except Exception as e:  # raised below, in the caller's thread
            box["error"] = e

    thread = threading.Thread(target=run)
    thread.start()
    try:
        other = second()
    finally:
        thread.join()
    if "error" in box:
        raise box["error"]
    return box["value"], other


def compare_databases(src_cluster, src_db, dst_cluster, dst_db, tables=None, snapshot=None):
    """The differences, as sentences; an empty list when every table of the source is equal.

    With `snapshot`, the source is read through that exported snapshot. Tables may be named as
    (schema, name) or "schema.name".
    """
    outcomes = compare_tables(src_cluster, src_db, dst_cluster, dst_db, tables, snapshot)
    return [f"{o.label}: {o.problem}" for o in outcomes if not o.equal]
