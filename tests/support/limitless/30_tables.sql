-- Part 3: making sharded and reference tables out of plain ones.

CREATE FUNCTION rds_aurora_sim.refuse(what text, code text DEFAULT '0A000', hint text DEFAULT '')
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$ BEGIN
    RAISE EXCEPTION '%', what USING ERRCODE = code, HINT = hint;
END $$;

CREATE FUNCTION rds_aurora_sim.kind_of(rel oid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT kind FROM rds_aurora_sim.known_table WHERE relid = rel $$;

-- The triggers by which the simulator sees what is written. Marked as internal ones, so that no
-- client takes them for the user's; they fire whatever session_replication_role says.
CREATE FUNCTION rds_aurora_sim.add_triggers(rel oid, table_kind text, keys text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET rds_aurora_sim.inside = 'on'
AS $$
DECLARE
    made name;
    columns text := (SELECT string_agg(quote_ident(k), ', ') FROM unnest(keys) k);
BEGIN
    IF table_kind = 'sharded' THEN
        EXECUTE format('CREATE TRIGGER rds_aurora_sim_start BEFORE INSERT OR UPDATE OR DELETE ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION rds_aurora_sim.on_write_start()', rel::regclass);
        EXECUTE format('CREATE TRIGGER rds_aurora_sim_end AFTER INSERT OR UPDATE OR DELETE ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION rds_aurora_sim.on_write_end()', rel::regclass);
        EXECUTE format('CREATE TRIGGER rds_aurora_sim_key BEFORE UPDATE OF %s ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION rds_aurora_sim.on_key_update()', columns, rel::regclass);
    ELSE
        EXECUTE format('CREATE TRIGGER rds_aurora_sim_start BEFORE INSERT OR UPDATE OR DELETE ON %s'
            ' FOR EACH STATEMENT WHEN (current_query() ~* ''^\s*(copy|merge)\M'''
            ' OR current_setting(''transaction_isolation'') = ''serializable'')'
            ' EXECUTE FUNCTION rds_aurora_sim.on_plain_write()', rel::regclass);
    END IF;
    UPDATE pg_trigger SET tgisinternal = true WHERE tgrelid = rel AND tgname LIKE 'rds\_aurora\_sim\_%';
    FOR made IN SELECT tgname FROM pg_trigger WHERE tgrelid = rel AND tgname LIKE 'rds\_aurora\_sim\_%' LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', rel::regclass, made);
    END LOOP;
END
$$;

CREATE FUNCTION rds_aurora_sim.register(rel oid, table_kind text, shard_keys text[] DEFAULT NULL,
                                        types regtype[] DEFAULT NULL, collocation bigint DEFAULT NULL)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO rds_aurora_sim.known_table (relid, kind, keys, key_types, collocation_id)
    VALUES (rel, table_kind, shard_keys, types, collocation);
    PERFORM rds_aurora_sim.add_triggers(rel, table_kind, shard_keys);
END
$$;

CREATE FUNCTION rds_aurora_sim.drop_triggers(rel oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET rds_aurora_sim.inside = 'on'
AS $$
DECLARE
    made name;
BEGIN
    FOR made IN SELECT tgname FROM pg_trigger WHERE tgrelid = rel AND tgname LIKE 'rds\_aurora\_sim\_%' LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', made, rel::regclass);
    END LOOP;
END
$$;

-- The types of the key columns; refuses what cannot be a key.
CREATE FUNCTION rds_aurora_sim.key_types(rel oid, keys text[]) RETURNS regtype[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key text;
    type oid;
    types regtype[] := '{}';
BEGIN
    IF coalesce(cardinality(keys), 0) = 0 THEN
        PERFORM rds_aurora_sim.refuse('shard key must be specified for sharded table', '22023',
            'Set rds_aurora.limitless_create_table_shard_key.');
    END IF;
    FOREACH key IN ARRAY keys LOOP
        SELECT atttypid INTO type FROM pg_attribute
        WHERE attrelid = rel AND attname = key AND attnum > 0 AND NOT attisdropped;
        IF NOT FOUND THEN
            PERFORM rds_aurora_sim.refuse(format('shard key column "%s" does not exist', key), '42703');
        END IF;
        IF (SELECT typname IN ('hstore', 'ltree')
                   OR typtype = 'e' AND NOT rds_aurora_sim.version_at_least('16.10')
            FROM pg_type WHERE oid = type) THEN
            PERFORM rds_aurora_sim.refuse(format('data type %s is not supported for shard key column "%s"',
                type::regtype, key));
        END IF;
        types := types || type::regtype;
    END LOOP;
    IF (SELECT count(DISTINCT k) FROM unnest(keys) k) < cardinality(keys) THEN
        PERFORM rds_aurora_sim.refuse('shard key names a column twice', '22023');
    END IF;
    RETURN types;
END
$$;

CREATE FUNCTION rds_aurora_sim.collocation_for(with_table oid, shard_keys text[], types regtype[])
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    other rds_aurora_sim.known_table;
BEGIN
    IF with_table IS NULL THEN
        RETURN nextval('rds_aurora_sim.collocation_seq');
    END IF;
    SELECT * INTO other FROM rds_aurora_sim.known_table WHERE relid = with_table;
    IF other.kind IS DISTINCT FROM 'sharded' THEN
        PERFORM rds_aurora_sim.refuse(format('table "%s" is not a sharded table', with_table::regclass), '42809');
    END IF;
    IF other.keys <> shard_keys OR other.key_types <> types THEN
        PERFORM rds_aurora_sim.refuse('collocated tables must have the same shard key columns and types', '42P16');
    END IF;
    RETURN other.collocation_id;
END
$$;

-- Every unique constraint and index must hold the shard key.
CREATE FUNCTION rds_aurora_sim.check_unique(rel oid, keys text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM pg_index i
        WHERE i.indrelid = rel AND i.indisunique AND EXISTS (
            SELECT 1 FROM unnest(keys) k WHERE NOT EXISTS (
                SELECT 1 FROM pg_attribute a
                WHERE a.attrelid = rel AND a.attname = k
                  AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])))) THEN
        PERFORM rds_aurora_sim.refuse('unique constraint on sharded table must include all sharded key columns');
    END IF;
END
$$;

CREATE FUNCTION rds_aurora_sim.check_convertible(rel oid, table_kind text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND rel IN (conrelid, confrelid)) THEN
        PERFORM rds_aurora_sim.refuse(format('FOREIGN KEY constraints are not supported in CREATE TABLE of %s tables',
            table_kind), '0A000', 'Use ALTER TABLE ... ADD CONSTRAINT.');
    END IF;
    IF EXISTS (SELECT 1 FROM pg_inherits WHERE rel IN (inhrelid, inhparent)) THEN
        PERFORM rds_aurora_sim.refuse(format('inheritance is not supported for %s tables', table_kind));
    END IF;
END
$$;

-- What is to be made again on the new table, in this order.
CREATE FUNCTION rds_aurora_sim.commands_for_indexes(rel oid, target text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(command ORDER BY command), '{}') FROM (
        SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', target, conname, pg_get_constraintdef(oid)) AS command
        FROM pg_constraint WHERE conrelid = rel AND contype IN ('p', 'u')
        UNION ALL
        SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
        WHERE i.indrelid = rel
          AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.conrelid = rel)) x
$$;

CREATE FUNCTION rds_aurora_sim.copy_grants(source oid, target oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    g record;
BEGIN
    FOR g IN
        SELECT a.privilege_type, a.is_grantable,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS who
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = source AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON %s TO %s%s', g.privilege_type, target::regclass, g.who,
                       CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
END
$$;

CREATE FUNCTION rds_aurora_sim.add_partitions(rel oid, owner text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shards int := (rds_aurora_sim.state()->>'shards')::int;
    part text;
BEGIN
    FOR i IN 1..shards LOOP
        part := format('shard_%s.%I', i, (SELECT relname FROM pg_class WHERE oid = rel) || '_fs'
                       || lpad(nextval('rds_aurora_sim.part_seq')::text, 5, '0'));
        EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
                       part, rel::regclass, shards, i - 1);
        EXECUTE format('ALTER TABLE %s OWNER TO %s', part, owner);
    END LOOP;
END
$$;

CREATE FUNCTION rds_aurora_sim.move_sequences(source oid, target oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
BEGIN
    FOR s IN
        SELECT d.objid::regclass AS seq, a.attname
        FROM pg_depend d
        JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.refobjid = source AND d.deptype = 'a'
    LOOP
        EXECUTE format('ALTER SEQUENCE %s OWNED BY %s.%I', s.seq, target::regclass, s.attname);
    END LOOP;
END
$$;

CREATE FUNCTION rds_aurora_sim.move_rows(source oid, target oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                     WHERE attrelid = source AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
BEGIN
    IF columns IS NOT NULL THEN
        EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM %3$s', target::regclass, columns, source::regclass);
    END IF;
END
$$;

-- A plain table becomes a hash-partitioned one of the same name, with its rows, owner, grants, keys,
-- indexes and sequences. Gives the new table.
CREATE FUNCTION rds_aurora_sim.make_sharded(rel oid, shard_keys text[], collocate_with oid) RETURNS oid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET rds_aurora_sim.inside = 'on'
AS $$
DECLARE
    old pg_class;
    types regtype[];
    collocation bigint;
    target text;
    again text[];
    command text;
    made oid;
BEGIN
    SELECT * INTO old FROM pg_class WHERE oid = rel;
    target := format('%s.%I', old.relnamespace::regnamespace, old.relname);
    IF octet_length(old.relname) > 54 THEN
        PERFORM rds_aurora_sim.refuse(format('name of sharded table "%s" is longer than 54 characters', old.relname),
                                      '42622');
    END IF;
    PERFORM rds_aurora_sim.check_convertible(rel, 'sharded');
    types := rds_aurora_sim.key_types(rel, shard_keys);
    PERFORM rds_aurora_sim.check_unique(rel, shard_keys);
    collocation := rds_aurora_sim.collocation_for(collocate_with, shard_keys, types);
    again := rds_aurora_sim.commands_for_indexes(rel, target);
    DELETE FROM rds_aurora_sim.known_table WHERE relid = rel;

    EXECUTE format('ALTER TABLE %s RENAME TO %I', target, 'rds_aurora_sim_' || rel);
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED'
                   ' INCLUDING STORAGE INCLUDING COMPRESSION) PARTITION BY HASH (%s)', target, rel::regclass,
                   (SELECT string_agg(quote_ident(k), ', ' ORDER BY i)
                    FROM unnest(shard_keys) WITH ORDINALITY AS u(k, i)));
    made := to_regclass(target)::oid;
    EXECUTE format('ALTER TABLE %s OWNER TO %s', target, old.relowner::regrole);
    PERFORM rds_aurora_sim.add_partitions(made, old.relowner::regrole::text);
    PERFORM rds_aurora_sim.move_sequences(rel, made);
    PERFORM rds_aurora_sim.move_rows(rel, made);
    PERFORM rds_aurora_sim.copy_grants(rel, made);
    EXECUTE format('DROP TABLE %s', rel::regclass);
    FOREACH command IN ARRAY again LOOP
        EXECUTE command;
    END LOOP;
    PERFORM rds_aurora_sim.register(made, 'sharded', shard_keys, types, collocation);
    RETURN made;
END
$$;

CREATE FUNCTION rds_aurora_sim.make_reference(rel oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET rds_aurora_sim.inside = 'on'
AS $$
BEGIN
    PERFORM rds_aurora_sim.check_convertible(rel, 'reference');
    IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = rel AND contype = 'p') THEN
        PERFORM rds_aurora_sim.refuse('reference table must have a primary key', '42P16');
    END IF;
    DELETE FROM rds_aurora_sim.known_table WHERE relid = rel;
    PERFORM rds_aurora_sim.drop_triggers(rel);
    PERFORM rds_aurora_sim.register(rel, 'reference');
END
$$;

-- The conversions. The caller's rights are looked at here, the work is done with the simulator's.
CREATE FUNCTION rds_aurora_sim.convert(rel regclass, shard_keys text[], collocate_with regclass)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rel);
    IF rds_aurora_sim.kind_of(rel) IS DISTINCT FROM 'standard' THEN
        PERFORM rds_aurora_sim.refuse(format('table "%s" is not a standard table', rel), '42809');
    ELSIF shard_keys IS NULL THEN
        PERFORM rds_aurora_sim.make_reference(rel);
    ELSE
        PERFORM rds_aurora_sim.make_sharded(rel, shard_keys, collocate_with);
    END IF;
END
$$;

CREATE FUNCTION rds_aurora_sim.must_own(rel regclass) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT (SELECT pg_catalog.pg_has_role(current_user, relowner, 'USAGE') FROM pg_catalog.pg_class WHERE oid = rel) THEN
        RAISE EXCEPTION 'must be owner of table %', rel USING ERRCODE = '42501';
    END IF;
END
$$;

CREATE PROCEDURE rds_aurora.limitless_alter_table_type_sharded(table_name text, shard_key text[],
                                                               collocate_with text DEFAULT NULL)
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM rds_aurora_sim.must_own(table_name::regclass);
    PERFORM rds_aurora_sim.convert(table_name::regclass, coalesce(shard_key, '{}'), collocate_with::regclass);
END
$$;

CREATE PROCEDURE rds_aurora.limitless_alter_table_type_reference(table_name text)
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM rds_aurora_sim.must_own(table_name::regclass);
    PERFORM rds_aurora_sim.convert(table_name::regclass, NULL, NULL);
END
$$;
