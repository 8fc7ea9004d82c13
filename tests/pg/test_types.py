"""Every type that PostgreSQL ships and that a value can be written for, in both formats."""

import pytest

pytestmark = pytest.mark.usefixtures("loader")

# More than one literal where a type has values that formats are known to lose.
SAMPLES = {
    "aclitem": ["postgres=arwdDxt/postgres"],
    "bit": ["B'1'"], "varbit": ["B'10110'", "B''"],
    "bool": ["true", "false"],
    "box": ["((1.5,2),(-3,4e10))"], "circle": ["<(1,2),3.25>"], "line": ["{1,-2,3}"],
    "lseg": ["[(0,0),(1,1e-9)]"], "path": ["[(0,0),(1,1)]", "((0,0),(1,1),(2,0))"],
    "point": ["(0.1,-0)", "(Infinity,NaN)"], "polygon": ["((0,0),(1,1),(2,0))"],
    "bpchar": ["padded   ", ""], "varchar": ["it's", ""],
    "text": ["", "\\N", "\\.", "tab\tnew\nline\\ back\rcr", "žluťoučký 🐎", "NULL"],
    "char": ["x", ""], "name": ["a name"],
    "bytea": ["\\x", "\\x00ff5c0a"],
    "cid": ["7"], "xid": ["4294967295"], "xid8": ["18446744073709551615"], "tid": ["(4294967295,65535)"],
    "oid": ["4294967295"], "oidvector": ["1 2 3"], "int2vector": ["-1 2"],
    "cidr": ["10.0.0.0/8", "2001:db8::/32"], "inet": ["192.168.1.5/24", "::1"],
    "macaddr": ["08:00:2b:01:02:03"], "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "date": ["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"],
    "time": ["24:00:00", "00:00:00.000001"], "timetz": ["23:59:59.999999+15:59", "12:00-08"],
    "timestamp": ["294276-12-31 23:59:59.999999", "-infinity", "4713-01-01 00:00:00 BC"],
    "timestamptz": ["2024-03-31 02:30:00.123456+02", "infinity"],
    "interval": ["-1 mons +2 days -03:04:05.000006", "178000000 years"],
    "float4": ["NaN", "-Infinity", "1.17549435e-38", "3.4028235e+38", "-0", "0.1"],
    "float8": ["NaN", "Infinity", "2.2250738585072014e-308", "1.7976931348623157e+308", "-0", "0.1"],
    "int2": ["-32768", "32767"], "int4": ["-2147483648"], "int8": ["-9223372036854775808"],
    "numeric": ["NaN", "Infinity", "-Infinity", "0.000000000000000000000000000001", "1e300", "1.500"],
    "money": ["-92233720368547758.08", "12.34"],
    "json": ['{"b": 1, "a": [1, 2.50, null], "a": ""}'], "jsonb": ['{"b": 1e2, "a": [1.50, null]}'],
    "jsonpath": ['$."a"[*] ? (@ > 1)'],
    "xml": ["<a>1</a>", "no single root <b/>"],
    "uuid": ["00000000-0000-0000-0000-000000000000"],
    "tsvector": ["'a':1A,2B 'fat cat':3"], "tsquery": ["'fat' & ( 'rat' | !'cat':AB )"],
    "pg_lsn": ["16/B374D848"], "pg_snapshot": ["10:20:10,14,15"], "txid_snapshot": ["10:20:10,14,15"],
    "refcursor": ["a cursor"],
    # No server reads a value of these, so a column of theirs holds only NULL.
    "gtsvector": [], "pg_node_tree": [], "pg_ndistinct": [], "pg_dependencies": [], "pg_mcv_list": [],
    "pg_brin_bloom_summary": [], "pg_brin_minmax_multi_summary": [],
    "regclass": ["pg_class", "information_schema.tables", "-"], "regcollation": ['"C"'],
    "regconfig": ["english"], "regdictionary": ["simple"], "regnamespace": ["pg_catalog"],
    "regoper": ["pg_catalog.-(NONE,integer)"], "regoperator": ["+(integer,integer)"],
    "regproc": ["pg_catalog.now"], "regprocedure": ["abs(integer)"], "regrole": ["postgres"],
    "regtype": ["integer", "text[]"],
    "int4range": ["[1,10)", "empty", "(,)"], "int8range": ["[1,9223372036854775807)"],
    "numrange": ["(1.5,2.50]"], "tsrange": ['["2024-01-01 00:00","infinity")'],
    "tstzrange": ["[2024-01-01 00:00+02,)"], "daterange": ["[2024-01-01,2024-02-01)"],
    "int4multirange": ["{[1,3),[5,9)}", "{}"], "int8multirange": ["{[1,3)}"],
    "nummultirange": ["{[1.5,3]}"], "tsmultirange": ["{[2024-01-01,2024-01-02)}"],
    "tstzmultirange": ["{[2024-01-01 00:00Z,2024-01-02 00:00Z)}"], "datemultirange": ["{[2024-01-01,2024-01-02)}"],
}
SAMPLES["regoper"] = ["||/"]

