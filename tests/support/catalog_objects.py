"""What is in a database, by its catalog alone, named as pg_dump's table of contents names it.

`objects(conn)` counts without Sluice and without pg_dump, `accounted()` and `arrived()` hold that against
what `sluice schema --json` said, and `rows_differ()` compares the rows behind it.
"""

import re
from collections import Counter

from . import compare

# Each gives (type, name). Whatever belongs to an extension, to the system, or to the ledger is not counted.
_OURS = "NOT IN ('pg_catalog', 'information_schema', 'sluice', 'rds_aurora', 'rds_aurora_sim')"
_USER = f"n.nspname {_OURS} AND n.nspname !~ '^(pg_|shard_[0-9])'"


def _free(catalog, oid):
    return (f" AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass"
            f" AND d.objid = {oid} AND d.deptype = 'e')")


_ALIVE = f"{_USER}{_free('pg_class', 'c.oid')}"
_CLASS = f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_ALIVE}"
# Of a table, an index, ...: beside its name, the table's.
_ON = "JOIN pg_class c ON c.oid = {} JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " + _ALIVE
_NAMED = "n.nspname || '.' || "
_ARGUMENTS = "coalesce((SELECT string_agg(format_type(t, NULL), ', ' ORDER BY o) FROM" \
             " unnest(p.proargtypes) WITH ORDINALITY u (t, o)), '')"
_KIND = ("CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END")


def _simple(kind, catalog, prefix, where="true"):
    """A catalog of things that live in schemas and are called by their names."""
    return (f"SELECT '{kind}', {_NAMED} x.{prefix}name FROM {catalog} x JOIN pg_namespace n"
            f" ON n.oid = x.{prefix}namespace WHERE {_USER} AND {where}{_free(catalog, 'x.oid')}")


def _outside(kind, catalog, name, where="true"):
    """A catalog of things that live in no schema."""
    return f"SELECT '{kind}', {name} FROM {catalog} x WHERE x.oid >= 16384 AND {where}{_free(catalog, 'x.oid')}"


_STANDALONE = "(x.typtype IN ('e', 'd', 'r') OR x.typtype = 'b' AND x.typelem = 0 AND x.typname !~ '^_' OR" \
              " x.typtype = 'c' AND (SELECT relkind FROM pg_class WHERE oid = x.typrelid) = 'c')"
