"""How many objects of each kind a database has, counted from its catalogs and not by pg_dump.

The kinds have pg_dump's names, since those are what `sluice schema` reports. What belongs to an
extension, to the system, or comes and goes with another object is not counted, as in a dump.
"""

import re

USER = "NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp|^pg_toast_temp'"
FIRST_OID = 16384  # smaller ones are initdb's


def in_schema(catalog, column, where="true"):
    return f"FROM {catalog} o JOIN pg_namespace n ON n.oid = o.{column} WHERE n.nspname {USER}" \
           f" AND {free(catalog)} AND {where}"


def free(catalog):
    """Of nobody: neither an extension's nor made along with something else."""
    return f"NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = '{catalog}'::regclass" \
           " AND d.objid = o.oid AND d.objsubid = 0 AND d.deptype IN ('e', 'i'))"


def of_user(catalog, where="true"):
    return f"FROM {catalog} o WHERE o.oid >= {FIRST_OID} AND {free(catalog)} AND {where}"


def relations(kinds, where="true"):
    """Partitions depend on their parents, but are of their own; so do tables of a type."""
    kinds = ", ".join(f"'{k}'" for k in kinds)
    return f"FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE n.nspname {USER}" \
           f" AND o.relkind IN ({kinds}) AND o.relpersistence <> 't' AND {where}"


def of_table(catalog, column, where="true"):
    return f"FROM {catalog} o JOIN pg_class c ON c.oid = o.{column} JOIN pg_namespace n" \
           f" ON n.oid = c.relnamespace WHERE n.nspname {USER} AND c.relpersistence <> 't' AND {where}"


def type_of(where):
    """Array types and multiranges come with their elements and ranges, row types with their tables."""
    return in_schema("pg_type", "typnamespace",
                     f"NOT EXISTS (SELECT 1 FROM pg_type a WHERE a.typarray = o.oid) AND ({where})")


ROUTINE = "pg_proc", "pronamespace"
KEYS = "o.contype IN ('p', 'u', 'x')"
BASE = "o.typtype = 'b'"
STANDALONE = "o.typrelid <> 0 AND (SELECT c.relkind FROM pg_class c WHERE c.oid = o.typrelid) = 'c'"

