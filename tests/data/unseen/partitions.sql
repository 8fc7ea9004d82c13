-- Measurements: inheritance and partitions of every kind.
CREATE SCHEMA zoo;
CREATE SCHEMA cold;
CREATE TABLE zoo.sites (id int PRIMARY KEY, name text NOT NULL, region text NOT NULL);
CREATE TABLE zoo.readings (
    site_id int NOT NULL REFERENCES zoo.sites, at timestamptz NOT NULL, kind text NOT NULL DEFAULT 'temp', value double precision,
    note text, PRIMARY KEY (site_id, at)) PARTITION BY RANGE (at);
CREATE TABLE zoo.readings_2023 PARTITION OF zoo.readings FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE zoo.readings_2024 PARTITION OF zoo.readings FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY HASH (site_id);
CREATE TABLE zoo.readings_2024_0 PARTITION OF zoo.readings_2024 FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE zoo.readings_2024_1 PARTITION OF zoo.readings_2024 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE zoo.readings_2024_2 PARTITION OF zoo.readings_2024 FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE TABLE cold.readings_rest PARTITION OF zoo.readings DEFAULT;
CREATE INDEX readings_value ON zoo.readings (value) WHERE value > 10;
CREATE INDEX readings_kind_at ON zoo.readings (kind, at DESC);
CREATE INDEX only_2023 ON zoo.readings_2023 (note);
ALTER TABLE zoo.readings ADD CONSTRAINT sane CHECK (value < 1e6);
ALTER TABLE zoo.readings_2023 ADD CONSTRAINT old_kind CHECK (kind <> 'new');
-- Columns in another order, a default of its own, dropped columns.
CREATE TABLE zoo.readings_2025 (gone int, value double precision, at timestamptz NOT NULL, kind text NOT NULL DEFAULT 'wind', site_id int NOT NULL, note text);
ALTER TABLE zoo.readings_2025 DROP gone;
ALTER TABLE zoo.readings_2025 ADD CONSTRAINT sane CHECK (value < 1e6);
ALTER TABLE zoo.readings ATTACH PARTITION zoo.readings_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE zoo.alarms (id bigserial PRIMARY KEY, site_id int NOT NULL, at timestamptz NOT NULL, text text,
    FOREIGN KEY (site_id, at) REFERENCES zoo.readings (site_id, at));
CREATE TABLE zoo.orders (id bigint NOT NULL, country char(2) NOT NULL, total numeric, UNIQUE (id, country)) PARTITION BY LIST (country);
CREATE TABLE zoo.orders_dach PARTITION OF zoo.orders FOR VALUES IN ('de', 'at', 'ch');
CREATE TABLE zoo.orders_null PARTITION OF zoo.orders FOR VALUES IN ('xx');
CREATE TABLE zoo.orders_other PARTITION OF zoo.orders DEFAULT PARTITION BY RANGE (id);
CREATE TABLE zoo.orders_other_1 PARTITION OF zoo.orders_other FOR VALUES FROM (MINVALUE) TO (1000);
CREATE TABLE zoo.orders_other_2 PARTITION OF zoo.orders_other FOR VALUES FROM (1000) TO (MAXVALUE);
CREATE TABLE zoo.empty_parent (a int, b int) PARTITION BY RANGE (a, b);
CREATE INDEX ON zoo.empty_parent (b);
CREATE TABLE zoo.by_expr (a int, b text) PARTITION BY RANGE ((a % 10), lower(b) COLLATE "C");
CREATE TABLE zoo.by_expr_1 PARTITION OF zoo.by_expr FOR VALUES FROM (0, MINVALUE) TO (5, MINVALUE);
CREATE TABLE zoo.by_expr_d PARTITION OF zoo.by_expr DEFAULT;
CREATE TABLE zoo.detached (LIKE zoo.orders INCLUDING ALL);
-- an index on the parent only, not valid for it
CREATE TABLE zoo.half (id int, x int) PARTITION BY HASH (id);
CREATE TABLE zoo.half_0 PARTITION OF zoo.half FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE zoo.half_1 PARTITION OF zoo.half FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX half_x ON ONLY zoo.half (x);
CREATE INDEX half_0_x ON zoo.half_0 (x);
ALTER INDEX zoo.half_x ATTACH PARTITION zoo.half_0_x;
-- inheritance: multiple parents, overridden defaults, no-inherit checks
CREATE TABLE zoo.animal (id serial PRIMARY KEY, name text NOT NULL, legs int DEFAULT 4, CHECK (legs >= 0), CONSTRAINT root_only CHECK (name <> 'leaf') NO INHERIT);
CREATE TABLE zoo.tagged (tag uuid, name text NOT NULL);
CREATE TABLE zoo.bird (wingspan real) INHERITS (zoo.animal);
ALTER TABLE zoo.bird ALTER legs SET DEFAULT 2, ADD PRIMARY KEY (id);
CREATE TABLE zoo.parrot (words text[], legs int DEFAULT 2) INHERITS (zoo.bird, zoo.tagged);
CREATE INDEX ON zoo.parrot (tag);
CREATE TRIGGER sup BEFORE UPDATE ON zoo.orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE VIEW zoo.all_animals AS SELECT tableoid::regclass AS kind, * FROM zoo.animal;
CREATE VIEW zoo.daily AS SELECT site_id, date_trunc('day', at) AS day, avg(value) FROM zoo.readings GROUP BY 1, 2;
INSERT INTO zoo.sites SELECT i, 'Site ' || i, (ARRAY['north', 'south'])[1 + i % 2] FROM generate_series(1, 60) i;
INSERT INTO zoo.readings SELECT s, '2022-07-01'::timestamptz + n * interval '3 days', (ARRAY['temp','hum','old'])[1 + n % 3], n + s, CASE WHEN n % 5 = 0 THEN 'n' || n END
    FROM generate_series(1, 60) s, generate_series(1, 450) n;
INSERT INTO zoo.alarms (site_id, at, text) SELECT site_id, at, 'beep' FROM zoo.readings WHERE value::int % 50 = 0;
INSERT INTO zoo.orders SELECT i, (ARRAY['de','at','ch','xx','fr','it'])[1 + i % 6], i * 1.5 FROM generate_series(1, 14000) i;
INSERT INTO zoo.by_expr SELECT i, chr(65 + i % 26) FROM generate_series(1, 200) i;
INSERT INTO zoo.half SELECT i, i FROM generate_series(1, 50) i;
INSERT INTO zoo.detached SELECT * FROM zoo.orders LIMIT 20;
INSERT INTO zoo.animal (name) VALUES ('cat'), ('dog');
INSERT INTO zoo.bird (name, wingspan) VALUES ('swan', 2.2);
INSERT INTO zoo.parrot (name, words, tag) VALUES ('Polly', '{hi,"a b"}', '11111111-2222-3333-4444-555555555555');
ANALYZE;
