-- Buyers and sellers are alike.
CREATE TABLE buyers (id int PRIMARY KEY, name text);
CREATE TABLE sellers (id int PRIMARY KEY, name text);
CREATE TABLE trades (id int PRIMARY KEY, buyer_id int NOT NULL REFERENCES buyers,
    seller_id int NOT NULL REFERENCES sellers, amount int);
INSERT INTO buyers SELECT i, 'b' FROM generate_series(1, 1000) i;
INSERT INTO sellers SELECT i, 's' FROM generate_series(1, 1000) i;
INSERT INTO trades SELECT i, i % 1000 + 1, i * 7 % 1000 + 1, i FROM generate_series(1, 50000) i;
