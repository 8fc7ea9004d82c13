-- One tenant has three rows of five.
CREATE TABLE tenants (id int PRIMARY KEY, name text);
CREATE TABLE documents (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, body text);
CREATE TABLE versions (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants,
    document_id int NOT NULL REFERENCES documents, body text);
INSERT INTO tenants SELECT i, 't' FROM generate_series(1, 100) i;
INSERT INTO documents SELECT i, CASE WHEN i % 10 < 6 THEN 1 ELSE i % 100 + 1 END, 'b' FROM generate_series(1, 30000) i;
INSERT INTO versions SELECT i, d.tenant_id, d.id, 'b' FROM generate_series(1, 50000) i JOIN documents d ON d.id = i % 30000 + 1;
