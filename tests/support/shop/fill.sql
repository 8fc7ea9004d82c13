-- The fill steps: after "-- step TABLE ROWS" comes a statement for rows :lo to :hi of ROWS (at
-- scale 1; "fixed" does not scale). :customers, :products and :orders are the scaled numbers.

-- step categories 120 fixed
INSERT INTO shop.categories (id, parent_id, name, path, vat_rate) OVERRIDING SYSTEM VALUE
SELECT i, CASE WHEN i > 8 THEN 1 + (i - 9) / 8 END, n.name, ARRAY['shop', n.name],
       CASE i % 3 WHEN 0 THEN 0.07 ELSE 0.19 END
  FROM generate_series(:lo, :hi) i,
       LATERAL (SELECT initcap(gen.thing(i % 24)) || 's' || CASE WHEN i > 24 THEN ', ' || gen.colour(i % 12)
                       ELSE '' END AS name) n;

-- step warehouses 12 fixed
INSERT INTO shop.warehouses
SELECT i, gen.city(i) || ' ' || CASE i % 2 WHEN 0 THEN 'North' ELSE 'Port' END, gen.address(i),
       point(4 + i * 0.731, 43.5 + i * 0.917), time '06:00', time '21:30'
  FROM generate_series(:lo, :hi) i;

-- step customers 180000
INSERT INTO shop.customers (id, public_id, given_name, family_name, email, home, other_addresses, born,
                            interests, preferences, credit, newsletter, created_at)
SELECT i, md5('customer ' || i)::uuid, n.given, n.family,
       'customer.' || i || '@' || (ARRAY['example.com', 'example.org', 'mail.example.net'])[1 + i % 3],
       CASE WHEN i % 50 <> 0 THEN gen.address(i) END,
       CASE WHEN i % 7 = 0 THEN ARRAY[gen.address(i + 1), gen.address(i + 2)] ELSE '{}' END,
       CASE WHEN i % 11 <> 0 THEN date '1940-01-01' + gen.pick(i, 3, 24000)::int END,
       CASE i % 4 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY[gen.interest(gen.pick(i, 4, 12))]
                  ELSE ARRAY[gen.interest(gen.pick(i, 4, 12)), NULL, gen.interest(gen.pick(i, 5, 12))] END,
       jsonb_build_object('language', (ARRAY['de', 'en', 'fr', 'pl'])[1 + i % 4], 'dark_mode', i % 3 = 0,
                          'page_size', 20 + 10 * (i % 5), 'last_search', gen.thing(gen.pick(i, 6, 24))),
       gen.pick(i, 7, 100000) / 100.0, CASE WHEN i % 9 <> 0 THEN i % 2 = 0 END,
       timestamptz '2019-03-01 08:00Z' + gen.pick(i, 8, 150000000) * interval '1 second'
  FROM generate_series(:lo, :hi) i,
       LATERAL (SELECT gen.given(gen.pick(i, 1, 36)) AS given, gen.family(gen.pick(i, 2, 36)) AS family) n;

-- step products 40000
INSERT INTO shop.products (id, category_id, sku, name, description, price, attributes, sizes_cm, weight_kg,
                           thumbnail, lead_time, discontinued) OVERRIDING SYSTEM VALUE
SELECT i, 1 + gen.pick(i, 1, 120), 'P-' || lpad(i::text, 8, '0'),
       gen.quality(gen.pick(i, 2, 16)) || ' ' || gen.thing(gen.pick(i, 3, 24)) || ', ' || gen.colour(gen.pick(i, 4, 12)),
       CASE WHEN i % 10 <> 0 THEN gen.sentence(gen.pick(i, 5, 24)) || ' ' || gen.sentence(gen.pick(i, 6, 24)) END,
       gen.price(i),
       jsonb_build_object('colour', gen.colour(gen.pick(i, 4, 12)), 'warranty_months', 12 * (1 + i % 3),
                          'materials', jsonb_build_array('steel', 'cotton', gen.pick(i, 7, 100)),
                          'rating', CASE WHEN i % 8 = 0 THEN NULL ELSE (10 + gen.pick(i, 8, 40)) / 10.0 END),
       ARRAY[1 + gen.pick(i, 9, 2000) / 10.0, 1 + gen.pick(i, 10, 900) / 10.0, 0.5 + gen.pick(i, 11, 400) / 10.0],
       CASE WHEN i % 13 <> 0 THEN gen.pick(i, 12, 30000)::real / 997 END,
       (SELECT '\x89504e470d0a1a0a'::bytea || string_agg(sha512(int8send(i * 100 + s)), ''::bytea)
          FROM generate_series(1, 12) s),
       make_interval(days => gen.pick(i, 13, 20)::int, hours => gen.pick(i, 14, 24)::int), i % 17 = 0
  FROM generate_series(:lo::bigint, :hi) i;

