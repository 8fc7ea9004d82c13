"""Source databases for the tests of `sluice schema`, and what is compared afterwards."""

import re
import subprocess

from . import shop

# Names, bodies and texts that look like pg_dump's own headers, and one of nearly every kind of object.
HOSTILE = r"""
CREATE SCHEMA "S ""p";
CREATE SCHEMA s2;
CREATE EXTENSION citext;
CREATE EXTENSION btree_gist;
CREATE TYPE s2.e AS ENUM ('a;', 'b''');
CREATE TYPE s2.comp AS (a int, b s2.e);
CREATE DOMAIN s2.d AS int CHECK (value > 0);
CREATE SEQUENCE s2.alone CYCLE CACHE 300000 MAXVALUE 9000000;
SELECT nextval('s2.alone');
CREATE TABLE "S ""p"."we;ird -- Name: x; Type: TABLE; Schema: y; Owner: z" (
    a int PRIMARY KEY,
    "b
c; Type: TABLE; Schema: x; Owner: y" text CHECK (a > 1),
    CHECK (a <> 3), UNIQUE (a, "b
c; Type: TABLE; Schema: x; Owner: y")) WITH (fillfactor = 70);
INSERT INTO "S ""p"."we;ird -- Name: x; Type: TABLE; Schema: y; Owner: z" VALUES (5, 'five'), (6, NULL);
CREATE INDEX ON "S ""p"."we;ird -- Name: x; Type: TABLE; Schema: y; Owner: z"(a) WITH (fillfactor = 50) WHERE a > 3;
CREATE RULE r1 AS ON INSERT TO "S ""p"."we;ird -- Name: x; Type: TABLE; Schema: y; Owner: z"
    DO ALSO (SELECT 1; SELECT 2);
CREATE TABLE s2."new
line" (id int GENERATED ALWAYS AS IDENTITY, "select" text DEFAULT 'it''s; -- x', "naïve" text COLLATE "C",
    g int GENERATED ALWAYS AS (7 * 2) STORED);
INSERT INTO s2."new
line" ("naïve") VALUES ('ü');
CREATE TABLE s2."; Type: TABLE" ("; Owner: postgres" int);
COMMENT ON TABLE s2."; Type: TABLE" IS 'hm
--
-- TOC entry 5 (class 2615 OID 2200)
-- Name: ';
CREATE FUNCTION s2.g() RETURNS int LANGUAGE plpgsql AS $$begin
--
-- TOC entry 5 (class 2615 OID 2200)
-- Name: x; Type: TABLE; Schema: public; Owner: postgres
--

DROP TABLE x;
return 1; end$$;
CREATE FUNCTION s2.h(a text DEFAULT '$$;') RETURNS text LANGUAGE sql AS 'select ''\''';
CREATE FUNCTION s2.c() RETURNS trigger LANGUAGE plpgsql AS $fn$begin return new; end$fn$;
CREATE PROCEDURE s2.pr() LANGUAGE plpgsql AS $$begin end$$;
CREATE TRIGGER "tr;1" BEFORE INSERT ON s2."new
line" FOR EACH ROW EXECUTE FUNCTION s2.c();
CREATE VIEW s2.v AS SELECT count(*) FROM s2."; Type: TABLE";
CREATE VIEW s2.v2 AS SELECT * FROM s2.v;
CREATE MATERIALIZED VIEW s2.m AS SELECT 1 AS x;
CREATE UNIQUE INDEX ON s2.m(x);
CREATE VIEW s2.vm AS SELECT * FROM s2.m;
CREATE TABLE s2.ex (id int PRIMARY KEY, r int4range, c citext, EXCLUDE USING gist (r WITH &&));
INSERT INTO s2.ex VALUES (1, '[1,3)', 'Äb');
CREATE TABLE s2.cyc (id bigserial PRIMARY KEY, other bigint REFERENCES s2.ex DEFERRABLE INITIALLY DEFERRED,
    p bigint REFERENCES s2.cyc ON DELETE SET NULL);
INSERT INTO s2.cyc (other, p) VALUES (1, 1), (1, 1);
ALTER TABLE s2.cyc ADD CONSTRAINT nv CHECK (id < 100) NOT VALID;
CREATE STATISTICS s2.st ON id, other FROM s2.cyc;
ALTER TABLE s2.cyc ENABLE ROW LEVEL SECURITY;
CREATE POLICY p1 ON s2.cyc FOR SELECT TO PUBLIC USING (id > 0);
CREATE TABLE s2.pt (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE s2.pt1 PARTITION OF s2.pt FOR VALUES IN (1);
CREATE TABLE s2.pt2 PARTITION OF s2.pt FOR VALUES IN (2) PARTITION BY RANGE (id);
CREATE TABLE s2.pt21 PARTITION OF s2.pt2 DEFAULT;
INSERT INTO s2.pt VALUES (1, 1), (2, 2);
CREATE INDEX ON s2.pt(id);
CREATE TABLE s2.par (a int, CHECK (a > 0));
CREATE TABLE s2.chi (b int DEFAULT nextval('s2.alone')) INHERITS (s2.par);
CREATE UNLOGGED TABLE s2.unl (x s2.d, y s2.comp, z s2.e[]);
CREATE AGGREGATE s2.agg(int) (sfunc = int4pl, stype = int);
CREATE OPERATOR s2.=== (leftarg = int, rightarg = int, function = int4eq);
CREATE COLLATION s2.coll (lc_collate = 'C', lc_ctype = 'C');
CREATE CAST (s2.comp AS text) WITH INOUT;
CREATE FUNCTION s2.evt() RETURNS event_trigger LANGUAGE plpgsql AS $$begin end$$;
CREATE FOREIGN DATA WRAPPER fdw;
CREATE SERVER srv FOREIGN DATA WRAPPER fdw;
CREATE FOREIGN TABLE s2.ft (a int) SERVER srv;
CREATE TEXT SEARCH CONFIGURATION s2.ts (COPY = english);
CREATE PUBLICATION pub FOR TABLE s2.cyc;
ALTER DEFAULT PRIVILEGES IN SCHEMA s2 GRANT SELECT ON TABLES TO PUBLIC;
GRANT SELECT ON s2.cyc TO PUBLIC;
CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION s2.evt();
"""
# PostgreSQL 14 has bodies that are no strings.
HOSTILE_14 = """
CREATE FUNCTION s2.f() RETURNS int LANGUAGE sql
BEGIN ATOMIC; SELECT 1; SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END; END;
"""


