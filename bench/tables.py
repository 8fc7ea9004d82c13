"""What is copied: a typed wide table and pgbench's accounts, and how a pair of pipes shares them."""

import subprocess

SOURCE_DB = "bench"
DESTINATION_DB = "bench"

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

WORKLOADS = {
    "both": ["wide", "pgbench_accounts"],
    "wide": ["wide"],
    "accounts": ["pgbench_accounts"],
}


def fill_source(lab, rows, scale):
    """Both tables, vacuumed and analysed: no hint bit is left to be written by the first reader."""
    source = lab.source
    source.createdb(SOURCE_DB)
    source.psql(SOURCE_DB, WIDE)
    step = 200000  # one statement for all would be long deaf to Ctrl-C
    for first in range(1, rows + 1, step):
        source.psql(SOURCE_DB, FILL_WIDE.format(first=first, last=min(first + step - 1, rows)))
    subprocess.run(
        [str(lab.bindir / "pgbench"), "-q", "-i", "-I", "dtg", "-s", str(scale),
         source.dsn(SOURCE_DB, sslmode="disable")],
        check=True, env=lab.client_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    source.psql(SOURCE_DB, "VACUUM (FREEZE, ANALYZE) wide;"
                           "VACUUM (FREEZE, ANALYZE) pgbench_accounts;", timeout=900)


def make_destination(lab):
    """The same tables without any index."""
    lab.destination.createdb(DESTINATION_DB)
    lab.destination.psql(DESTINATION_DB, WIDE)
    lab.destination.psql(DESTINATION_DB, "CREATE TABLE pgbench_accounts (aid int4 NOT NULL,"
                                         " bid int4, abalance int4, filler char(84))")


def table_size(lab, table):
    return lab.source.query(SOURCE_DB, "SELECT pg_table_size(%s::regclass)", (table,))[0][0]


def count(cluster, dbname, table):
    return cluster.query(dbname, f"SELECT count(*) FROM {table}")[0][0]


def fingerprint(cluster, dbname, table):
    """Count and a sum over the hashes of all rows' texts: equal rows in any order give the same."""
    return cluster.query(dbname, "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric)"
                                 f" FROM {table} t")[0]


def pipes(lab, tables):
    """What each of two pipes reads and where it writes: a table each, or one table's halves."""
    if len(tables) == 2:
        return [(f"COPY {t} TO STDOUT", f"COPY {t} FROM STDIN") for t in tables]
    table = tables[0]
    pages = lab.source.query(SOURCE_DB, "SELECT pg_relation_size(%s::regclass) / 8192", (table,))
    middle = f"'({pages[0][0] // 2},0)'"
    return [(f"COPY (SELECT * FROM {table} WHERE ctid {side} {middle}) TO STDOUT",
             f"COPY {table} FROM STDIN") for side in ("<", ">=")]
