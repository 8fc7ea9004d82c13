-- Part 4: what strikes a transaction that writes. group.inject() of shard_group.py turns it on.

-- A row here is a blow that falls at commit; the trigger below takes it away again.
CREATE TABLE rds_aurora_sim.pending (name text NOT NULL);

CREATE FUNCTION rds_aurora_sim.throttle(switch jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most int := coalesce((switch->>'limit')::int, 1);
BEGIN
    LOOP
        FOR i IN 1..most LOOP
            IF pg_catalog.sim_pg_try_advisory_xact_lock(741852963, i) THEN
                PERFORM pg_sleep(coalesce((switch->>'hold_ms')::float8, 20) / 1000);
                RETURN;
            END IF;
        END LOOP;
        IF (switch->>'error')::boolean THEN
            RAISE EXCEPTION '%', coalesce(switch->>'message', 'too many transactions are being prepared')
                USING ERRCODE = coalesce(switch->>'sqlstate', '53000');
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
END
$$;

CREATE FUNCTION rds_aurora_sim.strike(name text, switch jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    text_of CONSTANT jsonb := '{
        "deadlock": ["40P01", "aborting transaction participating in a distributed deadlock"],
        "commit_time": ["XX000", "commit time is invalid"],
        "split": ["40001", "transaction was ended by a shard split"],
        "binary_copy": ["0A000", "binary COPY is not supported"],
        "error": ["XX000", "injected error"]}';
BEGIN
    IF switch ? 'after_ms' THEN
        PERFORM pg_sleep((switch->>'after_ms')::float8 / 1000);
    END IF;
    IF name = 'throttle' THEN
        PERFORM rds_aurora_sim.throttle(switch);
        RETURN;
    ELSIF (switch->>'terminate')::boolean THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
        PERFORM pg_sleep(1); -- in which the session ends
    END IF;
    RAISE EXCEPTION '%', coalesce(switch->>'message', text_of->name->>1)
        USING ERRCODE = coalesce(switch->>'sqlstate', text_of->name->>0);
END
$$;

-- Whether the switch means this statement at all.
CREATE FUNCTION rds_aurora_sim.concerns(name text, switch jsonb, rel name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(switch->>'table' = rel, true)
       AND coalesce(switch->>'router' = host(inet_client_addr()), true)
       AND (name <> 'binary_copy' OR current_query() ~* '^\s*copy\M.*\mfrom\M.*\mbinary\M')
$$;

-- Is this transaction hit? Drawn once for each transaction and switch; a draw and a hit count
-- whatever becomes of the transaction.
CREATE FUNCTION rds_aurora_sim.is_hit(name text, switch jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting CONSTANT text := 'rds_aurora_sim.drawn_' || name;
    known text := current_setting(setting, true);
    hit boolean;
BEGIN
    IF known <> '' THEN
        RETURN known = 'hit';
    END IF;
    hit := nextval(format('rds_aurora_sim.%I', 'draw_' || name)) % coalesce((switch->>'every')::int, 1) = 0
           AND random() < coalesce((switch->>'probability')::float8, 2);
    IF hit AND switch ? 'times' THEN
        hit := pg_sequence_last_value(format('rds_aurora_sim.%I', 'count_' || name)::regclass)
               < (switch->>'times')::bigint;
    END IF;
    IF hit THEN
        PERFORM nextval(format('rds_aurora_sim.%I', 'count_' || name));
    END IF;
    PERFORM set_config(setting, CASE WHEN hit THEN 'hit' ELSE 'miss' END, true);
    RETURN hit;
END
$$;

CREATE FUNCTION rds_aurora_sim.stage_of(name text, switch jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN name IN ('throttle', 'commit_time') THEN 'commit' WHEN name = 'binary_copy' THEN 'start'
                ELSE coalesce(switch->>'at', 'end') END
$$;

CREATE FUNCTION rds_aurora_sim.switches_at(stage text, switches jsonb, rel name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
    due text;
BEGIN
    FOR s IN SELECT key, value FROM jsonb_each(switches) LOOP
        due := rds_aurora_sim.stage_of(s.key, s.value);
        CONTINUE WHEN due <> stage AND NOT (due = 'commit' AND stage = 'start');
        CONTINUE WHEN NOT rds_aurora_sim.concerns(s.key, s.value, rel);
        CONTINUE WHEN due = 'commit' AND current_setting('rds_aurora_sim.drawn_' || s.key, true) <> '';
        CONTINUE WHEN NOT rds_aurora_sim.is_hit(s.key, s.value);
        IF due = 'commit' THEN
            INSERT INTO rds_aurora_sim.pending VALUES (s.key);
        ELSE
            PERFORM rds_aurora_sim.strike(s.key, s.value);
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION rds_aurora_sim.on_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    switch jsonb := rds_aurora_sim.state()->'switches'->NEW.name;
BEGIN
    DELETE FROM rds_aurora_sim.pending WHERE name = NEW.name;
    IF switch IS NOT NULL THEN
        PERFORM rds_aurora_sim.strike(NEW.name, switch);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON rds_aurora_sim.pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION rds_aurora_sim.on_commit();
ALTER TABLE rds_aurora_sim.pending ENABLE ALWAYS TRIGGER at_commit;

CREATE FUNCTION rds_aurora_sim.refuse_statement() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') = 'serializable' THEN
        PERFORM rds_aurora_sim.refuse('SERIALIZABLE isolation level is not supported');
    ELSIF current_query() ~* '^\s*merge\M' THEN
        PERFORM rds_aurora_sim.refuse('MERGE is not supported');
    END IF;
END
$$;

CREATE FUNCTION rds_aurora_sim.on_write_start() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    switches jsonb := rds_aurora_sim.state()->'switches';
BEGIN
    PERFORM rds_aurora_sim.refuse_statement();
    IF coalesce(current_setting('rds_aurora_sim.counted', true), '') = '' THEN
        PERFORM nextval('rds_aurora_sim.count_write');
        PERFORM set_config('rds_aurora_sim.counted', 'yes', true);
    END IF;
    IF switches <> '{}' THEN
        PERFORM rds_aurora_sim.switches_at('start', switches, TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION rds_aurora_sim.on_write_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    switches jsonb := rds_aurora_sim.state()->'switches';
BEGIN
    IF switches <> '{}' THEN
        PERFORM rds_aurora_sim.switches_at('end', switches, TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END
$$;

-- Standard and reference tables: these are foreign tables on a true router.
CREATE FUNCTION rds_aurora_sim.on_plain_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    switches jsonb := rds_aurora_sim.state()->'switches';
BEGIN
    PERFORM rds_aurora_sim.refuse_statement();
    IF current_query() ~* '^\s*copy\M.*\mfrom\M.*\mfreeze\M' THEN
        PERFORM rds_aurora_sim.refuse('cannot perform COPY FREEZE on a foreign table', '55000');
    END IF;
    IF switches ? 'binary_copy' THEN
        PERFORM rds_aurora_sim.switches_at('start',
            jsonb_build_object('binary_copy', switches->'binary_copy'), TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION rds_aurora_sim.on_key_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM rds_aurora_sim.refuse('updating shard key columns is not supported');
    RETURN NULL;
END
$$;

-- A shard split that ends, now, every transaction that is writing to a sharded table.
CREATE FUNCTION rds_aurora_sim.split_shard(terminate boolean) RETURNS int
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(CASE WHEN terminate THEN pg_terminate_backend(pid) ELSE pg_cancel_backend(pid) END)::int
    FROM (SELECT DISTINCT l.pid FROM pg_locks l
          JOIN rds_aurora_sim.known_table t ON t.relid = l.relation AND t.kind = 'sharded'
          WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.mode = 'RowExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()) x
$$;
REVOKE EXECUTE ON FUNCTION rds_aurora_sim.split_shard(boolean) FROM PUBLIC;