COUNTS = {
    "SCHEMA": f"FROM pg_namespace n WHERE n.nspname {USER} AND n.nspname <> 'public'",
    "EXTENSION": "FROM pg_extension o WHERE o.extname <> 'plpgsql'",
    "PROCEDURAL LANGUAGE": of_user("pg_language"),
    "COLLATION": in_schema("pg_collation", "collnamespace"),
    "CONVERSION": in_schema("pg_conversion", "connamespace"),
    "TRANSFORM": of_user("pg_transform"),
    "CAST": of_user("pg_cast"),
    "TYPE": type_of(f"o.typtype IN ('e', 'r') OR NOT o.typisdefined OR {BASE} OR ({STANDALONE})"),
    "SHELL TYPE": type_of(BASE),
    "DOMAIN": in_schema("pg_type", "typnamespace", "o.typtype = 'd'"),
    "FUNCTION": in_schema(*ROUTINE, "o.prokind IN ('f', 'w')"),
    "PROCEDURE": in_schema(*ROUTINE, "o.prokind = 'p'"),
    "AGGREGATE": in_schema(*ROUTINE, "o.prokind = 'a'"),
    "OPERATOR": in_schema("pg_operator", "oprnamespace", "o.oprcode <> 0"),
    "OPERATOR CLASS": in_schema("pg_opclass", "opcnamespace"),
    "OPERATOR FAMILY": in_schema("pg_opfamily", "opfnamespace"),
    "ACCESS METHOD": of_user("pg_am"),
    "TEXT SEARCH CONFIGURATION": in_schema("pg_ts_config", "cfgnamespace"),
    "TEXT SEARCH DICTIONARY": in_schema("pg_ts_dict", "dictnamespace"),
    "TEXT SEARCH PARSER": in_schema("pg_ts_parser", "prsnamespace"),
    "TEXT SEARCH TEMPLATE": in_schema("pg_ts_template", "tmplnamespace"),
    "FOREIGN DATA WRAPPER": of_user("pg_foreign_data_wrapper"),
    "SERVER": of_user("pg_foreign_server"),
    "USER MAPPING": "FROM pg_user_mapping o",
    "FOREIGN TABLE": relations("f"),
    "TABLE": relations("rp"),
    "VIEW": relations("v"),
    "MATERIALIZED VIEW": relations("m"),
    "SEQUENCE": relations("S"),
    "SEQUENCE OWNED BY": relations("S", "EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass"
                                        " AND d.objid = o.oid AND d.deptype = 'a')"),
    "TABLE ATTACH": relations("rpf", "o.relispartition"),
    "INDEX": of_table("pg_index", "indrelid", "NOT EXISTS (SELECT 1 FROM pg_constraint k"
                      " WHERE k.conindid = o.indexrelid AND k.contype IN ('p', 'u', 'x'))"),
    "INDEX ATTACH": of_table("pg_index", "indrelid", "EXISTS (SELECT 1 FROM pg_inherits i"
                             " WHERE i.inhrelid = o.indexrelid)"),
    "CONSTRAINT": of_table("pg_constraint", "conrelid", KEYS),
    "FK CONSTRAINT": of_table("pg_constraint", "conrelid", "o.contype = 'f' AND o.conparentid = 0"),
    "RULE": of_table("pg_rewrite", "ev_class", "o.rulename <> '_RETURN'"),
    # A partition's trigger is its parent's, unless one of the two is switched off.
    "TRIGGER": of_table("pg_trigger", "tgrelid", "NOT o.tgisinternal AND (o.tgparentid = 0 OR o.tgenabled <>"
                        " (SELECT p.tgenabled FROM pg_trigger p WHERE p.oid = o.tgparentid))"),
    "POLICY": of_table("pg_policy", "polrelid"),
    "ROW SECURITY": relations("rp", "o.relrowsecurity"),
    "STATISTICS": in_schema("pg_statistic_ext", "stxnamespace"),
    "PUBLICATION": of_user("pg_publication"),
    "PUBLICATION TABLE": "FROM pg_publication_rel o",
    "PUBLICATION TABLES IN SCHEMA": "FROM pg_publication_namespace o",
    "SUBSCRIPTION": "FROM pg_subscription o WHERE o.subdbid = (SELECT oid FROM pg_database"
                    " WHERE datname = current_database())",
    "EVENT TRIGGER": of_user("pg_event_trigger"),
    "DEFAULT ACL": "FROM pg_default_acl o",
    "SECURITY LABEL": "FROM pg_seclabel o",
    # Large objects are rows, and a subscription's comment may outlive it.
    "COMMENT": f"FROM pg_description o WHERE o.objoid >= {FIRST_OID} AND o.classoid NOT IN"
               " ('pg_largeobject'::regclass, 'pg_subscription'::regclass)",
}
# A dump has most within their tables and some by themselves; the report for a shard group has both.
CHECKS = of_table("pg_constraint", "conrelid", "o.contype = 'c' AND (NOT c.relispartition OR o.coninhcount = 0)")
# Those of domains are by themselves where they are NOT VALID, and else within the domain.
DOMAIN_CHECKS = of_user("pg_constraint", "o.contypid <> 0 AND NOT o.convalidated")


def count(cluster, db):
    """{kind: how many}, kinds without any included."""
    sql = " UNION ALL ".join(f"SELECT '{kind}', count(*) {rest}" for kind, rest in COUNTS.items())
    return {kind: int(n) for kind, n in cluster.query(db, sql)}


def count_checks(cluster, db):
    sql = f"SELECT (SELECT count(*) {CHECKS}) + (SELECT count(*) {DOMAIN_CHECKS})"
    return int(cluster.query(db, sql)[0][0])


