/* ddl/dump_toc: entries from pg_restore's script and table of contents, whatever objects are named
 * and whatever their bodies hold. */
#include "unit.h"

#include "ddl/dump_toc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER(id, class, oid, needs, name)                                             \
    "--\n-- TOC entry " #id " (class " #class " OID " #oid ")\n" needs "-- Name: " name \
                                              "\n-- Data Pos: 0\n--\n\n"

static const char preamble[] = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n"
                               "SET statement_timeout = 0;\n"
                               "SET standard_conforming_strings = on;\n\n";

static bool read_toc(const char *script, const char *list, const char *before, struct dump_toc *toc)
{
    struct err err = {.kind = ERR_NONE};
    char *text = malloc(strlen(preamble) + strlen(script) + 1);
    assert_non_null(text);
    (void)snprintf(text, strlen(preamble) + strlen(script) + 1, "%s%s", preamble, script);
    bool ok = dump_toc_read(text, list, before, toc, &err);
    assert_int_equal(ok, err.kind == ERR_NONE);
    if (!ok) {
        assert_int_equal(err.kind, ERR_SYSTEM);
    }
    free(text);
    return ok;
}

/* One line here is one of the script. */
/* clang-format off */
static const char three[] =
    HEADER(6, 2615, 100, "", "s; Type: SCHEMA; Schema: -; Owner: boss")
    "CREATE SCHEMA s;\n\n\nALTER SCHEMA s OWNER TO boss;\n\n"
    "SET default_tablespace = fast;\n\nSET default_table_access_method = heap;\n\n"
    HEADER(7, 1259, 101, "-- Dependencies: 6 12345\n",
           "t; Type: TABLE; Schema: s; Owner: boss; Tablespace: fast")
    "CREATE TABLE s.t ();\n\nSET default_tablespace = '';\n\n"
    HEADER(8, 0, 0, "-- Dependencies: 7\n", "TABLE t; Type: ACL; Schema: s; Owner: boss")
    "GRANT SELECT ON TABLE s.t TO PUBLIC;\n\n\n-- Completed on x\n\n\\unrestrict abc\n\n";
static const char three_before[] =
    "6; 2615 100 SCHEMA - s boss\n"
    "7; 1259 101 TABLE s t boss\n";
static const char three_listed[] =
    ";\n; Archive\n"
    "6; 2615 100 SCHEMA - s boss\n"
    "7; 1259 101 TABLE s t boss\n"
    "8; 0 0 ACL s TABLE t boss\n";
/* clang-format on */

static void check_table(const struct dump_toc *toc)
{
    const struct dump_entry *t = dump_toc_find(toc, 7);
    assert_non_null(t);
    assert_string_equal(t->name, "t");
    assert_string_equal(t->schema, "s");
    assert_string_equal(t->tablespace, "fast");
    assert_string_equal(t->access_method, "heap");
    assert_int_equal(t->oid, 101);
    assert_int_equal(t->class_oid, CATALOG_CLASS);
    assert_int_equal(t->statement_count, 1);
    assert_int_equal(t->need_count, 2);
    assert_int_equal(t->needs[1], 12345);
    assert_false(t->post);
    assert_true(toc->entries[2].post);
    assert_string_equal(toc->entries[2].tablespace, "");
    assert_null(dump_toc_find(toc, 9));
    assert_null(dump_toc_find(toc, 99));
}

static void test_entries(void **state)
{
    struct dump_toc toc;
    (void)state;
    assert_true(read_toc(three, three_listed, three_before, &toc));
    assert_int_equal(toc.count, 3);
    assert_string_equal(toc.entries[0].type, "SCHEMA");
    assert_string_equal(toc.entries[0].owner, "boss");
    assert_int_equal(toc.entries[0].statement_count, 2);
    assert_string_equal(toc.entries[0].statements[1], "ALTER SCHEMA s OWNER TO boss");
    check_table(&toc);
    dump_toc_free(&toc);
}

/* Bodies and strings that look like headers are a part of their statement. */
static void test_spoofed_headers(void **state)
{
    static const char *const bodies[] = {
        "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS $$\n" HEADER(
            9, 1255, 9, "", "x; Type: TABLE; Schema: s; Owner: o") "DROP TABLE y; $$",
        "COMMENT ON TABLE s.t IS '\n" HEADER(9, 1255, 9, "",
                                             "x; Type: TABLE; Schema: s; Owner: o") "'",
        "SELECT \"\n" HEADER(9, 1255, 9, "", "x; Type: TABLE; Schema: s; Owner: o") "\"",
        "CREATE VIEW v AS SELECT 1 /*\n" HEADER(9, 1255, 9, "",
                                                "x; Type: TABLE; Schema: s; Owner: o") "*/ + 1",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        char script[1024];
        struct dump_toc toc;
        (void)snprintf(script, sizeof script, "%s%s;\n\n",
                       HEADER(5, 1255, 50, "", "f(); Type: FUNCTION; Schema: s; Owner: o"),
                       bodies[i]);
        assert_true(read_toc(script, "5; 1255 50 FUNCTION s f() o\n", "", &toc));
        assert_int_equal(toc.count, 1);
        assert_int_equal(toc.entries[0].statement_count, 1);
        assert_string_equal(toc.entries[0].statements[0], bodies[i]);
        dump_toc_free(&toc);
    }
}

