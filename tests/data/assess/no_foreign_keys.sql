-- What belongs together shows in the names only.
CREATE TABLE customers (customer_id int PRIMARY KEY, name text);
CREATE TABLE orders (order_id int PRIMARY KEY, customer_id int NOT NULL, placed date);
CREATE TABLE payments (payment_id int PRIMARY KEY, customer_id int NOT NULL, amount int);
CREATE TABLE items (order_id int, line int, product text, PRIMARY KEY (order_id, line));
INSERT INTO customers SELECT i, 'n' FROM generate_series(1, 12000) i;
INSERT INTO orders SELECT i, i % 12000 + 1, '2024-01-01' FROM generate_series(1, 30000) i;
INSERT INTO payments SELECT i, i % 12000 + 1, i FROM generate_series(1, 30000) i;
INSERT INTO items SELECT i / 2, i % 2, 'p' FROM generate_series(2, 60001) i;
