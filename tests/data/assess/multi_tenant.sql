-- Every table has the tenant, most have it in their keys.
CREATE TABLE tenants (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (tenant_id int NOT NULL REFERENCES tenants, id int, email text NOT NULL,
    PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, email));
CREATE TABLE projects (tenant_id int NOT NULL REFERENCES tenants, id int, name text,
    PRIMARY KEY (tenant_id, id));
CREATE TABLE tasks (tenant_id int NOT NULL, id int, project_id int NOT NULL, assignee int, title text,
    PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, project_id) REFERENCES projects,
    FOREIGN KEY (tenant_id, assignee) REFERENCES users);
CREATE TABLE comments (tenant_id int NOT NULL, id int, task_id int NOT NULL, body text,
    PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, task_id) REFERENCES tasks);
INSERT INTO tenants SELECT i, 'tenant ' || i FROM generate_series(1, 200) i;
INSERT INTO users SELECT i % 200 + 1, i, 'u' || i FROM generate_series(1, 12000) i;
INSERT INTO projects SELECT i % 200 + 1, i, 'p' || i FROM generate_series(1, 2000) i;
INSERT INTO tasks SELECT i % 200 + 1, i, i % 200 + 200, NULL, 't' FROM generate_series(1, 30000) i;
INSERT INTO comments SELECT i % 200 + 1, i, i % 30000 / 200 * 200 + i % 200 + CASE WHEN i % 30000 < 200 AND i % 200 = 0 THEN 200 ELSE 0 END, 'c'
    FROM generate_series(1, 40000) i WHERE i % 30000 >= 1;
