-- Measurements by device and time, in partitions.
CREATE TABLE sites (id int PRIMARY KEY, name text);
CREATE TABLE devices (id int PRIMARY KEY, site_id int NOT NULL REFERENCES sites, name text);
CREATE TABLE readings (device_id int NOT NULL REFERENCES devices, at timestamptz NOT NULL,
    value float8, PRIMARY KEY (device_id, at)) PARTITION BY RANGE (at);
CREATE TABLE readings_1 PARTITION OF readings FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE readings_2 PARTITION OF readings FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
INSERT INTO sites SELECT i, 's' FROM generate_series(1, 10) i;
INSERT INTO devices SELECT i, i % 10 + 1, 'd' FROM generate_series(1, 500) i;
INSERT INTO readings SELECT i % 500 + 1, timestamptz '2024-01-01 UTC' + i * interval '1 minute', i
    FROM generate_series(0, 60000) i;