def pagila(pair, data):
    for name in ("pagila-schema.sql", "pagila-schema-jsonb.sql", "pagila-data.sql"):
        pair.source.psql_file(pair.source_db, data("pagila-3.1.0") / name)


def chinook(pair, data):
    pair.source.psql_file(pair.source_db, data("chinook") / "chinook_nodb.sql")


def small_shop(pair, _data):
    shop.create_shop(pair.source, pair.source_db, scale=0.001)


def hostile(pair, _data):
    pair.src(HOSTILE)
    if int(pair.src("SHOW server_version_num")) >= 140000:
        pair.src(HOSTILE_14)


SOURCES = {"pagila": pagila, "chinook": chinook, "shop": small_shop, "hostile": hostile}


def _pg_dump(pair, dsn, *options):
    return subprocess.run([str(pair.lab.bindir / "pg_dump"), *options, "-d", dsn], capture_output=True,
                          text=True, check=True, env=pair.lab.client_env(), timeout=120).stdout


def copy_rows(pair):
    """Rows by pg_dump --data-only; sequences stay where they are."""
    text = _pg_dump(pair, pair.source_dsn, "--data-only", "--disable-triggers")
    pair.dst(re.sub(r"SELECT pg_catalog\.setval\(.*?\);\n", "", text, flags=re.DOTALL))


def statements(pair, dsn):
    """What pg_dump -s says of a database, without order and comments; the ledger's schema left out."""
    text = _pg_dump(pair, dsn, "--schema-only", "--exclude-schema=sluice")
    lines = [line for line in text.split("\n") if not line.startswith(("--", "\\"))]
    return sorted(s.strip() for s in re.split(r";\n", "\n".join(lines)) if s.strip())


def schema_differences(pair):
    source = statements(pair, pair.source_dsn)
    destination = statements(pair, pair.destination_dsn)
    return ([f"missing: {s}" for s in source if s not in destination]
            + [f"more: {s}" for s in destination if s not in source]
            + ([] if len(source) == len(destination) else ["another number of statements"]))
