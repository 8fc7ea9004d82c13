-- Trees within tables.
CREATE TABLE threads (id int PRIMARY KEY, title text);
CREATE TABLE comments (id int PRIMARY KEY, thread_id int NOT NULL REFERENCES threads,
    parent_id int REFERENCES comments, body text);
CREATE TABLE employees (id int PRIMARY KEY, manager_id int REFERENCES employees, name text);
INSERT INTO threads SELECT i, 't' FROM generate_series(1, 2000) i;
INSERT INTO comments SELECT i, i % 2000 + 1, CASE WHEN i > 2000 THEN i - 2000 END, 'b' FROM generate_series(1, 60000) i;
INSERT INTO employees SELECT i, NULLIF(i / 10, 0), 'n' FROM generate_series(1, 20000) i;