-- step stock 40000
INSERT INTO shop.stock (product_id, warehouse_id, quantity, reserved, counted_at)
SELECT p, w, gen.pick(p * 16 + w, 1, 900), gen.pick(p * 16 + w, 2, 20),
       timestamp '2024-06-30 05:00' + gen.pick(p, 3, 86400) * interval '1 second'
  FROM generate_series(:lo, :hi) p, generate_series(1, 12) w WHERE (p + w) % 3 = 0;

-- step price_history 40000
INSERT INTO shop.price_history
SELECT p, tstzrange(timestamptz '2022-01-01Z' + (v - 1) * interval '200 days',
                    CASE WHEN v < 4 THEN timestamptz '2022-01-01Z' + v * interval '200 days' END),
       gen.price(p) + v, CASE WHEN v = 3 THEN 'empty'::int4range ELSE int4range(v * 10, v * 10 + 100) END,
       CASE WHEN v > 1 THEN (ARRAY['season', 'supplier raised the price', 'sale'])[1 + (p + v) % 3] END
  FROM generate_series(:lo, :hi) p, generate_series(1, 4) v;

-- step orders 600000
INSERT INTO shop.orders
SELECT i, 1 + gen.pick(i, 1, :customers), s.last,
       (enum_range('cart'::shop.order_status, s.last)),
       timestamptz '2023-01-01Z' + i * (interval '547 days' / :orders), gen.address(1 + gen.pick(i, 1, :customers)),
       CASE WHEN i % 6 = 0 THEN daterange(date '2023-01-05' + (i % 500)::int, date '2023-01-12' + (i % 500)::int) END,
       (500 + gen.pick(i, 3, 90000)) / 100.0,
       CASE WHEN i % 12 = 0 THEN gen.sentence(gen.pick(i, 4, 24)) END
  FROM generate_series(:lo::bigint, :hi) i,
       LATERAL (SELECT (enum_range(NULL::shop.order_status))[2 + gen.pick(i, 2, 7)] AS last) s;

-- step order_items 600000
INSERT INTO shop.order_items (order_id, line_no, product_id, quantity, unit_price, discount)
SELECT o, l, p.id, 1 + gen.pick(o + l, 2, 4), gen.price(p.id), (ARRAY[0, 0, 0, 0.05, 0.125])[1 + (o + l) % 5]
  FROM generate_series(:lo::bigint, :hi) o, LATERAL generate_series(1, 1 + gen.pick(o, 5, 5)) l,
       LATERAL (SELECT 1 + gen.pick(o * 8 + l, 1, :products) AS id) p;

-- step payments 550000
INSERT INTO shop.payments
SELECT md5('payment ' || i)::uuid, 1 + gen.pick(i, 1, :orders), m.method, (500 + gen.pick(i, 3, 90000)) / 100.0,
       timestamptz '2023-01-01 00:07:13.25Z' + gen.pick(i, 4, 47000000) * interval '1.000123 second',
       CASE m.method WHEN 'card' THEN lpad(gen.pick(i, 5, 10000)::text, 4, '0') END,
       CASE WHEN i % 3 = 0 THEN jsonb_build_object('code', '00', 'auth', md5(i::text)) END
  FROM generate_series(:lo::bigint, :hi) i,
       LATERAL (SELECT (enum_range(NULL::shop.payment_method))[1 + gen.pick(i, 2, 5)] AS method) m;

-- step shipments 400000
INSERT INTO shop.shipments OVERRIDING SYSTEM VALUE
SELECT i, 1 + gen.pick(i, 1, :orders), 1 + i % 12, (ARRAY['DHL', 'PostNL', 'La Poste', 'Royal Mail', 'InPost'])[1 + i % 5],
       upper(substr(md5('t' || i), 1, 16)), 0.1 + gen.pick(i, 3, 300000)::float8 / 7013,
       timestamptz '2023-01-02Z' + gen.pick(i, 4, 47000000) * interval '1 second',
       CASE WHEN i % 10 <> 0 THEN gen.pick(i, 5, 400000) * interval '1 second' END
  FROM generate_series(:lo::bigint, :hi) i;

