/* ddl/sql_text and ddl/edit: scripts cut as psql cuts them, and statements changed word by word. */
#include "unit.h"

#include "ddl/edit.h"
#include "ddl/sql_text.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 8

struct cut_case {
    const char *script;
    bool backslashes;
    const char
        *pieces[PIECES_MAX]; /* S: statement, C: comment, M: meta, B: broken, then the text */
};

/* clang-format off */
static const struct cut_case cuts[] = {
    {"SELECT 1;SELECT 2;",                                                                  false, {"SSELECT 1", "SSELECT 2"}                                                                 },
    {"",                                                                                    false, {NULL}                                                                                     },
    {" \n-- a;b\nSELECT 1 -- c;d\n;",                                                       false, {"C-- a;b", "SSELECT 1"}                                                                   },
    {"SELECT ';', 'it''s;';",                                                               false, {"SSELECT ';', 'it''s;'"}                                                                  },
    {"SELECT \"a;\"\"b\";",                                                                 false, {"SSELECT \"a;\"\"b\""}                                                                    },
    {"SELECT 'a\\';",                                                                       false, {"SSELECT 'a\\'"}                                                                          },
    {"SELECT 'a\\';';",                                                                     true,  {"SSELECT 'a\\';'"}                                                                        },
    {"SELECT E'a\\';';",                                                                    false, {"SSELECT E'a\\';'"}                                                                       },
    {"SELECT $$;'$$, $a$;$b$;$a$;",                                                         false, {"SSELECT $$;'$$, $a$;$b$;$a$"}                                                            },
    {"SELECT a$b$c, $1;",                                                                   false, {"SSELECT a$b$c, $1"}                                                                      },
    {"/* ; /* ; */ ; */ SELECT /*;*/ 1;",                                                   false, {"C/* ; /* ; */ ; */", "SSELECT /*;*/ 1"}                                                  },
    {"\\restrict a;b\nSELECT 1;\n\\unrestrict x",
     false,                                                                                        {"M\\restrict a;b", "SSELECT 1", "M\\unrestrict x"}                                        },
    {"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);X;",
     false,                                                                                        {"SCREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "SX"}                         },
    {"CREATE FUNCTION f() BEGIN ATOMIC; SELECT CASE WHEN 1=1 THEN 2 END; SELECT 3; END;X;",
     false,                                                                                        {"SCREATE FUNCTION f() BEGIN ATOMIC; SELECT CASE WHEN 1=1 THEN 2 END; SELECT 3; END", "SX"}},
    {"CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC SELECT 1; END;X;",
     false,                                                                                        {"SCREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC SELECT 1; END", "SX"}                      },
    {"CREATE TABLE function (begin int);X;",                                                false, {"SCREATE TABLE function (begin int)", "SX"}                                               },
    {"BEGIN;COMMIT;",                                                                       false, {"SBEGIN", "SCOMMIT"}                                                                      },
    {"SELECT 'open",                                                                        false, {"BSELECT 'open"}                                                                          },
    {"SELECT $x$ open $y$;",                                                                false, {"BSELECT $x$ open $y$;"}                                                                  },
    {"SELECT \"open;",                                                                      false, {"BSELECT \"open;"}                                                                        },
    {"/* open",                                                                             false, {"B/* open"}                                                                               },
    {"SELECT (1;",                                                                          false, {"BSELECT (1;"}                                                                            },
    {"SELECT 1",                                                                            false, {"BSELECT 1"}                                                                              },
};
/* clang-format on */

static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        static const char kinds[] = "SCMB";
        struct sql_lexer lx;
        sql_lexer_open(&lx, cuts[i].script, strlen(cuts[i].script));
        lx.backslashes = cuts[i].backslashes;
        for (size_t n = 0;; n++) {
            struct sql_piece p = sql_next_piece(&lx);
            const char *wanted = cuts[i].pieces[n];
            if (wanted == NULL) {
                assert_int_equal(p.kind, SQL_PIECE_END);
                break;
            }
            assert_int_not_equal(p.kind, SQL_PIECE_END);
            assert_int_equal(kinds[p.kind], wanted[0]);
            assert_int_equal(p.len, strlen(wanted + 1));
            assert_memory_equal(p.at, wanted + 1, p.len);
            if (p.kind == SQL_PIECE_BROKEN) {
                break;
            }
        }
    }
}

