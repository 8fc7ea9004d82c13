-- Part 2: the catalog that AWS documents, as views, and the list of routers.

CREATE VIEW rds_aurora.limitless_subclusters AS
    SELECT subcluster_id, subcluster_type FROM rds_aurora_sim.nodes();

CREATE VIEW rds_aurora.limitless_tables AS
    SELECT t.gid AS table_gid, t.relid AS local_oid, n.nspname::text AS schema_name,
           c.relname::text AS table_name, 'active'::text AS table_status, t.kind AS table_type,
           'HASH (' || (SELECT string_agg(quote_ident(k), ', ' ORDER BY i)
                        FROM unnest(t.keys) WITH ORDINALITY AS u(k, i)) || ')' AS distribution_key
    FROM rds_aurora_sim.known_table t
    JOIN pg_catalog.pg_class c ON c.oid = t.relid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace;

CREATE VIEW rds_aurora.limitless_table_collocations AS
    SELECT t.collocation_id, n.nspname::text AS schema_name, c.relname::text AS table_name
    FROM rds_aurora_sim.known_table t
    JOIN pg_catalog.pg_class c ON c.oid = t.relid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE t.kind = 'sharded';

-- The range of 64-bit hashes, cut evenly.
CREATE VIEW rds_aurora.limitless_table_collocation_distributions AS
    WITH shard AS (
        SELECT subcluster_id, row_number() OVER (ORDER BY subcluster_id::int) - 1 AS i,
               count(*) OVER () AS shards
        FROM rds_aurora_sim.nodes() WHERE subcluster_type = 'shard'
    )
    SELECT c.collocation_id, s.subcluster_id,
           (div(18446744073709551616 * s.i, s.shards) - 9223372036854775808)::bigint AS lower_bound,
           CASE WHEN s.i + 1 = s.shards THEN 9223372036854775807
                ELSE (div(18446744073709551616 * (s.i + 1), s.shards) - 9223372036854775808)::bigint
           END AS upper_bound
    FROM (SELECT DISTINCT collocation_id FROM rds_aurora_sim.known_table WHERE kind = 'sharded') c,
         shard s;

-- The routers' proxies come from addresses of their own.
CREATE VIEW rds_aurora.limitless_stat_activity AS
    SELECT n.subcluster_id, coalesce(n.subcluster_type, 'router') AS subcluster_type,
           abs(hashtext(a.pid::text || a.backend_start::text))::bigint AS distributed_session_id,
           'coordinator'::text AS distributed_session_state,
           NULL::text AS distributed_query_id, false AS is_sso_query, a.*
    FROM pg_catalog.pg_stat_activity a
    LEFT JOIN rds_aurora_sim.nodes() n ON n.host = host(a.client_addr)
    WHERE a.backend_type = 'client backend';

CREATE VIEW rds_aurora.limitless_distributed_sequence AS
    SELECT n.nspname::text AS schema_name, c.relname::text AS sequence_name,
           CASE WHEN has_sequence_privilege(c.oid, 'SELECT,USAGE')
                THEN pg_catalog.pg_sequence_last_value(c.oid) END AS lastval,
           s.seqmin AS minvalue, s.seqmax AS maxvalue, s.seqstart AS start, s.seqincrement AS inc,
           s.seqcache AS cache
    FROM pg_catalog.pg_sequence s
    JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> 'rds_aurora_sim' AND n.nspname !~ '^pg_';

GRANT SELECT ON ALL TABLES IN SCHEMA rds_aurora TO PUBLIC;

SET LOCAL allow_system_table_mods = on;
CREATE FUNCTION pg_catalog.aurora_limitless_router_endpoints(OUT router_endpoint text, OUT load float8)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT host, load FROM rds_aurora_sim.nodes() WHERE subcluster_type = 'router' AND listed
    ORDER BY subcluster_id::int
$$;

-- setval and the advisory locks: built-in functions cannot be replaced, only moved aside.
ALTER FUNCTION pg_catalog.setval(regclass, bigint) RENAME TO sim_setval;
ALTER FUNCTION pg_catalog.setval(regclass, bigint, boolean) RENAME TO sim_setval;
CREATE FUNCTION pg_catalog.setval(regclass, bigint) RETURNS bigint LANGUAGE plpgsql STRICT
AS $$ BEGIN
    RAISE EXCEPTION 'setval is not supported' USING ERRCODE = '0A000',
        HINT = 'Use ALTER SEQUENCE ... RESTART.';
END $$;
CREATE FUNCTION pg_catalog.setval(regclass, bigint, boolean) RETURNS bigint LANGUAGE plpgsql STRICT
AS $$ BEGIN RETURN pg_catalog.setval($1, $2); END $$;

DO $do$
DECLARE
    f record;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure AS old, p.proname, format_type(p.prorettype, NULL) AS result,
               pg_get_function_identity_arguments(p.oid) AS arguments,
               CASE p.pronargs WHEN 1 THEN '$1' ELSE '$1, $2' END AS given
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
          AND p.proname ~ '^pg_(try_)?advisory_(xact_)?lock(_shared)?$'
    LOOP
        EXECUTE format('ALTER FUNCTION %s RENAME TO %I', f.old, 'sim_' || f.proname);
        EXECUTE format($f$
            CREATE FUNCTION pg_catalog.%I(%s) RETURNS %s LANGUAGE plpgsql STRICT AS $$
            BEGIN
                IF NOT rds_aurora_sim.version_at_least('16.10') THEN
                    RAISE EXCEPTION 'acquiring pg_advisory_lock is not supported in limitless database'
                        USING ERRCODE = '0A000';
                END IF;
                %s pg_catalog.%I(%s);
            END $$ $f$, f.proname, f.arguments, f.result,
            CASE f.result WHEN 'void' THEN 'PERFORM' ELSE 'RETURN' END, 'sim_' || f.proname, f.given);
    END LOOP;
END
$do$;
SET LOCAL allow_system_table_mods = off;