-- step reviews 150000
INSERT INTO shop.reviews
SELECT i, 1 + gen.pick(i, 1, :products), 1 + gen.pick(i, 2, :customers), 1 + gen.pick(i, 3, 5),
       CASE WHEN i % 5 <> 0 THEN gen.quality(gen.pick(i, 4, 16)) || '!' END,
       (SELECT string_agg(gen.sentence(gen.pick(i * 16 + s, 5, 24)), ' ' ORDER BY s)
          FROM generate_series(1, 1 + gen.pick(i, 6, 8)) s),
       timestamptz '2023-02-01Z' + gen.pick(i, 7, 44000000) * interval '1 second'
  FROM generate_series(:lo::bigint, :hi) i;

-- step sessions 300000
INSERT INTO shop.sessions
SELECT md5('session ' || i)::uuid, CASE WHEN i % 3 <> 0 THEN 1 + gen.pick(i, 1, :customers) END,
       CASE WHEN i % 5 = 0 THEN ('2001:db8::' || to_hex(gen.pick(i, 2, 65535)) || ':' || to_hex(gen.pick(i, 3, 65535)))::inet
            ELSE ('198.51.' || gen.pick(i, 2, 256) || '.' || gen.pick(i, 3, 256))::inet END,
       ('198.51.' || gen.pick(i, 2, 256) || '.0/24')::cidr,
       CASE WHEN i % 4 = 0 THEN ('02:00:5e:00:' || lpad(to_hex(gen.pick(i, 4, 256)), 2, '0') || ':01')::macaddr END,
       gen.agent(gen.pick(i, 5, 5)),
       tstzrange(t.start, CASE WHEN i % 20 <> 0 THEN t.start + (1 + gen.pick(i, 7, 5400)) * interval '1 second' END, '[)')
  FROM generate_series(:lo::bigint, :hi) i,
       LATERAL (SELECT timestamptz '2024-01-01Z' + gen.pick(i, 6, 15600000) * interval '1 second' AS start) t;

-- step documents 6000
INSERT INTO shop.documents OVERRIDING SYSTEM VALUE
SELECT i, CASE WHEN i % 4 <> 0 THEN 1 + gen.pick(i, 1, :customers) END,
       (ARRAY['Invoice ', 'Return form ', 'Letter ', 'Warranty card '])[1 + i % 4] || i,
       (SELECT string_agg(gen.sentence(gen.pick(i * 512 + s, 2, 24)) || ' (' || s || ')', E'\n' ORDER BY s)
          FROM generate_series(1, 40 + gen.pick(i, 3, 160)) s),
       CASE WHEN i % 6 <> 0 THEN (SELECT string_agg(sha512(int8send(i * 1000 + s)), ''::bytea)
                                    FROM generate_series(1, 60 + gen.pick(i, 4, 240)) s) END,
       xmlelement(name document, xmlattributes(i AS number), xmlelement(name pages, 1 + i % 9)),
       date '2022-05-01' + gen.pick(i, 5, 780)::int
  FROM generate_series(:lo::bigint, :hi) i;

-- step events 900000
INSERT INTO shop.events
SELECT i, timestamptz '2024-01-01Z' + gen.pick(i, 1, 17000000) * interval '1 second',
       CASE WHEN i % 4 <> 0 THEN 1 + gen.pick(i, 2, :customers) END, k.kind,
       jsonb_build_object('kind', k.kind, 'product', 1 + gen.pick(i, 4, :products), 'ms', gen.pick(i, 5, 4000),
                          'referrer', CASE WHEN i % 3 = 0 THEN 'https://search.example/?q=' || gen.pick(i, 6, 5000) END)
  FROM generate_series(:lo::bigint, :hi) i,
       LATERAL (SELECT (ARRAY['view', 'search', 'basket', 'checkout', 'login'])[1 + gen.pick(i, 3, 5)] AS kind) k;

-- step audit.log 300000
INSERT INTO audit.log
SELECT timestamptz '2024-05-01Z' + (i / 3) * interval '1 second', (ARRAY['import', 'web', 'support', 'cron'])[1 + i % 4],
       (ARRAY['insert', 'update', 'update', 'delete'])[1 + gen.pick(i, 1, 4)],
       (ARRAY['orders', 'customers', 'products'])[1 + i % 3]::name,
       CASE WHEN i % 10 <> 0 THEN gen.pick(i / 2, 2, 100000) END,
       CASE WHEN i % 3 <> 0 THEN jsonb_build_object('price', gen.price(i / 2)) END,
       CASE WHEN i % 4 <> 0 THEN jsonb_build_object('price', gen.price(i / 2 + 1), 'by', gen.given(gen.pick(i, 3, 36))) END
  FROM generate_series(:lo::bigint, :hi) i;
