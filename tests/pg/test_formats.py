"""Binary COPY only where it is provably the same; values exact, or refused before any row moves."""

import pytest

from support.sluice import run_load

pytestmark = pytest.mark.usefixtures("loader")


def refused(pair, result, *words):
    assert result.status == 2, result
    for word in words:
        assert word in result.text, (word, result)
    assert pair.dst("SELECT count(*) FROM t") == "0"


def exact(pair, result):
    assert result.status == 0, result
    assert pair.differences() == []


def exact_or_refused(pair, result):
    if result.status == 0:
        exact(pair, result)
    else:
        refused(pair, result, "public.t")


def test_composite_over_a_domain_int4_against_float4(pair):
    for run, base in ((pair.src, "int4"), (pair.dst, "float4")):
        run(f"CREATE DOMAIN d AS {base}; CREATE TYPE c AS (x d); CREATE TABLE t (v c, a c[])")
    pair.src("INSERT INTO t VALUES (ROW(1078530011), ARRAY[ROW(16777217)::c])")
    refused(pair, pair.load(), "public.t")


def test_composite_with_attributes_in_another_order(pair):
    pair.src("CREATE TYPE c AS (a int, b int); CREATE TABLE t (v c); INSERT INTO t VALUES (ROW(1, 2))")
    pair.dst("CREATE TYPE c AS (b int, a int); CREATE TABLE t (v c)")
    refused(pair, pair.load(), "public.t")


def test_composite_with_dropped_attributes(pair):
    pair.src("CREATE TYPE c AS (gone int, a int, b text); ALTER TYPE c DROP ATTRIBUTE gone; CREATE TABLE t (v c, w c[]);"
             "INSERT INTO t VALUES (ROW(1, 'x'), ARRAY[ROW(2, NULL)::c])")
    pair.dst("CREATE TYPE c AS (a int, b text); CREATE TABLE t (v c, w c[])")
    exact(pair, pair.load())


def test_range_of_a_user_type_with_another_subtype(pair):
    for run, subtype in ((pair.src, "int8"), (pair.dst, "float8")):
        run(f"CREATE TYPE r AS RANGE (subtype = {subtype}); CREATE TABLE t (v r)")
    pair.src("INSERT INTO t VALUES ('[9007199254740993,9007199254740995)')")
    refused(pair, pair.load(), "public.t")


def test_range_over_user_types_with_shifted_oids(pair):
    pair.dst("CREATE TYPE shift AS ENUM ('x'); CREATE TABLE shift2 ()")
    pair.both("CREATE TYPE mood AS ENUM ('low', 'mid', 'high'); CREATE TYPE moods AS RANGE (subtype = mood);"
              "CREATE TYPE pair AS (m mood, r moods); CREATE TABLE t (v moods, a moods[], p pair)")
    pair.src("INSERT INTO t VALUES ('[low,high)', ARRAY['[mid,mid]'::moods], ROW('mid', '(,high]'))")
    exact(pair, pair.load())


@pytest.mark.parametrize("labels, ok", [
    ("'b', 'a', 'c'", True), ("'a', 'b', 'c', 'd'", True), ("'a', 'c'", False), ("'a', 'B', 'c'", False)])
def test_enum_with_other_labels(pair, labels, ok):
    pair.src("CREATE TYPE e AS ENUM ('a', 'b', 'c'); CREATE TABLE t (v e, a e[]);"
             "INSERT INTO t VALUES ('a', '{b}'), ('b', '{}'), ('c', '{c,a}')")
    pair.dst(f"CREATE TYPE e AS ENUM ({labels}); CREATE TABLE t (v e, a e[])")
    result = pair.load()
    if ok:
        exact_or_refused(pair, result)
    else:
        refused(pair, result, "public.t", "b")


def test_enum_rename_in_place_is_not_taken_for_the_same(pair):
    """The labels swap their meaning: equal in number, in kind, in everything but the names."""
    pair.src("CREATE TYPE e AS ENUM ('on', 'off'); CREATE TABLE t (v e); INSERT INTO t VALUES ('on')")
    pair.dst("CREATE TYPE e AS ENUM ('off', 'on'); CREATE TABLE t (v e)")
    exact_or_refused(pair, pair.load())