/* No byte behind the end is looked at, wherever the text is cut. */
static void test_every_prefix(void **state)
{
    static const char text[] =
        "CREATE FUNCTION f() RETURNS E'\\'' AS $a$ x $a$ /* c */ \"n\"\"\" -- e\n;";
    (void)state;
    for (size_t len = 0; len < sizeof text; len++) {
        char *copy = malloc(len + 1); /* exactly as long, for AddressSanitizer */
        assert_non_null(copy);
        memcpy(copy, text, len);
        struct sql_lexer lx;
        sql_lexer_open(&lx, copy, len);
        struct sql_piece p;
        do {
            p = sql_next_piece(&lx);
            assert_true(p.at + p.len <= copy + len);
        } while (p.kind != SQL_PIECE_END && p.kind != SQL_PIECE_BROKEN);
        free(copy);
    }
}

/* ---- roles ---- */

struct role_case {
    const char *sql;
    const char *role; /* NULL: none */
};

static void test_owners(void **state)
{
    static const struct role_case cases[] = {
        {"ALTER TABLE public.t OWNER TO postgres",                     "postgres"},
        {"ALTER TABLE public.\"OWNER TO x\" OWNER TO \"a \"\"b\"\"\"", "a \"b\"" },
        {"ALTER FUNCTION s.f(a integer, \"b)\" text) OWNER TO r",      "r"       },
        {"CREATE TABLE t (OWNER TO r)",                                NULL      },
        {"ALTER TABLE t ADD COLUMN owner text",                        NULL      },
        {"SELECT 1 OWNER TO r",                                        NULL      },
        {"",                                                           NULL      },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *role = edit_owner(cases[i].sql);
        if (cases[i].role == NULL) {
            assert_null(role);
        } else {
            assert_string_equal(role, cases[i].role);
        }
        free(role);
    }
}

static void test_grantees(void **state)
{
    static const struct role_case cases[] = {
        {"GRANT SELECT ON TABLE s.t TO reader",                                         "reader"},
        {"GRANT SELECT(\"to\") ON TABLE s.\"x TO y\" TO \"r x\" WITH GRANT OPTION",     "r x"   },
        {"GRANT ALL ON SCHEMA public TO PUBLIC",                                        NULL    },
        {"REVOKE ALL ON TABLE s.t FROM old",                                            "old"   },
        {"REVOKE USAGE ON SCHEMA public FROM PUBLIC",                                   NULL    },
        {"GRANT ALL ON FUNCTION s.f(x to) TO reader",                                   "reader"},
        {"SET SESSION AUTHORIZATION boss",                                              "boss"  },
        {"RESET SESSION AUTHORIZATION",                                                 NULL    },
        {"ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA s GRANT SELECT ON TABLES TO b", "b"     },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *role = edit_grantee(cases[i].sql);
        if (cases[i].role == NULL) {
            assert_null(role);
        } else {
            assert_string_equal(role, cases[i].role);
        }
        free(role);
    }
    char *role = edit_default_role("ALTER DEFAULT PRIVILEGES FOR ROLE \"A b\" GRANT x ON y TO z");
    assert_string_equal(role, "A b");
    free(role);
    assert_null(edit_default_role("GRANT SELECT ON t TO x"));
}

/* ---- edits ---- */

struct edit_case {
    const char *before;
    struct edit edit;
    const char *after;
    bool changed;
};

