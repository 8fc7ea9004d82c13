"""The simulated shard group: kinds of tables, conversions and the catalog that describes them."""

import io

import psycopg2
import pytest

from test_simulator import make_tables, set_mode


def rows(conn, sql, params=None):
    with conn.cursor() as cur:
        cur.execute(sql, params)
        return cur.fetchall()


def kinds(conn):
    return {name: (kind, key) for name, kind, key in rows(
        conn, "SELECT table_name, table_type, distribution_key FROM rds_aurora.limitless_tables")}


def parts_of(conn, table):
    return rows(conn, "SELECT c.relnamespace::regnamespace::text, c.relname, pg_get_userbyid(c.relowner)"
                " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                " WHERE i.inhparent = %s::regclass ORDER BY 1", (table,))


def test_kinds_and_partitions(group, admin):
    make_tables(admin)
    assert kinds(admin) == {
        "orders": ("sharded", "HASH (cust)"), "items": ("sharded", "HASH (cust)"), "apart": ("sharded", "HASH (cust)"),
        "product": ("reference", None), "log": ("standard", None)}
    parts = parts_of(admin, "orders")
    assert [p[0] for p in parts] == [f"shard_{n}" for n in range(1, group.shards + 1)]
    assert all(p[1].startswith("orders_fs") and p[2] == group.admin for p in parts)
    assert rows(admin, "SELECT count(*) FROM pg_class WHERE relname IN ('product', 'log') AND relkind = 'r'") == [(2,)]


def test_rows_are_spread_and_keys_are_kept(admin):
    make_tables(admin)
    with admin.cursor() as cur:
        cur.copy_expert("COPY orders FROM STDIN", io.StringIO("".join(f"{i}\t{i}\tx\n" for i in range(1000))))
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cur.execute("INSERT INTO orders VALUES (7, 7, 'again')")
    assert len(rows(admin, "SELECT DISTINCT tableoid FROM orders")) == 4
    assert rows(admin, "SELECT count(*) FROM orders") == [(1000,)]


def test_two_keys_quoted_names_and_another_schema(admin):
    with admin.cursor() as cur:
        cur.execute('CREATE SCHEMA "My Shop"')
        set_mode(cur, "sharded", ["Item Id", "cat"])
        cur.execute('CREATE TABLE "My Shop"."The Orders" ("Item Id" int, cat text, n numeric(10, 2) NOT NULL DEFAULT 5,'
                    ' loud text GENERATED ALWAYS AS (cat || \'!\') STORED, CONSTRAINT "K 1" UNIQUE (cat, "Item Id"))')
        cur.execute('INSERT INTO "My Shop"."The Orders" VALUES (1, \'a\')')
        cur.execute('CREATE TABLE "The Orders" ("Item Id" int, cat text)')
    assert rows(admin, 'SELECT * FROM "My Shop"."The Orders"')[0][3] == "a!"
    assert rows(admin, "SELECT schema_name, distribution_key FROM rds_aurora.limitless_tables ORDER BY 1") == [
        ("My Shop", 'HASH ("Item Id", cat)'), ("public", 'HASH ("Item Id", cat)')]
    assert rows(admin, """SELECT conname FROM pg_constraint WHERE conrelid = '"My Shop"."The Orders"'::regclass""") == [
        ("K 1",)]


def test_serial(admin):
    with admin.cursor() as cur:
        set_mode(cur, "sharded", ["c"])
        cur.execute("CREATE TABLE t (c int, id bigserial, PRIMARY KEY (c, id))")
        cur.execute("INSERT INTO t (c) SELECT 1 FROM generate_series(1, 10)")
        cur.execute("ALTER SEQUENCE t_id_seq RESTART 100")
        cur.execute("INSERT INTO t (c) VALUES (2) RETURNING id")
        assert cur.fetchone() == (100,)
    assert rows(admin, "SELECT pg_get_serial_sequence('t', 'id')") == [("public.t_id_seq",)]
    assert rows(admin, "SELECT sequence_name, lastval, start, inc FROM rds_aurora.limitless_distributed_sequence") == [
        ("t_id_seq", 100, 1, 1)]
    with admin.cursor() as cur:
        cur.execute("DROP TABLE t")
    assert rows(admin, "SELECT count(*) FROM pg_sequences WHERE schemaname = 'public'") == [(0,)]


def test_ctas_and_select_into(admin):
    with admin.cursor() as cur:
        set_mode(cur, "sharded", ["a"])
        cur.execute("CREATE TABLE made AS SELECT i AS a, i::text AS b FROM generate_series(1, 100) i")
        assert cur.rowcount == 100
        cur.execute("SELECT * INTO into_it FROM made")
        cur.execute("CREATE TABLE none AS SELECT * FROM made WITH NO DATA")
    assert set(kinds(admin).values()) == {("sharded", "HASH (a)")}
    assert rows(admin, "SELECT count(*), sum(a) FROM into_it") == [(100, 5050)]
    assert rows(admin, "SELECT count(*) FROM none") == [(0,)]


def test_modes_in_a_transaction_and_reset(admin):
    with admin.cursor() as cur:
        cur.execute("BEGIN; SET LOCAL rds_aurora.limitless_create_table_mode = 'sharded';"
                    " SET LOCAL rds_aurora.limitless_create_table_shard_key = '{a}';"
                    " CREATE TABLE one (a int); COMMIT; CREATE TABLE two (a int)")
        cur.execute("SHOW rds_aurora.limitless_create_table_mode")
        assert cur.fetchone() == ("standard",)
        cur.execute("BEGIN; CREATE TABLE three (a int); ROLLBACK")
    assert {k: v[0] for k, v in kinds(admin).items()} == {"one": "sharded", "two": "standard"}


def test_temporary_tables_are_nobodys(admin):
    with admin.cursor() as cur:
        set_mode(cur, "sharded", ["a"])
        cur.execute("CREATE TEMP TABLE t (b int)")
    assert kinds(admin) == {}


def test_what_is_dropped_leaves_the_catalog(admin, group, group_db):
    make_tables(admin)
    with admin.cursor() as cur:
        cur.execute("DROP TABLE orders, log")
        cur.execute("CREATE SCHEMA s; CREATE TABLE s.t (a int); DROP SCHEMA s CASCADE")
    assert set(kinds(admin)) == {"items", "apart", "product"}
    assert group.query(group_db, "SELECT count(*) FROM rds_aurora_sim.known_table") == [(3,)]
    assert {r[0] for r in rows(admin, "SELECT table_name FROM rds_aurora.limitless_table_collocations")} == {
        "items", "apart"}


def test_collocations(admin, group):
    make_tables(admin)
    found = dict(rows(admin, "SELECT table_name, collocation_id FROM rds_aurora.limitless_table_collocations"))
    assert found["orders"] == found["items"] != found["apart"] and len(found) == 3
    ranges = rows(admin, "SELECT subcluster_id, lower_bound, upper_bound"
                  " FROM rds_aurora.limitless_table_collocation_distributions WHERE collocation_id = %s"
                  " ORDER BY lower_bound", (found["orders"],))
    shards = [r[0] for r in rows(admin, "SELECT subcluster_id FROM rds_aurora.limitless_subclusters"
                                 " WHERE subcluster_type = 'shard'")]
    assert [r[0] for r in ranges] == shards and len(shards) == group.shards
    assert ranges[0][1] == -2**63 and ranges[-1][2] == 2**63 - 1
    assert all(a[2] == b[1] for a, b in zip(ranges, ranges[1:]))


def test_conversion_to_sharded(admin, group, group_db):
    group.query(group_db, "CREATE ROLE onlooker")
    try:
        with admin.cursor() as cur:
            cur.execute("CREATE TABLE t (a int NOT NULL, b serial, c text DEFAULT 'x', PRIMARY KEY (a, b));"
                        "CREATE INDEX by_c ON t (c); GRANT SELECT ON t TO onlooker;"
                        "INSERT INTO t (a) SELECT i FROM generate_series(1, 500) i;"
                        "CREATE TABLE u (LIKE t INCLUDING DEFAULTS)")
            cur.execute("CALL rds_aurora.limitless_alter_table_type_sharded('public.t', ARRAY['a'])")
            cur.execute("CALL rds_aurora.limitless_alter_table_type_sharded('u', ARRAY['a'], 'public.t')")
            cur.execute("INSERT INTO t (a) VALUES (501) RETURNING b")
            assert cur.fetchone() == (501,)
        assert kinds(admin) == {"t": ("sharded", "HASH (a)"), "u": ("sharded", "HASH (a)")}
        assert rows(admin, "SELECT count(*), sum(a) FROM t") == [(501, 501 * 502 // 2)]
        assert {r[0] for r in rows(admin, "SELECT indexname FROM pg_indexes WHERE tablename = 't'")} == {"t_pkey", "by_c"}
        assert rows(admin, "SELECT has_table_privilege('onlooker', 't', 'SELECT')") == [(True,)]
        assert len(set(rows(admin, "SELECT collocation_id FROM rds_aurora.limitless_table_collocations"))) == 1
    finally:
        group.query(group_db, "DROP OWNED BY onlooker")
        group.query(group_db, "DROP ROLE onlooker")


def test_conversion_to_reference(admin):
    with admin.cursor() as cur:
        cur.execute("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)")
        cur.execute("CALL rds_aurora.limitless_alter_table_type_reference('t')")
        cur.execute("INSERT INTO t VALUES (2)")
    assert kinds(admin) == {"t": ("reference", None)}


def test_renames_and_owners_are_followed(admin, group, group_db):
    make_tables(admin)
    group.query(group_db, "CREATE ROLE other")
    try:
        with admin.cursor() as cur:
            cur.execute("ALTER TABLE orders RENAME TO bought; CREATE SCHEMA s; ALTER TABLE bought SET SCHEMA s")
        group.query(group_db, "ALTER TABLE s.bought OWNER TO other")
        assert rows(admin, "SELECT schema_name FROM rds_aurora.limitless_tables WHERE table_name = 'bought'") == [("s",)]
        assert {p[2] for p in parts_of(admin, "s.bought")} == {"other"}
    finally:
        group.query(group_db, "DROP OWNED BY other CASCADE")
        group.query(group_db, "DROP ROLE other")


def test_no_trigger_of_the_simulator_is_seen(admin):
    make_tables(admin)
    assert rows(admin, "SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " WHERE NOT tgisinternal AND c.relnamespace = 'public'::regnamespace") == []
    with admin.cursor() as cur:
        cur.execute("ALTER TABLE orders ADD more int")
        cur.execute("DROP TABLE items, orders, apart, product, log")


def test_the_ledgers_kind_of_tables(admin):
    """Schemas, tables and rows as a plain role makes them; nothing of them is sharded."""
    with admin.cursor() as cur:
        cur.execute("CREATE SCHEMA IF NOT EXISTS sluice; CREATE TABLE IF NOT EXISTS sluice.job (name text PRIMARY KEY,"
                    " at timestamptz NOT NULL DEFAULT now()); CREATE TABLE IF NOT EXISTS sluice.job (name text)")
        cur.execute("INSERT INTO sluice.job VALUES ('a'); UPDATE sluice.job SET name = 'b'")
    assert kinds(admin) == {"job": ("standard", None)}


def test_a_database_with_an_encoding_of_its_own(group):
    group.createdb("latin", encoding="LATIN1", locale="C")
    try:
        assert group.query("latin", "SELECT count(*) FROM rds_aurora.limitless_subclusters") == [(7,)]
    finally:
        group.dropdb("latin")
