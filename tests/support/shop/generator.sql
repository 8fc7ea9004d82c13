-- What the fill steps use; dropped when the shop is full. Everything is arithmetic on the row's
-- number, so the same scale gives the same rows on every machine.

CREATE SCHEMA gen;

-- A number in 0..n-1 that looks random: two rounds of a multiplicative generator.
CREATE FUNCTION gen.pick(i bigint, salt int, n bigint) RETURNS bigint IMMUTABLE PARALLEL SAFE LANGUAGE sql
AS $$ SELECT ((i * 48271 + salt * 1299709 + 12345) % 2147483647) * 69621 % 2147483647 % n $$;

CREATE FUNCTION gen.given(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{Anna,Ben,Carla,David,Elif,Farid,Greta,Hugo,Ines,Jonas,Karin,Liam,Mei,Noah,Olga,Paul,Quinn,Rosa,Søren,Tomáš,Uwe,Vera,Wanda,Xavier,Yuki,Zoë,Amélie,Björn,Chiara,Dmitri,Eszter,François,Gül,Hélène,Ivan,José}'::text[])[1 + k] $$;

CREATE FUNCTION gen.family(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{Schmidt,"van den Berg",Kowalska,García,Müller,Rossi,Novák,O''Brien,Jensen,Dubois,Yılmaz,Tanaka,Nagy,Petrov,Silva,Andersson,Weiß,Lindqvist,Bianchi,Horvat,Martin,Janssen,Keller,Fischer,Moreau,Costa,Virtanen,Popescu,Haugen,"de la Cruz",Brown,Çelik,Sørensen,Łukasik,Wagner,Ito}'::text[])[1 + k] $$;

CREATE FUNCTION gen.street(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{"High Street","Bahnhofstraße","Rue de la Paix","Via Garibaldi","Calle Mayor",Hauptstraße,"Station Road",Lindenallee,"Avenue Foch",Kungsgatan,"Market Square",Prinsengracht,"Rua Augusta","Mill Lane",Schulweg,"Church Road"}'::text[])[1 + k] $$;

CREATE FUNCTION gen.city(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{Zürich,Hamburg,Lyon,Torino,Málaga,Köln,Leeds,Gdańsk,Brno,Uppsala,Porto,Utrecht,Graz,Århus,Cork,Győr}'::text[])[1 + k] $$;

CREATE FUNCTION gen.country(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{CH,DE,FR,IT,ES,DE,GB,PL,CZ,SE,PT,NL,AT,DK,IE,HU}'::text[])[1 + k] $$;

CREATE FUNCTION gen.colour(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{black,white,navy,forest green,terracotta,sand,grey,oak,copper,bordeaux,sky blue,mustard}'::text[])[1 + k] $$;

CREATE FUNCTION gen.quality(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{Compact,Classic,Foldable,Heavy-duty,Lightweight,Nordic,Organic,Portable,Premium,Robust,Slim,Vintage,Waterproof,Wireless,Adjustable,Handmade}'::text[])[1 + k] $$;

CREATE FUNCTION gen.thing(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{desk lamp,backpack,kettle,rain jacket,office chair,bicycle pump,tent,headphones,cutting board,wool blanket,water bottle,bookshelf,wall clock,coffee grinder,yoga mat,umbrella,toolbox,picture frame,garden hose,pillow,frying pan,notebook,wrist watch,hiking boots}'::text[])[1 + k] $$;

CREATE FUNCTION gen.interest(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{cooking,hiking,photography,"home office",gardening,music,"board games",travel,diy,"pets, small",running,books}'::text[])[1 + k] $$;

CREATE FUNCTION gen.agent(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ('{"Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0","Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36","Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148","Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.2 Safari/605.1.15","ShopApp/4.7.1 (Android 14; Pixel 7)"}'::text[])[1 + k] $$;

-- Sentences of reviews and letters, with all that text formats have to escape in them.
CREATE FUNCTION gen.sentence(k bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT (ARRAY[
  'It arrived two days early and was packed with care.',
  'The colour is a little darker than in the picture, but I like it.',
  E'The manual says "do not immerse" — on page 2, in very small print.',
  'We have used it every day since March and it still looks new.',
  E'Path on the enclosed disk: C:\\drivers\\setup.exe',
  'For the price there is nothing better, as far as I have seen.',
  E'First line of the address was wrong,\nthe second one was right.',
  'Customer service answered within the hour; that is rare enough to mention.',
  'The handle came loose after a week and had to be glued.',
  'Größe und Gewicht stimmen mit der Beschreibung überein.',
  'La livraison a été rapide, merci à toute l''équipe.',
  'I would buy it again without a second thought.',
  E'Item\tOrdered\tReceived',
  'My daughter took it to school and now all of her friends want one.',
  '思ったより軽くて使いやすいです。',
  'Please note the enclosed return form and the reference number above.',
  'The replacement part was free of charge and fitted at once.',
  'Assembly takes twenty minutes if you read the steps first, an hour if you do not.',
  'Nie mam żadnych zastrzeżeń do jakości wykonania.',
  'Five stars for the product, three for the parcel service.',
  'It is heavier than I thought, which turned out to be an advantage 🙂.',
  'The battery lasts about nine hours at medium brightness.',
  'After the second wash it had lost neither shape nor colour.',
  'Payment terms are thirty days net; a discount of 2 % applies within ten.'])[1 + k] $$;

CREATE FUNCTION gen.address(i bigint) RETURNS shop.address IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT ROW(gen.street(gen.pick(i, 21, 16)), (1 + gen.pick(i, 22, 180))::text,
           lpad(gen.pick(i, 23, 99999)::text, 5, '0'), gen.city(gen.pick(i, 24, 16)),
           gen.country(gen.pick(i, 24, 16)))::shop.address $$;

CREATE FUNCTION gen.price(product bigint) RETURNS numeric IMMUTABLE PARALLEL SAFE LANGUAGE sql
AS $$ SELECT (199 + gen.pick(product, 31, 49800)) / 100.0 $$;