/* Names that look like parts of the header. */
static void test_spoofed_names(void **state)
{
    static const struct {
        const char *header; /* behind "-- Name: " */
        const char *line;
        const char *name;
        const char *type;
        const char *schema;
        const char *owner;
    } cases[] = {
        {"a; Type: VIEW; Schema: x; Owner: y; Type: TABLE; Schema: s; Owner: o",
         "TABLE s a; Type: VIEW; Schema: x; Owner: y o",                                                       "a; Type: VIEW; Schema: x; Owner: y",
         "TABLE",                                                                                                                                             "s", "o"               },
        {"t; Type: TABLE; Schema: s; Owner: x; Type: VIEW; Schema: y; Owner: z",
         "TABLE s t x; Type: VIEW; Schema: y; Owner: z",                                                       "t",                                  "TABLE", "s",
         "x; Type: VIEW; Schema: y; Owner: z"                                                                                                                                        },
        {"t; Type: TABLE; Schema: s; Owner: q; Owner: o",                        "TABLE s; Owner: q t o",      "t",                                  "TABLE",
         "s; Owner: q",                                                                                                                                            "o"               },
        {"t; Type: TABLE; Schema: s; Owner: o; Tablespace: u",                   "TABLE s t o; Tablespace: u", "t",
         "TABLE",                                                                                                                                             "s", "o; Tablespace: u"},
        {"t; Type: TABLE; Schema: s; Owner: o; Tablespace: u",                   "TABLE s t o",                "t",                                  "TABLE", "s",
         "o"                                                                                                                                                                         },
        {"hstore; Type: EXTENSION; Schema: -; Owner: -",                         "EXTENSION - hstore ",        "hstore",
         "EXTENSION",                                                                                                                                         "-", ""                },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char script[512];
        char list[256];
        struct dump_toc toc;
        (void)snprintf(script, sizeof script,
                       "--\n-- TOC entry 5 (class 1259 OID 50)\n-- Name: %s\n--\n\nX;\n",
                       cases[i].header);
        (void)snprintf(list, sizeof list, "5; 1259 50 %s\n", cases[i].line);
        assert_true(read_toc(script, list, list, &toc));
        assert_string_equal(toc.entries[0].name, cases[i].name);
        assert_string_equal(toc.entries[0].type, cases[i].type);
        assert_string_equal(toc.entries[0].schema, cases[i].schema);
        assert_string_equal(toc.entries[0].owner, cases[i].owner);
        dump_toc_free(&toc);
    }
}

#define LINE "5; 1259 50 TABLE s t o\n"

static void refuse(const char *script, const char *list, const char *before)
{
    struct dump_toc toc = {.count = 77};
    assert_false(read_toc(script, list, before, &toc));
    assert_int_equal(toc.count, 77); /* left alone */
}

/* Where the two texts do not agree, nothing is used. */
static void test_disagreement(void **state)
{
    const char *one = HEADER(5, 1259, 50, "", "t; Type: TABLE; Schema: s; Owner: o") "X;\n";
    const char *twice =
        HEADER(5, 1259, 50, "", "t; Type: TABLE; Schema: s; Owner: o") "X;\n" HEADER(
            5, 1259, 50, "", "t; Type: TABLE; Schema: s; Owner: o") "X;\n";
    const char *open = HEADER(5, 1259, 50, "", "t; Type: TABLE; Schema: s; Owner: o") "X 'y;\n";
    (void)state;
    struct dump_toc toc;
    assert_true(read_toc(one, LINE, "", &toc));
    dump_toc_free(&toc);
    refuse(one, "", "");                              /* not listed */
    refuse(one, LINE "6; 1259 51 TABLE s u o\n", ""); /* missing in the script */
    refuse(one, "5; 1259 51 TABLE s t o\n", "");      /* another object */
    refuse(one, "5; 1255 50 TABLE s t o\n", "");      /* another catalog */
    refuse(one, "5; 1259 50 VIEW s t o\n", "");       /* another type */
    refuse(one, "5; 1259 50 TABLE s u o\n", "");      /* another name */
    refuse(one, LINE, "7; 1259 50 TABLE s t o\n");    /* only in a part */
    refuse(one, "five\n", "");
    refuse(twice, LINE, "");
    refuse(open, LINE, "");
    refuse("--\n-- TOC entry 5 (class 1259 OID 50)\n--\n\nX;\n", LINE, "");
    refuse("--\n-- TOC entry five\n--\n\nX;\n", LINE, "");
}

static void test_backslashes(void **state)
{
    struct dump_toc toc;
    struct err err;
    static const char script[] = "SET standard_conforming_strings = off;\n" HEADER(
        5, 1255, 50, "", "f(); Type: FUNCTION; Schema: s; Owner: o") "SELECT 'a\\'; b';\n";
    (void)state;
    assert_true(dump_toc_read(script, "5; 1255 50 FUNCTION s f() o\n", "", &toc, &err));
    assert_true(toc.backslashes);
    assert_string_equal(toc.entries[0].statements[0], "SELECT 'a\\'; b'");
    dump_toc_free(&toc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),       cmocka_unit_test(test_spoofed_headers),
        cmocka_unit_test(test_spoofed_names), cmocka_unit_test(test_disagreement),
        cmocka_unit_test(test_backslashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
