-- One fact, dimensions around it.
CREATE TABLE dates (id int PRIMARY KEY, day date);
CREATE TABLE stores (id int PRIMARY KEY, city text);
CREATE TABLE products (id int PRIMARY KEY, name text);
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE sales (id bigserial PRIMARY KEY, date_id int NOT NULL REFERENCES dates,
    store_id int NOT NULL REFERENCES stores, product_id int NOT NULL REFERENCES products,
    customer_id int NOT NULL REFERENCES customers, amount numeric NOT NULL);
INSERT INTO dates SELECT i, date '2024-01-01' + i FROM generate_series(1, 365) i;
INSERT INTO stores SELECT i, 'c' FROM generate_series(1, 20) i;
INSERT INTO products SELECT i, 'p' FROM generate_series(1, 500) i;
INSERT INTO customers SELECT i, 'n' FROM generate_series(1, 2000) i;
INSERT INTO sales (date_id, store_id, product_id, customer_id, amount)
    SELECT i % 365 + 1, i % 20 + 1, i % 500 + 1, i % 2000 + 1, i FROM generate_series(1, 60000) i;
