-- The tenant is known, but in no key, and not in every table.
CREATE TABLE tenants (id int PRIMARY KEY, name text);
CREATE TABLE customers (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, email text UNIQUE);
CREATE TABLE orders (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants,
    customer_id int NOT NULL REFERENCES customers);
CREATE TABLE items (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders, sku text);
CREATE TABLE returns (id int PRIMARY KEY, item_id int NOT NULL REFERENCES items, why text);
INSERT INTO tenants SELECT i, 't' FROM generate_series(1, 100) i;
INSERT INTO customers SELECT i, i % 100 + 1, 'e' || i FROM generate_series(1, 15000) i;
INSERT INTO orders SELECT i, i % 15000 % 100 + 1, i % 15000 + 1 FROM generate_series(1, 40000) i;
INSERT INTO items SELECT i, i % 40000 + 1, 's' FROM generate_series(1, 60000) i;
INSERT INTO returns SELECT i, i % 60000 + 1, 'w' FROM generate_series(1, 11000) i;