def test_regclass_columns_keep_their_names(pair):
    pair.dst("CREATE TABLE shift (a int); CREATE TABLE shift2 (a int)")
    pair.both('CREATE SCHEMA other; CREATE TABLE other."Odd Name" (); CREATE TABLE target ();'
              "CREATE DOMAIN dreg AS regclass; CREATE TYPE creg AS (r regclass, t regtype);"
              "CREATE TABLE t (r regclass, a regclass[], d dreg, c creg, o regoper, ro regrole, ns regnamespace)")
    pair.src("""INSERT INTO t VALUES ('target', ARRAY['other."Odd Name"'::regclass, 'target'], 'target',
                ROW('target', 'int'), '||/', 'postgres', 'other')""")
    exact(pair, pair.load())


def test_regclass_naming_what_is_not_there_is_no_silent_loss(pair):
    pair.both("CREATE TABLE t (r regclass)")
    pair.src("CREATE TABLE only_here (); INSERT INTO t VALUES ('only_here')")
    result = pair.load("-t", "t")
    assert result.status in (1, 2), result
    assert "only_here" in result.text
    assert pair.dst("SELECT count(*) FROM t") == "0"


def test_forced_binary_where_it_is_not_proven_is_refused(pair):
    pair.both("CREATE TABLE t (r regclass)")
    pair.src("INSERT INTO t VALUES ('t')")
    result = pair.load("--format", "binary")
    refused(pair, result, "public.t")


def test_forced_binary(pair):
    pair.both("CREATE TABLE t (a int, b float8, c text[], d timestamptz)")
    pair.src("INSERT INTO t VALUES (1, 'NaN', '{a,NULL}', 'infinity'), (NULL, NULL, NULL, NULL)")
    exact(pair, pair.load("--format", "binary"))


# --- settings of roles and databases ---

HOSTILE = {
    "DateStyle": "SQL, DMY", "IntervalStyle": "sql_standard", "TimeZone": "Asia/Kolkata",
    "extra_float_digits": "-3", "bytea_output": "escape", "xmloption": "document",
    "search_path": '"nowhere"', "lc_monetary": "C", "standard_conforming_strings": "off",
    "backslash_quote": "on", "default_transaction_isolation": "serializable", "statement_timeout": "400ms",
    "lock_timeout": "100ms", "idle_in_transaction_session_timeout": "300ms", "row_security": "on",
    "default_transaction_read_only": "on", "transform_null_equals": "on", "enable_tidscan": "off",
    "default_transaction_deferrable": "on", "client_min_messages": "debug1", "work_mem": "64kB",
    "session_replication_role": "replica", "quote_all_identifiers": "on", "array_nulls": "off",
    "synchronous_commit": "off", "client_encoding": "LATIN1",
}


@pytest.mark.parametrize("fmt", ["auto", "text"])
@pytest.mark.parametrize("side", ["source", "destination", "both"])
def test_settings_of_the_role(pair, fmt, side):
    pair.both("CREATE TABLE t (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz, i interval, f float8,"
              " g float4, b bytea, x xml, txt text, a text[], ta date[], r tstzrange)")
    pair.src(r"""SET xmloption = content; INSERT INTO t SELECT i, date '2024-02-03' + i, '2024-02-03 04:05:06.789',
                 '2024-02-03 04:05:06.789+00', '1 year 2 mons -3 days 04:05:06.7', 0.1 + i / 3.0, 0.1::float4 + i,
                 '\x005c27ff', 'two<a/>', E'\\back ''quote'' žluť 🐎', ARRAY['NULL', NULL, 'a\b'],
                 ARRAY[date '2024-02-03'], tstzrange('2024-02-03Z', '2024-03-04Z')
                 FROM generate_series(1, 3000) i""")
    users = {}
    for name in ("source", "destination"):
        if side not in (name, "both"):
            continue
        cluster = getattr(pair, name)
        pair.role(cluster, f"odd_{name}", "SUPERUSER")
        users[name] = f"odd_{name}"
        for key, value in HOSTILE.items():
            quoted = value if key == "search_path" else "'" + value + "'"
            cluster.psql("postgres", f'ALTER ROLE "odd_{name}" SET {key} = {quoted}')
    result = run_load("--source", pair.source.dsn(pair.source_db, users.get("source")), "--destination",
                      pair.destination.dsn(pair.destination_db, users.get("destination")),
                      "--format", fmt, "--chunk-size", "64kB")
    exact(pair, result)