# Every type that a table column can have.
CATALOG = """
SELECT t.typname FROM pg_type t
 WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm') AND t.typcategory <> 'A'
   AND t.typisdefined ORDER BY 1
"""


def build(pair):
    """A table a type: the value, and, where there is an array type, arrays of it."""
    names = pair.src(CATALOG).splitlines()
    missing = [n for n in names if n not in SAMPLES]
    assert not missing, f"write a sample for {missing}"
    script = []
    for name in names:
        quoted = f'pg_catalog."{name}"'
        array = pair.src(f"SELECT typarray FROM pg_type WHERE oid = '{quoted}'::regtype") != "0"
        columns = f"id int, v {quoted}" + (f", a {quoted}[]" if array else "")
        script.append(f'CREATE TABLE "t {name}" ({columns});')
        script.append(f'INSERT INTO "t {name}" VALUES (0, NULL);')
        for i, sample in enumerate(SAMPLES[name], 1):
            literal = sample if sample.startswith("B'") else "'" + sample.replace("'", "''") + "'"
            value = f"{literal}::{quoted}"
            arrays = f", ARRAY[[{value}, NULL]]" if array else ""
            script.append(f'INSERT INTO "t {name}" VALUES ({i}, {value}{arrays});')
    pair.src("SET xmloption = content;\n" + "\n".join(script))
    return names


@pytest.mark.parametrize("fmt", ["auto", "text"])
def test_every_builtin_type(pair, fmt):
    names = build(pair)
    assert len(names) > 60
    pair.copy_schema()
    result = pair.load("--format", fmt)
    assert result.status == 0, result
    assert pair.differences() == []


EXTENSIONS = ("citext", "hstore", "ltree", "cube", "seg", "isn", "intarray")


@pytest.mark.parametrize("fmt", ["auto", "text"])
def test_extension_and_user_types(pair, fmt):
    have = pair.src("SELECT name FROM pg_available_extensions").splitlines()
    missing = [e for e in EXTENSIONS if e not in have]
    if missing:
        pytest.skip(f"extensions not installed: {missing}")
    for e in EXTENSIONS:
        pair.both(f"CREATE EXTENSION {e}")
    pair.dst("CREATE TYPE shifts_the_oids AS ENUM ('x')")
    pair.src("""
        CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"', 'happy, very');
        CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE DOMAIN many AS positive[] CHECK (array_length(VALUE, 1) < 9);
        CREATE TYPE pair AS (a positive, m mood, h hstore, t timestamptz[]);
        CREATE TYPE nested AS (p pair, ps pair[], r int4range);
        CREATE TYPE moods AS RANGE (subtype = mood, multirange_type_name = moodsets);
        CREATE TABLE u (id int, m mood, ms mood[], p positive, ps many, c pair, n nested, r moods,
                        mr moodsets, ci citext, h hstore, l ltree, cu cube, s seg, i isbn13);
        INSERT INTO u VALUES (1, 'sad', '{sad,NULL,"happy, very"}', 3, '{1,2}',
            ROW(1, 'it''s "ok"', 'a=>1,b=>NULL', '{2024-01-01,NULL}'),
            ROW(ROW(1, 'sad', 'k=>"v w"', '{}'), ARRAY[ROW(2, NULL, NULL, NULL)::pair, NULL], '[1,5)'),
            '[sad,"happy, very")', '{[sad,sad]}', 'CaSe', '"a b"=>"c\\"d"', 'a.b.c', '(1,2),(3,4)', '1.5 .. 2',
            '978-0-393-04002-9');
        INSERT INTO u (id) VALUES (2);
        INSERT INTO u VALUES (3, NULL, '{}', NULL, NULL, ROW(NULL, NULL, NULL, NULL));
    """)
    pair.copy_schema()
    result = pair.load("--format", fmt)
    assert result.status == 0, result
    assert pair.differences() == []
