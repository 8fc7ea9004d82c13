-- Keys, indexes and foreign keys of the shop. One statement a line group; those between two
-- "-- together" lines may run at the same time.

-- together
ALTER TABLE shop.categories ADD PRIMARY KEY (id);
ALTER TABLE shop.warehouses ADD PRIMARY KEY (id);
ALTER TABLE shop.customers ADD PRIMARY KEY (id);
ALTER TABLE shop.products ADD PRIMARY KEY (id), ADD UNIQUE (sku);
ALTER TABLE shop.stock ADD PRIMARY KEY (product_id, warehouse_id);
ALTER TABLE shop.price_history ADD PRIMARY KEY (product_id, valid);
ALTER TABLE shop.orders ADD PRIMARY KEY (id);
ALTER TABLE shop.order_items ADD PRIMARY KEY (order_id, line_no);
ALTER TABLE shop.payments ADD PRIMARY KEY (id);
ALTER TABLE shop.shipments ADD PRIMARY KEY (id);
ALTER TABLE shop.reviews ADD PRIMARY KEY (id);
ALTER TABLE shop.sessions ADD PRIMARY KEY (id);
ALTER TABLE shop.documents ADD PRIMARY KEY (id);
ALTER TABLE shop.events ADD PRIMARY KEY (id, at);

-- together
CREATE UNIQUE INDEX ON shop.customers (public_id);
CREATE INDEX ON shop.orders (customer_id);
CREATE INDEX ON shop.customers USING gin (interests);

-- together
ALTER TABLE shop.categories ADD FOREIGN KEY (parent_id) REFERENCES shop.categories;
ALTER TABLE shop.products ADD FOREIGN KEY (category_id) REFERENCES shop.categories;
ALTER TABLE shop.stock ADD FOREIGN KEY (product_id) REFERENCES shop.products,
    ADD FOREIGN KEY (warehouse_id) REFERENCES shop.warehouses;
ALTER TABLE shop.price_history ADD FOREIGN KEY (product_id) REFERENCES shop.products;
ALTER TABLE shop.orders ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.order_items ADD FOREIGN KEY (order_id) REFERENCES shop.orders,
    ADD FOREIGN KEY (product_id) REFERENCES shop.products;
ALTER TABLE shop.payments ADD FOREIGN KEY (order_id) REFERENCES shop.orders;
ALTER TABLE shop.shipments ADD FOREIGN KEY (order_id) REFERENCES shop.orders,
    ADD FOREIGN KEY (warehouse_id) REFERENCES shop.warehouses;
ALTER TABLE shop.reviews ADD FOREIGN KEY (product_id) REFERENCES shop.products,
    ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.sessions ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.documents ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.events ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