@pytest.mark.parametrize("fmt", ["auto", "text"])
@pytest.mark.parametrize("source, destination", [("LATIN1", "UTF8"), ("UTF8", "LATIN1"), ("WIN1252", "LATIN1")])
def test_another_encoding(make_pair, fmt, source, destination):
    pair = make_pair()
    for cluster, db, encoding in ((pair.source, pair.source_db, source), (pair.destination, pair.destination_db, destination)):
        cluster.dropdb(db)
        cluster.createdb(db, encoding=encoding, locale="C")
    sql = ("SET client_encoding = 'UTF8'; CREATE TABLE t (\"ké\" int, v text, j jsonb, a varchar(9)[], c \"char\");")
    pair.both(sql)
    pair.src("SET client_encoding = 'UTF8'; INSERT INTO t SELECT i, 'é' || i || 'ßü', '{\"é\": \"à\"}', '{ñ}', 'x'"
             " FROM generate_series(1, 1000) i")
    result = pair.load("--format", fmt)
    if (source, destination) == ("WIN1252", "LATIN1") and result.status != 0:
        # The server converts between UTF8 and everything, but not between these two.
        assert "WIN1252" in result.text and pair.dst("SELECT count(*) FROM t") == "0", result
    else:
        exact(pair, result)


def test_a_character_that_the_destination_cannot_have(make_pair):
    pair = make_pair()
    pair.destination.dropdb(pair.destination_db)
    pair.destination.createdb(pair.destination_db, encoding="LATIN1", locale="C")
    pair.both("CREATE TABLE t (v text)")
    pair.src("INSERT INTO t VALUES ('ok'), ('日本')")
    result = pair.load()
    assert result.status in (1, 2), result
    assert pair.dst("SELECT count(*) FROM t") == "0"


@pytest.mark.parametrize("fmt", ["auto", "text"])
def test_sql_ascii(make_pair, fmt):
    """Bytes that are no character in any encoding; they must arrive, or be refused, not be changed."""
    pair = make_pair()
    for cluster, db in ((pair.source, pair.source_db), (pair.destination, pair.destination_db)):
        cluster.dropdb(db)
        cluster.createdb(db, encoding="SQL_ASCII", locale="C")
    pair.both("CREATE TABLE t (v text)")
    pair.source.query(pair.source_db, r"INSERT INTO t VALUES (E'\xff\xfe raw'), (E'caf\xe9')")
    result = pair.load("--format", fmt)
    assert result.status == 0, result
    sql = "SELECT string_agg(md5(v::bytea::text), ',' ORDER BY v) FROM t".replace("v::bytea::text", "v")
    assert pair.dst(sql) == pair.src(sql)


@pytest.mark.parametrize("fmt", ["auto", "text"])
def test_lc_monetary(make_pair, fmt):
    pair = make_pair()
    if not pair.lab.add_locale("de_DE.UTF-8"):
        pytest.skip("the locale de_DE cannot be made here (package locales)")
    pair.both("CREATE TABLE t (m money, a money[])")
    pair.src("INSERT INTO t VALUES (12.34, ARRAY[56.78::money]), (-92233720368547758.08, NULL)")
    pair.src(f'ALTER DATABASE "{pair.source_db}" SET lc_monetary = \'de_DE.UTF-8\'')
    assert "12,34" in pair.src("SELECT m FROM t LIMIT 1"), "the locale has no effect"
    exact_or_refused(pair, pair.load("--format", fmt))


def test_row_security_setting_and_force(pair):
    """FORCE applies even to owners, but not to superusers."""
    pair.both("CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
              "ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (false)")
    pair.src("INSERT INTO t VALUES (1)")
    exact(pair, pair.load())