/* clang-format off */
static const struct edit_case edits[] = {
    {"ALTER TABLE ONLY s.t\n    ADD CONSTRAINT k UNIQUE (a)",
     {.drop_only = true},
     "ALTER TABLE s.t\n    ADD CONSTRAINT k UNIQUE (a)",                                           false},
    {"ALTER TABLE s.only ADD CONSTRAINT only UNIQUE (a)",
     {.drop_only = true},
     "ALTER TABLE s.only ADD CONSTRAINT only UNIQUE (a)",                                          false},
    {"CREATE UNIQUE INDEX i ON ONLY s.t USING btree (a) WITH (fillfactor='70') WHERE (a > 3)",
     {.drop_only = true, .drop_parameters = true, .drop_unique = true},
     "CREATE INDEX i ON s.t USING btree (a) WHERE (a > 3)",                                        true },
    {"CREATE UNIQUE INDEX i ON s.t USING btree (a) NULLS NOT DISTINCT",
     {.drop_unique = true},
     "CREATE INDEX i ON s.t USING btree (a)",                                                      true },
    {"CREATE INDEX i ON s.t USING btree (a NULLS FIRST)",
     {.drop_unique = true},
     "CREATE INDEX i ON s.t USING btree (a NULLS FIRST)",                                          false},
    {"CREATE UNIQUE INDEX \"on ONLY\" ON s.t USING btree (a)",
     {.drop_only = true},
     "CREATE UNIQUE INDEX \"on ONLY\" ON s.t USING btree (a)",                                     false},
    {"CREATE INDEX i ON ONLY s.t USING btree (a)",
     {.drop_only = true, .table = "x.\"y z\""},
     "CREATE INDEX i ON x.\"y z\" USING btree (a)",                                                false},
    {"ALTER TABLE ONLY s.\"a.b\"\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.o(id) ON "
     "DELETE CASCADE",                                                                    {.drop_only = true, .table = "x.y", .other = "p.q"},
     "ALTER TABLE x.y\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p.q(id) ON DELETE CASCADE", false},
    {"CREATE SEQUENCE s.q\n    CACHE 300000\n    CYCLE",
     {.drop_cycle = true, .cache_max = "249999"},
     "CREATE SEQUENCE s.q\n    CACHE 249999",                                                      true },
    {"CREATE SEQUENCE s.q CACHE 1 NO CYCLE",
     {.drop_cycle = true, .cache_max = "249999"},
     "CREATE SEQUENCE s.q CACHE 1 NO CYCLE",                                                       false},
    {"CREATE SEQUENCE s.q CACHE 249999",
     {.cache_max = "249999"},
     "CREATE SEQUENCE s.q CACHE 249999",                                                           false},
    {"CREATE SEQUENCE s.q CACHE 250000 START WITH 7",
     {.cache_max = "249999"},
     "CREATE SEQUENCE s.q CACHE 249999 START WITH 7",                                              true },
    {"CREATE SEQUENCE cycle.cycle\n    CACHE 1\n    CYCLE",
     {.drop_cycle = true},
     "CREATE SEQUENCE cycle.cycle\n    CACHE 1",                                                   true },
    {"ALTER TABLE ONLY s.index ADD CONSTRAINT index FOREIGN KEY (a) REFERENCES s.o(id) ON DELETE "
     "CASCADE", {.drop_only = true, .drop_on_delete = true, .table = "x.y"},
     "ALTER TABLE x.y ADD CONSTRAINT index FOREIGN KEY (a) REFERENCES s.o(id)",                    true },
    {"CREATE UNLOGGED SEQUENCE s.unlogged\n    START WITH 1",
     {.drop_unlogged = true},
     "CREATE SEQUENCE s.unlogged\n    START WITH 1",                                               true },
    {"CREATE FUNCTION s.leakproof() RETURNS int\n    LANGUAGE sql LEAKPROOF\n    AS $$SELECT 1 AS "
     "leakproof$$", {.drop_leakproof = true},
     "CREATE FUNCTION s.leakproof() RETURNS int\n    LANGUAGE sql \n    AS $$SELECT 1 AS leakproof$$",
     true },
    {"ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES s.o(id) ON UPDATE CASCADE ON "
     "DELETE SET NULL (a) DEFERRABLE", {.drop_on_delete = true},
     "ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES s.o(id) ON UPDATE CASCADE "
     "DEFERRABLE",                                                                                 true },
    {"ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.o(id) ON UPDATE NO ACTION ON "
     "DELETE SET DEFAULT", {.drop_on_delete = true, .drop_on_update = true},
     "ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.o(id)",                        true },
    {"ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (\"ON\") REFERENCES s.o(id) ON DELETE RESTRICT",
     {.drop_on_update = true},
     "ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (\"ON\") REFERENCES s.o(id) ON DELETE RESTRICT",
     false},
};
/* clang-format on */

static void test_edits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        bool changed = false;
        char *after = edit_statement(edits[i].before, &edits[i].edit, &changed);
        assert_non_null(after);
        assert_string_equal(after, edits[i].after);
        assert_int_equal(changed, edits[i].changed);
        free(after);
    }
}

static void test_simple_checks(void **state)
{
    static const struct {
        const char *definition;
        bool simple;
    } cases[] = {
        {"CHECK ((a > 1))",                             true },
        {"CHECK ((a > '-1'::integer))",                 true },
        {"CHECK ((a > -1))",                            true },
        {"CHECK (((b)::text <> 'x'::text))",            true },
        {"CHECK ((\"A b\" = true))",                    true },
        {"CHECK ((d >= '2020-01-01'::date)) NOT VALID", true },
        {"CHECK ((a > 1)) NO INHERIT",                  true },
        {"CHECK (((a > 1) AND (a < 5)))",               false},
        {"CHECK ((a > b))",                             false},
        {"CHECK ((length(a) > 1))",                     false},
        {"CHECK ((a = ANY (ARRAY[1, 2])))",             false},
        {"CHECK ((1 < a))",                             false},
        {"CHECK (a)",                                   false},
        {"CHECK ((a > 1) OR b)",                        false},
        {"CHECK",                                       false},
        {"",                                            false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (edit_is_simple_check(cases[i].definition) != cases[i].simple) {
            fail_msg("%s", cases[i].definition);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),   cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_owners), cmocka_unit_test(test_grantees),
        cmocka_unit_test(test_edits),  cmocka_unit_test(test_simple_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
