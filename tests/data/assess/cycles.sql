-- Tables that point at each other.
CREATE TABLE departments (id int PRIMARY KEY, head_id int);
CREATE TABLE employees (id int PRIMARY KEY, department_id int NOT NULL REFERENCES departments);
ALTER TABLE departments ADD FOREIGN KEY (head_id) REFERENCES employees;
CREATE TABLE a (id int PRIMARY KEY, b_id int NOT NULL);
CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b DEFERRABLE INITIALLY DEFERRED;
INSERT INTO departments SELECT i FROM generate_series(1, 50) i;
INSERT INTO employees SELECT i, i % 50 + 1 FROM generate_series(1, 900) i;
BEGIN;
INSERT INTO a SELECT i, i FROM generate_series(1, 20000) i;
INSERT INTO b SELECT i, i FROM generate_series(1, 20000) i;
COMMIT;
