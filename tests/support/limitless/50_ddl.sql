-- Part 5: DDL. Event triggers see what a command made; what leaves no trace in the catalog is looked
-- for in the text of the client's query, all its statements together.

-- The statements of a query, in lower case, without comments and with literals and quoted names
-- emptied.
CREATE FUNCTION rds_aurora_sim.statements(query text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT btrim(s, E' \t\r\n') FROM regexp_split_to_table(
        lower(regexp_replace(regexp_replace(regexp_replace(regexp_replace(query,
            '''([^'']|'''')*''', '''''', 'g'), '"([^"]|"")*"', 'q', 'g'), '--[^\n]*', ' ', 'g'),
            '/\*.*?\*/', ' ', 'g')), ';') s
$$;

CREATE FUNCTION rds_aurora_sim.refuse_text(pattern text, what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM rds_aurora_sim.statements(current_query()) s WHERE s ~ pattern) THEN
        PERFORM rds_aurora_sim.refuse(what || ' is not supported');
    END IF;
END
$$;

-- Commands that a shard group does not have at all. (Those on shared objects, such as ALTER DATABASE,
-- fire no event trigger.)
CREATE FUNCTION rds_aurora_sim.refused_tag(tag text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT tag ~ '^ALTER (AGGREGATE|DEFAULT PRIVILEGES|DOMAIN|FOREIGN|LANGUAGE|LARGE OBJECT|MATERIALIZED VIEW|POLICY'
                 '|PUBLICATION|ROUTINE|RULE|SERVER|STATISTICS|SUBSCRIPTION|TEXT SEARCH|TRIGGER|USER MAPPING)'
        OR tag ~ '^CREATE (ACCESS METHOD|AGGREGATE|TRIGGER|FOREIGN|SERVER|USER MAPPING)'
        OR tag IN ('COMMENT', 'IMPORT FOREIGN SCHEMA', 'REFRESH MATERIALIZED VIEW', 'REINDEX')
$$;

CREATE FUNCTION rds_aurora_sim.on_ddl_start() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('rds_aurora_sim.inside', true) = 'on'
       OR EXISTS (SELECT 1 FROM rds_aurora_sim.statements(current_query()) s
                  WHERE s ~ '^(create|alter|drop) extension\M') THEN
        RETURN;
    ELSIF rds_aurora_sim.refused_tag(TG_TAG) THEN
        PERFORM rds_aurora_sim.refuse(TG_TAG || ' is not supported');
    ELSIF TG_TAG = 'CREATE INDEX' THEN
        PERFORM rds_aurora_sim.refuse_text('^create unique index concurrently\M', 'CREATE UNIQUE INDEX CONCURRENTLY');
    ELSIF TG_TAG = 'ALTER TABLE' THEN
        PERFORM rds_aurora_sim.refuse_text('^alter table (if exists )?only\M', 'ALTER TABLE ONLY');
        PERFORM rds_aurora_sim.refuse_text('^alter table .*\m(attach|detach) partition\M', 'ATTACH/DETACH PARTITION');
        PERFORM rds_aurora_sim.refuse_text('^alter table .*\mrename constraint\M', 'RENAME CONSTRAINT');
        PERFORM rds_aurora_sim.refuse_text('^alter table .*\mtype\M.*\musing\M', 'ALTER COLUMN TYPE ... USING');
        PERFORM rds_aurora_sim.refuse_text('^alter table .*\mset statistics\M', 'SET STATISTICS');
        PERFORM rds_aurora_sim.refuse_text('^alter table .*\mset compression\M', 'SET COMPRESSION');
        PERFORM rds_aurora_sim.refuse_text('^alter table .*\malter (column )?\S+ (set|reset) ?\(', 'column SET/RESET');
        PERFORM rds_aurora_sim.refuse_text('^alter table .*\m(set|reset) ?\(', 'STORAGE PARAMETER');
        PERFORM rds_aurora_sim.refuse_text('^alter table .*\m(enable|disable) ((always|replica) )?(trigger|rule)\M',
                                           'ENABLE/DISABLE TRIGGER');
    END IF;
END
$$;

CREATE FUNCTION rds_aurora_sim.check_foreign_keys(rel oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    k record;
BEGIN
    FOR k IN
        SELECT c.*, a.kind AS own, b.kind AS other, a.keys, a.collocation_id IS DISTINCT FROM b.collocation_id AS apart
        FROM pg_constraint c
        JOIN rds_aurora_sim.known_table a ON a.relid = c.conrelid
        JOIN rds_aurora_sim.known_table b ON b.relid = c.confrelid
        WHERE c.conrelid = rel AND c.contype = 'f' AND c.conparentid = 0
    LOOP
        IF (k.own, k.other) NOT IN (('standard', 'standard'), ('sharded', 'sharded'), ('sharded', 'reference'),
                                    ('reference', 'reference')) THEN
            PERFORM rds_aurora_sim.refuse(format('foreign key from a %s table to a %s table is not supported',
                                                 k.own, k.other));
        ELSIF k.other = 'sharded' AND k.apart THEN
            PERFORM rds_aurora_sim.refuse('foreign key between sharded tables that are not collocated is not supported');
        ELSIF k.other = 'sharded' AND NOT k.keys <@ (
            SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = rel AND attnum = ANY (k.conkey)) THEN
            PERFORM rds_aurora_sim.refuse('foreign key between sharded tables must include all sharded key columns');
        ELSIF k.confdeltype = 'd' OR k.confdeltype = 'n' AND k.own <> k.other
              OR k.confdeltype = 'n' AND k.own = 'sharded' OR k.confupdtype IN ('n', 'd')
              OR k.confupdtype = 'c' AND k.own <> 'standard' THEN
            PERFORM rds_aurora_sim.refuse('foreign key action is not supported');
        ELSIF NOT k.convalidated AND (k.own = 'sharded' OR k.own <> k.other) THEN
            PERFORM rds_aurora_sim.refuse('NOT VALID foreign key is not supported here');
        END IF;
    END LOOP;
END
$$;

-- What no table may have, new or altered.
CREATE FUNCTION rds_aurora_sim.check_table(rel oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c pg_class;
BEGIN
    SELECT * INTO c FROM pg_class WHERE oid = rel;
    IF EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = rel AND attidentity <> '') THEN
        PERFORM rds_aurora_sim.refuse('IDENTITY columns are not supported');
    ELSIF c.reloptions IS NOT NULL THEN
        PERFORM rds_aurora_sim.refuse('STORAGE PARAMETER is not supported');
    ELSIF EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = rel AND contype = 'x') THEN
        PERFORM rds_aurora_sim.refuse('EXCLUDE constraints are not supported');
    ELSIF c.relkind = 'p' AND rds_aurora_sim.kind_of(rel) IS NULL OR c.relispartition THEN
        PERFORM rds_aurora_sim.refuse('PARTITION is not supported', '0A000', 'Use a sharded table.');
    ELSIF c.relnamespace::regnamespace::text ~ '^shard_[0-9]+$' THEN
        PERFORM rds_aurora_sim.refuse(format('schema %s is reserved', c.relnamespace::regnamespace), '42939');
    END IF;
END
$$;

CREATE FUNCTION rds_aurora_sim.after_create(rel oid, tag text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mode CONSTANT text := coalesce(nullif(lower(current_setting('rds_aurora.limitless_create_table_mode', true)), ''),
                                   'standard');
    with_table CONSTANT text := coalesce(current_setting('rds_aurora.limitless_create_table_collocate_with', true), '');
    other oid;
BEGIN
    PERFORM rds_aurora_sim.check_table(rel);
    IF mode = 'sharded' THEN
        IF with_table <> '' THEN
            other := coalesce(to_regclass(with_table), to_regclass('public.' || with_table));
            IF other IS NULL THEN
                PERFORM rds_aurora_sim.refuse(format('relation "%s" does not exist', with_table), '42P01');
            END IF;
        END IF;
        PERFORM rds_aurora_sim.make_sharded(rel,
            nullif(current_setting('rds_aurora.limitless_create_table_shard_key', true), '')::text[], other);
    ELSIF mode = 'reference' THEN
        IF tag <> 'CREATE TABLE' THEN
            PERFORM rds_aurora_sim.refuse(tag || ' is not supported for reference tables');
        END IF;
        PERFORM rds_aurora_sim.make_reference(rel);
    ELSIF mode = 'standard' THEN
        PERFORM rds_aurora_sim.register(rel, 'standard');
        PERFORM rds_aurora_sim.check_foreign_keys(rel);
    ELSE
        PERFORM rds_aurora_sim.refuse(
            format('invalid value for parameter "rds_aurora.limitless_create_table_mode": "%s"', mode), '22023');
    END IF;
END
$$;

-- The partitions follow their table.
CREATE FUNCTION rds_aurora_sim.follow_owner(rel oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET rds_aurora_sim.inside = 'on'
AS $$
DECLARE
    p record;
BEGIN
    FOR p IN SELECT c.oid, r.relowner FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             JOIN pg_class r ON r.oid = i.inhparent
             WHERE i.inhparent = rel AND c.relowner <> r.relowner LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %s', p.oid::regclass, p.relowner::regrole);
    END LOOP;
END
$$;

CREATE FUNCTION rds_aurora_sim.after_alter(rel oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known_kind CONSTANT text := rds_aurora_sim.kind_of(rel);
    name CONSTANT text := (SELECT relname FROM pg_class WHERE oid = rel);
BEGIN
    IF known_kind IS NULL THEN
        IF (SELECT relispartition AND relnamespace::regnamespace::text ~ '^shard_[0-9]+$' FROM pg_class WHERE oid = rel) THEN
            PERFORM rds_aurora_sim.refuse(format('"%s" is a part of a sharded table', name), '42809');
        END IF;
        RETURN;
    END IF;
    PERFORM rds_aurora_sim.check_table(rel);
    PERFORM rds_aurora_sim.check_foreign_keys(rel);
    IF known_kind = 'sharded' THEN
        IF octet_length(name) > 54 THEN
            PERFORM rds_aurora_sim.refuse(format('name of sharded table "%s" is longer than 54 characters', name), '42622');
        END IF;
        PERFORM rds_aurora_sim.follow_owner(rel);
    ELSIF known_kind = 'reference' AND NOT EXISTS (
        SELECT 1 FROM pg_constraint WHERE conrelid = rel AND contype = 'p') THEN
        PERFORM rds_aurora_sim.refuse('reference table must have a primary key', '42P16');
    END IF;
END
$$;

CREATE FUNCTION rds_aurora_sim.check_sequence(seq oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (SELECT seqcycle FROM pg_sequence WHERE seqrelid = seq) THEN
        PERFORM rds_aurora_sim.refuse('CYCLE is not supported for sequences');
    ELSIF (SELECT relpersistence <> 'p' FROM pg_class WHERE oid = seq) THEN
        PERFORM rds_aurora_sim.refuse('temporary and unlogged sequences are not supported');
    ELSIF (SELECT seqcache >= current_setting('rds_aurora.limitless_sequence_chunk_size')::bigint
           FROM pg_sequence WHERE seqrelid = seq) THEN
        PERFORM rds_aurora_sim.refuse('CACHE must be less than rds_aurora.limitless_sequence_chunk_size', '22023');
    END IF;
END
$$;

CREATE FUNCTION rds_aurora_sim.check_extension(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF name <> ALL ('{aurora_limitless_fdw,aws_s3,btree_gin,citext,ip4r,pg_buffercache,pg_stat_statements,pg_trgm,
                      pgcrypto,pgstattuple,vector,plpgsql,postgis,unaccent,uuid-ossp}'::text[])
       AND NOT (name IN ('ltree', 'btree_gist') AND rds_aurora_sim.version_at_least('16.8'))
       AND NOT (name IN ('hstore', 'auto_explain') AND rds_aurora_sim.version_at_least('16.9'))
       AND NOT (name = 'pg_prewarm' AND rds_aurora_sim.version_at_least('16.11')) THEN
        PERFORM rds_aurora_sim.refuse(format('extension "%s" is not supported', name));
    END IF;
END
$$;

CREATE FUNCTION rds_aurora_sim.on_ddl_end() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c record;
BEGIN
    IF current_setting('rds_aurora_sim.inside', true) = 'on' THEN
        RETURN;
    END IF;
    -- All of it first: what follows makes and drops objects.
    FOR c IN
        SELECT DISTINCT e.objid, e.command_tag, e.object_type, e.object_identity
        FROM (SELECT * FROM pg_event_trigger_ddl_commands() OFFSET 0) e
        WHERE NOT e.in_extension AND coalesce(e.schema_name, '') !~ '^pg_temp'
        ORDER BY e.objid
    LOOP
        IF TG_TAG = 'CREATE SCHEMA' AND c.object_type <> 'schema' THEN
            PERFORM rds_aurora_sim.refuse('CREATE SCHEMA with elements is not supported');
        ELSIF c.object_type = 'table' AND c.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') THEN
            PERFORM rds_aurora_sim.after_create(c.objid, c.command_tag);
        ELSIF c.object_type IN ('table', 'table column', 'table constraint') AND c.command_tag = 'ALTER TABLE' THEN
            PERFORM rds_aurora_sim.after_alter(c.objid);
        ELSIF c.object_type = 'sequence' AND (SELECT count(*) FROM pg_sequence WHERE seqrelid = c.objid) = 1 THEN
            PERFORM rds_aurora_sim.check_sequence(c.objid);
        ELSIF c.object_type = 'extension' AND TG_TAG = 'CREATE EXTENSION' THEN
            PERFORM rds_aurora_sim.check_extension((SELECT extname FROM pg_extension WHERE oid = c.objid));
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION rds_aurora_sim.on_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM rds_aurora_sim.known_table t
    USING pg_event_trigger_dropped_objects() d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = t.relid AND d.objsubid = 0;
END
$$;

CREATE EVENT TRIGGER rds_aurora_sim_start ON ddl_command_start EXECUTE FUNCTION rds_aurora_sim.on_ddl_start();
CREATE EVENT TRIGGER rds_aurora_sim_end ON ddl_command_end EXECUTE FUNCTION rds_aurora_sim.on_ddl_end();
CREATE EVENT TRIGGER rds_aurora_sim_drop ON sql_drop EXECUTE FUNCTION rds_aurora_sim.on_drop();
SET LOCAL rds_aurora_sim.inside = 'on';
ALTER EVENT TRIGGER rds_aurora_sim_start ENABLE ALWAYS;
ALTER EVENT TRIGGER rds_aurora_sim_end ENABLE ALWAYS;
ALTER EVENT TRIGGER rds_aurora_sim_drop ENABLE ALWAYS;