# What each object is, in the server's own words or by its catalog's columns; oids spelled out as names.
DEFINITIONS = {
    "relation": "SELECT o.oid::regclass, o.relkind, o.relpersistence, o.relrowsecurity, o.relforcerowsecurity,"
                " o.relreplident, o.relowner::regrole, o.reloptions, o.relispartition,"
                " pg_get_expr(o.relpartbound, o.oid), pg_get_partkeydef(o.oid), o.reloftype::regtype,"
                " (SELECT amname FROM pg_am WHERE oid = o.relam), o.relhasrules, {acl:relacl}"
                + f" {relations('rpvmSfc')}",
    "inheritance": "SELECT o.inhrelid::regclass, o.inhparent::regclass, o.inhseqno FROM pg_inherits o",
    "column": "SELECT o.attrelid::regclass, o.attname, format_type(o.atttypid, o.atttypmod), o.attnotnull,"
              " o.attstorage, o.attcompression, o.attidentity, o.attgenerated, o.attstattarget, o.attoptions,"
              " o.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid), {acl:attacl}"
              " FROM pg_attribute o JOIN pg_class c ON c.oid = o.attrelid JOIN pg_namespace n ON"
              " n.oid = c.relnamespace LEFT JOIN pg_attrdef d ON d.adrelid = o.attrelid AND d.adnum = o.attnum"
              f" WHERE n.nspname {USER} AND o.attnum > 0 AND NOT o.attisdropped AND c.relkind NOT IN ('i', 'I')"
              " AND c.relpersistence <> 't'",
    "constraint": "SELECT o.conrelid::regclass, o.contypid::regtype, o.conname, pg_get_constraintdef(o.oid),"
                  " o.convalidated, o.conparentid = 0 AND o.connoinherit, o.conparentid <> 0"
                  " FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace"
                  # Those to the partitions of what a foreign key refers to get names of the server's choice.
                  f" WHERE n.nspname {USER} AND (o.contype <> 'f' OR o.conparentid = 0)",
    "index": "SELECT pg_get_indexdef(o.indexrelid), o.indisvalid, o.indisclustered, o.indisreplident"
             f" {of_table('pg_index', 'indrelid')}",
    "view": f"SELECT o.oid::regclass, pg_get_viewdef(o.oid) {relations('vm')}",
    "rule": f"SELECT pg_get_ruledef(o.oid), o.ev_enabled {of_table('pg_rewrite', 'ev_class')}",
    "trigger": "SELECT pg_get_triggerdef(o.oid), o.tgenabled"
               f" {of_table('pg_trigger', 'tgrelid', 'NOT o.tgisinternal')}",
    "policy": "SELECT o.polrelid::regclass, o.polname, o.polcmd, o.polpermissive, o.polroles::regrole[],"
              " pg_get_expr(o.polqual, o.polrelid), pg_get_expr(o.polwithcheck, o.polrelid)"
              f" {of_table('pg_policy', 'polrelid')}",
    "routine": "SELECT o.oid::regprocedure, o.prokind, o.proowner::regrole, o.prorettype::regtype,"
               " CASE WHEN o.prokind <> 'a' THEN pg_get_functiondef(o.oid) END, {acl:proacl}"
               f" {in_schema(*ROUTINE)}",
    "aggregate": "SELECT a.aggfnoid::regprocedure, a.aggkind, a.aggnumdirectargs, a.aggtransfn, a.aggfinalfn,"
                 " a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn,"
                 " a.aggmfinalfn, a.aggfinalextra, a.aggfinalmodify, a.aggsortop::regoperator,"
                 " a.aggtranstype::regtype, a.aggtransspace, a.agginitval FROM pg_aggregate a"
                 " JOIN pg_proc o ON o.oid = a.aggfnoid JOIN pg_namespace n ON n.oid = o.pronamespace"
                 f" WHERE n.nspname {USER}",
    "type": "SELECT o.oid::regtype, o.typtype, o.typlen, o.typbyval, o.typcategory, o.typispreferred,"
            " o.typisdefined, o.typdelim, o.typelem::regtype, o.typinput, o.typoutput, o.typalign, o.typstorage,"
            " o.typnotnull, o.typbasetype::regtype, o.typdefault, o.typcollation::regcollation,"
            " o.typowner::regrole, {acl:typacl},"
            " ARRAY(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = o.oid ORDER BY e.enumsortorder),"
            " (SELECT r.rngsubtype::regtype::text || r.rngmultitypid::regtype FROM pg_range r"
            " WHERE r.rngtypid = o.oid) FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace"
            f" WHERE n.nspname {USER}",
    "operator": "SELECT o.oid::regoperator, o.oprkind, o.oprcanmerge, o.oprcanhash, o.oprcode, o.oprrest,"
                " o.oprjoin, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprowner::regrole"
                f" {in_schema('pg_operator', 'oprnamespace')}",
    "operator class": "SELECT o.opcname, o.opcnamespace::regnamespace, o.opcintype::regtype, o.opcdefault,"
                      f" o.opckeytype::regtype {in_schema('pg_opclass', 'opcnamespace')}",
    "operator of a family": "SELECT f.opfname, f.opfnamespace::regnamespace, a.amopstrategy,"
                            " a.amopopr::regoperator, a.amoppurpose FROM pg_amop a JOIN pg_opfamily f"
                            f" ON f.oid = a.amopfamily WHERE f.oid >= {FIRST_OID}",
    "function of a family": "SELECT f.opfname, f.opfnamespace::regnamespace, a.amprocnum, a.amproc::regprocedure"
                            " FROM pg_amproc a JOIN pg_opfamily f ON f.oid = a.amprocfamily"
                            f" WHERE f.oid >= {FIRST_OID}",
    "cast": "SELECT o.castsource::regtype, o.casttarget::regtype, o.castfunc::regprocedure, o.castcontext,"
            f" o.castmethod {of_user('pg_cast')}",
    "collation": "SELECT o.oid::regcollation, o.collprovider, o.collisdeterministic, o.collcollate, o.collctype,"
                 f" o.colliculocale {in_schema('pg_collation', 'collnamespace')}",
    "conversion": "SELECT o.conname, o.conforencoding, o.contoencoding, o.conproc, o.condefault"
                  f" {in_schema('pg_conversion', 'connamespace')}",
    "transform": f"SELECT o.trftype::regtype, o.trffromsql, o.trftosql {of_user('pg_transform')}",
    "text search configuration": "SELECT m.mapcfg::regconfig, m.maptokentype, m.mapseqno, m.mapdict::regdictionary"
                                 f" FROM pg_ts_config_map m WHERE m.mapcfg >= {FIRST_OID}",
    "text search dictionary": "SELECT o.oid::regdictionary, o.dictinitoption, o.dicttemplate <> 0"
                              f" {in_schema('pg_ts_dict', 'dictnamespace')}",
    "statistics": "SELECT pg_get_statisticsobjdef(o.oid), o.stxstattarget"
                  f" {in_schema('pg_statistic_ext', 'stxnamespace')}",
    "sequence": "SELECT s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin,"
                " s.seqcache, s.seqcycle FROM pg_sequence s JOIN pg_class o ON o.oid = s.seqrelid JOIN pg_namespace n"
                f" ON n.oid = o.relnamespace WHERE n.nspname {USER}",
    "owned sequence": "SELECT d.objid::regclass, d.refobjid::regclass, a.attname, d.deptype FROM pg_depend d"
                      " JOIN pg_class o ON o.oid = d.objid AND o.relkind = 'S' JOIN pg_attribute a"
                      " ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
                      " WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')",
    "event trigger": "SELECT o.evtname, o.evtevent, o.evtfoid::regproc, o.evtenabled, o.evttags"
                     f" {of_user('pg_event_trigger')}",
    "publication": "SELECT o.pubname, o.puballtables, o.pubinsert, o.pubupdate, o.pubdelete, o.pubtruncate,"
                   " o.pubviaroot, ARRAY(SELECT r.prrelid::regclass::text || coalesce(pg_get_expr(r.prqual,"
                   " r.prrelid), '') FROM pg_publication_rel r WHERE r.prpubid = o.oid ORDER BY 1),"
                   " ARRAY(SELECT p.pnnspid::regnamespace::text FROM pg_publication_namespace p"
                   f" WHERE p.pnpubid = o.oid ORDER BY 1) {of_user('pg_publication')}",
    "foreign server": "SELECT o.srvname, o.srvtype, o.srvversion, o.srvoptions, (SELECT f.fdwname ||"
                      " coalesce(f.fdwoptions::text, '') FROM pg_foreign_data_wrapper f WHERE f.oid = o.srvfdw),"
                      " {acl:srvacl} FROM pg_foreign_server o",
    "schema": "SELECT n.nspname, n.nspowner::regrole, {acl:nspacl} FROM pg_namespace n WHERE n.nspname " + USER,
    "default privileges": "SELECT o.defaclrole::regrole, o.defaclnamespace::regnamespace, o.defaclobjtype,"
                          " {acl:defaclacl} FROM pg_default_acl o",
    "comment": "SELECT pg_describe_object(o.classoid, o.objoid, o.objsubid), o.description "
               + COUNTS["COMMENT"],
}


def plain(sql):
    """Grants in one order, whoever was granted first."""
    return re.sub(r"\{acl:(\w+)\}", r"ARRAY(SELECT g::text FROM unnest(\1) AS g ORDER BY 1)", sql)


def definitions(cluster, db):
    """{(kind, row as text)}: everything that there is. All names are written in full."""
    conn = cluster.connect(db)
    try:
        with conn.cursor() as cur:
            cur.execute("SET search_path = pg_catalog; SET DateStyle = 'ISO, YMD'; SET extra_float_digits = 3")
            found = set()
            for kind, sql in DEFINITIONS.items():
                cur.execute(plain(sql))
                found |= {(kind, str(row)) for row in cur.fetchall()}
            return found
    finally:
        conn.close()