COUNTED = [
    f"SELECT 'SCHEMA', n.nspname FROM pg_namespace n WHERE {_USER} AND n.nspname <> 'public'"
    + _free("pg_namespace", "n.oid"),
    "SELECT 'EXTENSION', extname FROM pg_extension WHERE extname <> 'plpgsql'",
    _simple("TYPE", "pg_type", "typ", _STANDALONE + " AND x.typtype <> 'd'"),
    _simple("DOMAIN", "pg_type", "typ", "x.typtype = 'd'"),
    f"SELECT {_KIND}, {_NAMED} p.proname || CASE WHEN p.prokind = 'a' AND p.pronargs = 0 THEN '(*)' ELSE '(' ||"
    f" {_ARGUMENTS} || ')' END FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_USER} AND"
    " NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND"
    " d.deptype IN ('e', 'i'))",
    _simple("OPERATOR", "pg_operator", "opr"),
    _simple("OPERATOR CLASS", "pg_opclass", "opc"),
    _simple("OPERATOR FAMILY", "pg_opfamily", "opf"),
    _simple("COLLATION", "pg_collation", "coll"),
    _simple("CONVERSION", "pg_conversion", "con"),
    _simple("TEXT SEARCH CONFIGURATION", "pg_ts_config", "cfg"),
    _simple("TEXT SEARCH DICTIONARY", "pg_ts_dict", "dict"),
    _simple("TEXT SEARCH TEMPLATE", "pg_ts_template", "tmpl"),
    _simple("TEXT SEARCH PARSER", "pg_ts_parser", "prs"),
    _simple("STATISTICS", "pg_statistic_ext", "stx"),
    _outside("CAST", "pg_cast", "'CAST (' || format_type(castsource, NULL) || ' AS ' ||"
                                " format_type(casttarget, NULL) || ')'",
             "NOT EXISTS (SELECT FROM pg_range r JOIN pg_depend d ON d.objid = x.oid AND d.classid ="
             " 'pg_cast'::regclass AND d.deptype IN ('i', 'a') WHERE d.refobjid IN (r.rngtypid, r.rngmultitypid)"
             " AND x.castsource = r.rngtypid AND x.casttarget = r.rngmultitypid)"),
    _outside("EVENT TRIGGER", "pg_event_trigger", "evtname", "evtname !~ '^limitless'"),
    _outside("PUBLICATION", "pg_publication", "pubname"),
    _outside("FOREIGN DATA WRAPPER", "pg_foreign_data_wrapper", "fdwname"),
    _outside("SERVER", "pg_foreign_server", "srvname"),
    _outside("ACCESS METHOD", "pg_am", "amname"),
    _outside("PROCEDURAL LANGUAGE", "pg_language", "lanname"),
    "SELECT 'USER MAPPING', 'USER MAPPING ' || usename || ' SERVER ' || srvname FROM pg_user_mappings",
    f"SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'"
    f" WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, {_NAMED} relname {_CLASS}"
    " AND relkind IN ('v', 'm', 'S', 'r', 'p', 'f')",
    f"SELECT 'INDEX', {_NAMED} i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
    f" {_ON.format('x.indrelid')} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid"
    " AND contype IN ('p', 'u', 'x'))",
    f"SELECT CASE contype WHEN 'f' THEN 'FK CONSTRAINT' ELSE 'CONSTRAINT' END, {_NAMED} c.relname || ' ' || conname"
    f" FROM pg_constraint k {_ON.format('k.conrelid')} AND contype IN ('p', 'u', 'x', 'f')"
    " AND (contype <> 'f' OR conparentid = 0)",
    # A partition's own ones too: a child's inherited ones are its parent's.
    f"SELECT 'CHECK', {_NAMED} c.relname || ' ' || conname FROM pg_constraint k {_ON.format('k.conrelid')}"
    " AND contype = 'c'",
    f"SELECT 'DOMAIN CHECK', {_NAMED} typname || ' ' || conname FROM pg_constraint k JOIN pg_type t"
    f" ON t.oid = contypid JOIN pg_namespace n ON n.oid = typnamespace WHERE {_USER}{_free('pg_type', 't.oid')}",
    f"SELECT 'DEFAULT', {_NAMED} c.relname || ' ' || attname FROM pg_attrdef x JOIN pg_attribute a ON"
    f" a.attrelid = adrelid AND attnum = adnum {_ON.format('x.adrelid')}",
    f"SELECT 'TRIGGER', {_NAMED} c.relname || ' ' || tgname FROM pg_trigger t {_ON.format('t.tgrelid')}"
    " AND NOT tgisinternal AND tgparentid = 0",
    f"SELECT 'RULE', {_NAMED} c.relname || ' ' || rulename FROM pg_rewrite r {_ON.format('r.ev_class')}"
    " AND rulename <> '_RETURN'",
    f"SELECT 'POLICY', {_NAMED} c.relname || ' ' || polname FROM pg_policy p {_ON.format('p.polrelid')}",
    f"SELECT 'ROW SECURITY', {_NAMED} relname {_CLASS} AND relrowsecurity",
]
# What no dump's table of contents lists by itself: within a table or a domain.
WITHIN = {"DEFAULT", "DOMAIN CHECK"}
# What arrives is compared for these; a default and a domain's check go with their table or domain.
COMPARED = {"SCHEMA", "EXTENSION", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "AGGREGATE", "OPERATOR",
            "OPERATOR CLASS", "OPERATOR FAMILY", "COLLATION", "CONVERSION", "TEXT SEARCH CONFIGURATION",
            "TEXT SEARCH DICTIONARY", "TEXT SEARCH TEMPLATE", "TEXT SEARCH PARSER", "STATISTICS", "CAST",
            "EVENT TRIGGER", "PUBLICATION", "FOREIGN DATA WRAPPER", "SERVER", "USER MAPPING", "TABLE", "VIEW",
            "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE", "INDEX", "CONSTRAINT", "FK CONSTRAINT", "CHECK",
            "TRIGGER", "RULE", "POLICY", "ROW SECURITY"}


def objects(conn):
    """A Counter of (type, name)."""
    found = Counter()
    with conn.cursor() as cur:
        cur.execute("SET search_path = ''")
        for sql in COUNTED:
            cur.execute(sql)
            found.update((kind, name) for kind, name in cur.fetchall())
    return found


def flat(name):
    """A line end stands as a space in a dump's header."""
    return re.sub(r"[\r\n]", " ", name)


def _label(told):
    kind = "CHECK" if told["type"] == "CHECK CONSTRAINT" else told["type"]
    return kind, flat(told["name"])


def partition_checks(conn):
    """What partitions have from their table, whose entry speaks for them."""
    with conn.cursor() as cur:
        cur.execute(f"SELECT {_NAMED} c.relname || ' ' || conname FROM pg_constraint k"
                    f" {_ON.format('k.conrelid')} AND contype = 'c' AND c.relispartition AND coninhcount > 0")
        return {("CHECK", flat(name)) for (name,) in cur.fetchall()}


def accounted(source, told):
    """What the source has and the report does not name, and the other way round: [] when it is right."""
    have = Counter((kind, flat(name)) for (kind, name), n in objects(source).items() for _ in range(n)
                   if kind in COMPARED)
    for key in partition_checks(source):
        have.pop(key, None)
    said = Counter(_label(o) for o in told["objects"])
    wrong = [f"not in the report: {key}" for key in have - said]
    return wrong + [f"not at the source: {key}" for key in said - have if key[0] in COMPARED
                    and not _is_domain_check(source, key) and key != ("SCHEMA", "public")
                    and not (key[0] == "RULE" and key[1].endswith(" _RETURN"))]


