"""What is copied: data sets of fixed content, and how a few parallel pipes would share them."""

from dataclasses import dataclass, field

DB = "bench"  # on both servers
MB = 1 << 20

# Values differ from row to row and repeat from run to run. Every sixteenth note is NULL, and the
# documents are of three kinds, so that no column has one width.
WIDE = """
CREATE TABLE wide (
    id int8 NOT NULL, customer int4 NOT NULL, status int2 NOT NULL, ref uuid NOT NULL,
    placed_at timestamptz NOT NULL, shipped_on date, amount numeric(12,2) NOT NULL,
    tax numeric NOT NULL, rate float8 NOT NULL, weight float4, paid bool NOT NULL,
    code char(8) NOT NULL, name text NOT NULL, city varchar(40) NOT NULL, note text,
    visits int4 NOT NULL, stock int8 NOT NULL, document jsonb NOT NULL
);
"""

FILL_WIDE = """
INSERT INTO wide
SELECT i, (h & 1048575)::int4, (i % 7)::int2, md5(i::text)::uuid,
       timestamptz '2020-01-01 00:00+00' + (h & 134217727) * interval '1 second',
       CASE WHEN i % 5 <> 0 THEN date '2020-01-01' + (h & 2047)::int4 END,
       ((h & 16777215) / 100.0)::numeric(12,2), (h & 1073741823) / 700.0::numeric,
       (h & 1073741823) / 977.0::float8, CASE WHEN i % 3 <> 0 THEN (h & 65535) / 7.0 END,
       i % 2 = 0, substr(md5(h::text), 1, 8), 'customer ' || (h & 1048575),
       (ARRAY['Aarhus', 'Bologna', 'Coimbra', 'Delft', 'San Cristóbal', 'Gdańsk'])[1 + i % 6],
       CASE WHEN i % 16 <> 0 THEN left(md5(h::text) || md5(i::text), 10 + (h & 31)::int4) END,
       (h & 4095)::int4, h,
       CASE i % 3
       WHEN 0 THEN jsonb_build_object('n', i, 'tag', 'plain')
       WHEN 1 THEN jsonb_build_object('sku', h & 65535, 'lines', jsonb_build_array(i, 'a\\b"c', null))
       ELSE jsonb_build_object('ok', true, 'price', (h & 65535) / 100.0) END
FROM (SELECT i, hashint8extended(i, 0) & 9007199254740991 AS h
      FROM generate_series({first}, {last}) AS i) AS series;
"""

# As `pgbench -i` makes and fills it.
ACCOUNTS = "CREATE TABLE {name} (aid int4 NOT NULL, bid int4, abalance int4, filler char(84));"
FILL_ACCOUNTS = ("INSERT INTO {name} SELECT i, (i - 1) / 100000 + 1, 0, ''"
                 " FROM generate_series({{first}}, {{last}}) AS i;")

# About 800 B a row; tabs, backslashes, line ends and letters of two bytes have to be escaped or kept.
TEXTS = "CREATE TABLE texts (" + ", ".join(f"c{n} text" for n in range(1, 13)) + ");"
FILL_TEXTS = """
INSERT INTO texts
SELECT i::text, 'tab\tand line\n' || a, repeat(a, 1 + i % 4), repeat(b, 1 + i % 3), 'C:\\' || b,
       'Łódź und Köln ' || a, NULLIF(left(b, i % 9), ''), repeat(a || ' ', 3), repeat(b || ',', 4),
       left(a, 20), left(repeat(b, 7), 100 + i % 100), 'the last of twelve ' || b
FROM (SELECT i, md5(i::text) AS a, md5((-i)::text) AS b
      FROM generate_series({first}, {last}) AS i) AS series;
"""

# Narrow enough to need no TOAST table, so that emptying thousands of them between runs stays bearable.
MANY = "CREATE TABLE {name} (id int4 NOT NULL, key char(32) NOT NULL, value varchar(40));"
FILL_MANY = ("INSERT INTO {name} SELECT i, md5(i::text), 'value ' || i"
             " FROM generate_series({{first}}, {{last}}) AS i;")

# One value of a given width. It is not stored compressed, so that the size on disk is that of the
# rows, and it is not one repeated word, so that a compressing loader gets no present.
ROWS = ("CREATE TABLE {name} (id int4 NOT NULL, v text NOT NULL);"
        " ALTER TABLE {name} ALTER v SET STORAGE EXTERNAL;")
FILL_ROWS = ("INSERT INTO {name} SELECT i, left((SELECT string_agg(md5(i || '.' || k), '')"
             " FROM generate_series(1, {words}) AS k), {width})"
             " FROM generate_series({{first}}, {{last}}) AS i;")
WIDTHS = {"10b": 10, "1kb": 1 << 10, "64kb": 64 << 10, "1mb": MB, "16mb": 16 * MB, "64mb": 64 * MB}
WIDTH_ROWS = {"10b": 1000000, "1kb": 60000, "64kb": 900, "1mb": 60, "16mb": 4, "64mb": 2}


@dataclass
class Table:
    """One table of the source: its definition and the INSERT for the rows from {first} to {last}."""

    name: str
    create: str
    fill: str
    rows: int
    step: int = 200000  # rows a statement; one statement for all would be long deaf to Ctrl-C
    size: int = field(default=0, compare=False)  # bytes, once filled

    def statements(self):
        yield self.create
        for first in range(1, self.rows + 1, self.step):
            last = min(first + self.step - 1, self.rows)
            yield self.fill.format(first=first, last=last)


