-- One table has all the rows.
CREATE TABLE settings (name text PRIMARY KEY, value text);
CREATE TABLE kinds (id int PRIMARY KEY, name text);
CREATE TABLE clicks (id bigserial PRIMARY KEY, kind_id int NOT NULL REFERENCES kinds, url text, at timestamptz NOT NULL);
INSERT INTO settings SELECT 'n' || i, 'v' FROM generate_series(1, 10) i;
INSERT INTO kinds SELECT i, 'k' FROM generate_series(1, 3) i;
INSERT INTO clicks (kind_id, url, at) SELECT i % 3 + 1, 'u' || i % 100, now() FROM generate_series(1, 60000) i;
