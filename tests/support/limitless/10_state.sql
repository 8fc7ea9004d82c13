-- The simulated shard group, part 1: what it knows. Everything here is loaded by a superuser; what
-- clients may call runs with that one's rights and a fixed search_path.

CREATE SCHEMA rds_aurora;
CREATE SCHEMA rds_aurora_sim;
GRANT USAGE ON SCHEMA rds_aurora, rds_aurora_sim TO PUBLIC;

-- What tests/support/shard_group.py wrote last: routers, shards, version, switches. A file, so that
-- every database sees a change with its next statement.
CREATE FUNCTION rds_aurora_sim.state() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_read_file('rds_aurora_sim.json')::jsonb $$;

CREATE FUNCTION rds_aurora_sim.version_at_least(wanted text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT string_to_array(rds_aurora_sim.state()->>'version', '.')::int[]
             >= string_to_array(wanted, '.')::int[] $$;

-- 2, 3, ... : the routers, then the shards.
CREATE FUNCTION rds_aurora_sim.nodes(OUT subcluster_id text, OUT subcluster_type text, OUT host text,
                                     OUT load float8, OUT listed boolean) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH s AS (SELECT rds_aurora_sim.state() AS j)
    SELECT r->>'id', 'router', r->>'host', (r->>'load')::float8, (r->>'listed')::boolean
    FROM s, jsonb_array_elements(j->'routers') r
    UNION ALL
    SELECT (jsonb_array_length(j->'routers') + 1 + i)::text, 'shard', NULL, NULL, false
    FROM s, generate_series(1, (j->>'shards')::int) i
$$;

CREATE SEQUENCE rds_aurora_sim.gid_seq;
CREATE SEQUENCE rds_aurora_sim.collocation_seq;
CREATE SEQUENCE rds_aurora_sim.part_seq;

CREATE TABLE rds_aurora_sim.known_table (
    gid bigint PRIMARY KEY DEFAULT nextval('rds_aurora_sim.gid_seq'),
    relid oid NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('standard', 'sharded', 'reference')),
    keys text[],
    key_types regtype[],
    collocation_id bigint,
    CHECK ((kind = 'sharded') = (keys IS NOT NULL)),
    CHECK ((kind = 'sharded') = (collocation_id IS NOT NULL))
);

-- Counters that a transaction's end does not take back: sharded transactions, and for each switch
-- its draws and its hits.
CREATE SEQUENCE rds_aurora_sim.count_write MINVALUE 0 START 0;
DO $do$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{deadlock,commit_time,throttle,split,binary_copy,error}'::text[] LOOP
        EXECUTE format('CREATE SEQUENCE rds_aurora_sim.%I', 'draw_' || name);
        EXECUTE format('CREATE SEQUENCE rds_aurora_sim.%I MINVALUE 0 START 0', 'count_' || name);
        PERFORM nextval(format('rds_aurora_sim.%I', 'count_' || name));
    END LOOP;
    PERFORM nextval('rds_aurora_sim.count_write');
END
$do$;

CREATE FUNCTION rds_aurora_sim.hits(name text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_sequence_last_value(to_regclass(format('rds_aurora_sim.%I', 'count_' || name))) $$;

-- A switch begins anew.
CREATE FUNCTION rds_aurora_sim.forget(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET rds_aurora_sim.inside = 'on'
AS $$
BEGIN
    EXECUTE format('ALTER SEQUENCE rds_aurora_sim.%I RESTART', 'draw_' || name);
    EXECUTE format('ALTER SEQUENCE rds_aurora_sim.%I RESTART', 'count_' || name);
    PERFORM nextval(format('rds_aurora_sim.%I', 'count_' || name));
END
$$;
REVOKE EXECUTE ON FUNCTION rds_aurora_sim.forget(text) FROM PUBLIC;

-- One schema a shard. The owner of a table needs CREATE there to make an index on all partitions.
DO $do$
BEGIN
    FOR i IN 1..(rds_aurora_sim.state()->>'shards')::int LOOP
        EXECUTE format('CREATE SCHEMA shard_%s', i);
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA shard_%s TO PUBLIC', i);
    END LOOP;
END
$do$;
