-- Nothing is worth spreading.
CREATE TABLE authors (id int PRIMARY KEY, name text);
CREATE TABLE books (id int PRIMARY KEY, author_id int NOT NULL REFERENCES authors, title text);
CREATE TABLE loans (id int PRIMARY KEY, book_id int NOT NULL REFERENCES books, at date);
INSERT INTO authors SELECT i, 'a' FROM generate_series(1, 50) i;
INSERT INTO books SELECT i, i % 50 + 1, 't' FROM generate_series(1, 300) i;
INSERT INTO loans SELECT i, i % 300 + 1, '2024-01-01' FROM generate_series(1, 2000) i;