def wide(rows):
    return Table("wide", WIDE, FILL_WIDE, rows)


def accounts(rows, name="pgbench_accounts"):
    return Table(name, ACCOUNTS.format(name=name), FILL_ACCOUNTS.format(name=name), rows)


def texts(rows):
    return Table("texts", TEXTS, FILL_TEXTS, rows, step=50000)


def many(count, rows=100):
    names = [f"t{n:05}" for n in range(1, count + 1)]
    return [Table(name, MANY.format(name=name), FILL_MANY.format(name=name), rows) for name in names]


def of_width(name, width, rows):
    fill = FILL_ROWS.format(name=name, width=width, words=-(-width // 32))
    return Table(name, ROWS.format(name=name), fill, rows, step=max(1, min(200000, 16 * MB // width)))


def times(rows, size):
    return max(1, round(rows * size))


def wide_and_accounts(size):
    return [wide(times(1800000, size)), accounts(times(3200000, size))]


def widths(size):
    return [of_width(f"r_{n}", w, times(WIDTH_ROWS[n], size)) for n, w in WIDTHS.items()]


def skewed(size):
    """One table that is nine tenths of everything, and forty others."""
    return ([accounts(times(3200000, size), "big")]
            + [accounts(times(8900, size), f"other_{n:02}") for n in range(1, 41)])


DATA = {
    "wide+accounts": ("a wide table of 18 columns of many types, and pgbench's accounts", wide_and_accounts),
    "wide": ("the wide table alone", lambda size: [wide(times(1800000, size))]),
    "accounts": ("pgbench's accounts alone", lambda size: [accounts(times(3200000, size))]),
    "text": ("twelve text columns, about 800 B a row", lambda size: [texts(times(500000, size))]),
    "small": ("2,000 tables of 100 rows", lambda size: many(times(2000, size))),
    "rows": ("a table each with rows of 10 B to 64 MB", widths),
    "skew": ("one table that is 90 % of everything, and forty others", skewed),
}


# --- on the servers ---


def pg_tool(lab, name):
    own = lab.bindir / name
    return str(own if own.exists() else name)


def fill(lab, tables):
    """Makes, fills, vacuums and analyses: no hint bit is left to be written by the first reader."""
    lab.source.createdb(DB)
    script = ["SET synchronous_commit = off;"]
    weight = 0
    for table in tables:
        for statement in table.statements():
            script.append(statement)
            weight += min(table.rows, table.step)
            if weight >= 200000:
                lab.source.psql(DB, "\n".join(script), timeout=1800)
                script, weight = script[:1], 0
    lab.source.psql(DB, "\n".join(script), timeout=1800)
    lab.source.psql(DB, "VACUUM (FREEZE, ANALYZE)", timeout=1800)
    sizes = dict(lab.source.query(DB, "SELECT relname, pg_table_size(oid) FROM pg_class"
                                      " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"))
    for table in tables:
        table.size = sizes[table.name]


def make_destination(lab, tables):
    """The same tables, which have no index."""
    lab.destination.createdb(DB)
    step = 500
    for first in range(0, len(tables), step):
        lab.destination.psql(DB, "\n".join(t.create for t in tables[first:first + step]))


def drop(lab):
    for cluster in lab.clusters.values():
        cluster.dropdb(DB)


def in_groups(tables, count=200):
    return [tables[n:n + count] for n in range(0, len(tables), count)]


def empty(lab, tables):
    """A destination without rows and without a ledger."""
    script = ["SET client_min_messages = warning; DROP SCHEMA IF EXISTS sluice CASCADE;"]
    script += [f"TRUNCATE {', '.join(t.name for t in group)};" for group in in_groups(tables)]
    lab.destination.psql(DB, "\n".join(script), timeout=900)


def _ask(cluster, tables, columns):
    found = {}
    for group in in_groups(tables):
        sql = " UNION ALL ".join(f"SELECT '{t.name}', {columns} FROM {t.name} t" for t in group)
        found.update({row[0]: row[1:] for row in cluster.query(DB, sql)})
    return found


def counts(cluster, tables):
    return _ask(cluster, tables, "count(*)")


def fingerprints(cluster, tables):
    """Count and a sum over the hashes of all rows' texts: equal rows in any order give the same."""
    return _ask(cluster, tables, "count(*), sum(hashtextextended(t::text, 0)::numeric)")


def pieces(tables, jobs):
    """What `jobs` pipes at a time read, largest first: (table, condition, bytes).

    A table that is more than one pipe's fair share is cut at places on disk, as a person would do by
    hand, so that the pipes are kept busy as well as they can be.
    """
    share = max(1.0, sum(t.size for t in tables) / jobs)
    found = []
    for table in tables:
        parts = max(1, round(table.size / share))
        found += [(table, _places(table.size, n, parts), table.size // parts) for n in range(parts)]
    return sorted(found, key=lambda piece: -piece[2])


def _places(size, number, parts):
    """The condition for part `number`; the first is open below and the last above."""
    pages = size // 8192
    first, after = pages * number // parts, pages * (number + 1) // parts
    said = [f"ctid >= '({first},0)'"] if number else []
    said += [f"ctid < '({after},0)'"] if number + 1 < parts else []
    return " AND ".join(said)


def copy_out(table, where="", binary=False):
    what = f"(SELECT * FROM {table.name} WHERE {where})" if where else table.name
    return f"COPY {what} TO STDOUT" + (" (FORMAT binary)" if binary else "")


def copy_in(table, binary=False):
    return f"COPY {table.name} FROM STDIN" + (" (FORMAT binary)" if binary else "")