def _is_domain_check(source, key):
    return key[0] == "CHECK" and ("DOMAIN CHECK", key[1]) in {
        (k, flat(n)) for k, n in objects(source)}


def renames(told):
    """Tables that became others: what the report says of them."""
    found = {}
    for o in told["objects"]:
        match = re.search(r"it becomes (.*?)(;|$)", o["note"] or "")
        if o["type"] == "TABLE" and match and o["mark"] != "left out":
            found[flat(o["name"])] = flat(match.group(1))
    return found


def arrived(destination, told):
    """What the report promises and is not there, or is there and should not be."""
    there = {(kind, flat(name)) for kind, name in objects(destination)}
    to, wrong, promised = renames(told), [], set()
    for o in told["objects"]:
        kind, name = _label(o)
        if kind not in COMPARED or (kind, name) == ("SCHEMA", "public"):
            continue
        key = (kind, to.get(name, name))
        if o["mark"] == "left out":
            wrong += [f"left out and there: {key}: {o['note']}"] if key in there else []
            continue
        promised.add(key)
        if key not in there and not _came_otherwise(o, there, to):
            wrong.append(f"promised and not there: {key}: {o['mark']}, {o['note']}")
    extra = {key for key in there - promised if key[0] in ("TABLE", "VIEW", "SEQUENCE", "FUNCTION", "TYPE", "DOMAIN")}
    return wrong + [f"there without being in the report: {key}" for key in extra]


def _came_otherwise(told, there, to):
    """Under another name or as another kind of thing, which the report has to say."""
    kind, name = _label(told)
    schema, _, rest = name.partition(".")
    for table in (t for t in to if name.startswith(t + " ")):
        new = to[table] + name[len(table):]
        return (kind, new) in there or (told["mark"] == "changed" and "by a name" in told["note"])
    if kind == "CHECK":
        return ("DOMAIN CHECK", name) in there
    if kind == "CONSTRAINT" and told["mark"] == "changed":  # a unique one became an index
        return any(k == "INDEX" and n.startswith(schema + ".") and rest.endswith(" " + n[len(schema) + 1:])
                   for k, n in there)
    return _is_view_again(told, there)


def _is_view_again(o, there):
    """A view's rule, which came as the view."""
    return o["type"] == "RULE" and o["name"].endswith(" _RETURN") and \
        ("VIEW", flat(o["name"])[:-len(" _RETURN")]) in there


def rows_differ(source, destination, told):
    """(tables, rows, problems): every table's rows by count and hash, partitions in their root, over the
    columns that both sides have."""
    from_there = compare.read_tables(source)
    there = {t.label: t for t in compare.read_tables(destination).values() if not t.schema.startswith("shard_")}
    to, wrong, tables, rows = renames(told), [], 0, 0
    for table in from_there.values():
        if not table.is_top:
            continue
        other = there.get(to.get(table.label, table.label))
        if other is None:
            wrong.append(f"{table.label} is not there")
            continue
        columns = [c for c in table.columns if c in other.columns]
        if columns != table.columns:
            wrong.append(f"{table.label}: without {sorted(set(table.columns) - set(columns))}")
        # A row of more than 1,600 columns cannot be made, nor one of none.
        sums = []
        for conn, side in ((source, table), (destination, other)):
            with conn.cursor() as cur:
                cur.execute(compare.hash_sql(side, columns))
                sums.append(cur.fetchone())
        tables, rows = tables + 1, rows + sums[0][0]
        if sums[0] != sums[1]:
            wrong.append(f"{table.label}: {sums[0]} at the source, {sums[1]} there")
    return tables, rows, wrong


def fingerprint(conn):
    """Whatever a run that changes nothing leaves equal: catalog by name, rows, positions, when it was written."""
    with conn.cursor() as cur:
        found = sorted(objects(conn).items())
        cur.execute("SELECT 'pg_class', max(xmin::text::bigint), count(*) FROM pg_class UNION ALL"
                    " SELECT 'pg_attribute', max(xmin::text::bigint), count(*) FROM pg_attribute UNION ALL"
                    " SELECT 'pg_proc', max(xmin::text::bigint), count(*) FROM pg_proc UNION ALL"
                    " SELECT 'pg_constraint', max(xmin::text::bigint), count(*) FROM pg_constraint ORDER BY 1")
        # Relations are written by VACUUM as well: only their number counts.
        found.append([row[0::2] for row in cur.fetchall()])
        cur.execute("SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2")
        found.append(cur.fetchall())
        for table in compare.read_tables(conn).values():
            cur.execute(compare.hash_sql(table, table.columns))
            found.append((table.label, cur.fetchone()))
    return found
