/* source_pg_statement: the COPY that reads a chunk, for every kind of chunk. */
#include "unit.h"

#include "base/buf.h"
#include "ends/source_pg.h"
#include "ends/work.h"

#include <stdbool.h>
#include <string.h>

#define HEAD "COPY (SELECT \"a\" FROM ONLY \"s\".\"t\" WHERE true"

static void each_kind_reads_its_rows(void **state)
{
    static const struct {
        const char *name;
        enum chunk_kind kind;
        bool binary;
        const char *key;
        const char *lower;
        const char *upper;
        const char *filter;
        const char *want;
    } rows[] = {
        {"whole",                         CHUNK_WHOLE,    false, "",            NULL,                    NULL,          "",                    HEAD ") TO STDOUT"},
        {"whole, binary",                 CHUNK_WHOLE,    true,  "",            NULL,                    NULL,          "",
         HEAD ") TO STDOUT (FORMAT binary)"                                                                                                                      },
        {"tid, first",                    CHUNK_TID,      false, "",            NULL,                    "(10,0)",      "",
         HEAD " AND ctid < '(10,0)'::tid) TO STDOUT"                                                                                                             },
        {"tid, middle",                   CHUNK_TID,      true,  "",            "(10,0)",                "(20,0)",      "",
         HEAD " AND ctid >= '(10,0)'::tid AND ctid < '(20,0)'::tid) TO STDOUT (FORMAT binary)"                                                                   },
        {"tid, last",                     CHUNK_TID,      false, "",            "(20,0)",                NULL,          "",
         HEAD " AND ctid >= '(20,0)'::tid) TO STDOUT"                                                                                                            },
        {"tid, all",                      CHUNK_TID,      false, "",            NULL,                    NULL,          "",                    HEAD ") TO STDOUT"},
        {"key, first",                    CHUNK_KEY,      false, "\"a\"",       NULL,                    "'5'::bigint", "",
         HEAD " AND (\"a\") < ('5'::bigint)) TO STDOUT"                                                                                                          },
        {"key, middle",                   CHUNK_KEY,      false, "\"a\"",       "'5'::bigint",           "'9'::bigint", "",
         HEAD " AND (\"a\") >= ('5'::bigint) AND (\"a\") < ('9'::bigint)) TO STDOUT"                                                                             },
        {"key, last",                     CHUNK_KEY,      false, "\"a\"",       "'9'::bigint",           NULL,          "",
         HEAD " AND (\"a\") >= ('9'::bigint)) TO STDOUT"                                                                                                         },
        {"key, several columns",          CHUNK_KEY,      false, "\"a\",\"b\"", "'5'::bigint,'x'::text",
         "'5'::bigint,'y''z'::text",                                                                                    "",
         HEAD " AND (\"a\",\"b\") >= ('5'::bigint,'x'::text)"
              " AND (\"a\",\"b\") < ('5'::bigint,'y''z'::text)) TO STDOUT"                                                                                       },
 /* Beside the chunk of NULLs: all that are not. */
        {"key, all",                      CHUNK_KEY,      false, "\"a\"",       NULL,                    NULL,          "",
         HEAD " AND (\"a\") IS NOT NULL) TO STDOUT"                                                                                                              },
        {"key is NULL",                   CHUNK_KEY_NULL, true,  "\"a\"",       NULL,                    NULL,          "",
         HEAD " AND \"a\" IS NULL) TO STDOUT (FORMAT binary)"                                                                                                    },
        {"filter",                        CHUNK_WHOLE,    false, "",            NULL,                    NULL,          "a > 1 OR b",
         HEAD " AND (a > 1 OR b\n)) TO STDOUT"                                                                                                                   },
        {"filter that ends in a comment", CHUNK_TID,      true,  "",            "(1,0)",                 NULL,          "a > 1 -- large ones",
         HEAD " AND ctid >= '(1,0)'::tid AND (a > 1 -- large ones\n)) TO STDOUT (FORMAT binary)"                                                                 },
        {"filter with a percent sign",    CHUNK_KEY_NULL, false, "\"a\"",       NULL,                    NULL,          "a LIKE '%s%n'",
         HEAD " AND \"a\" IS NULL AND (a LIKE '%s%n'\n)) TO STDOUT"                                                                                              },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct table_work table = {.select = "SELECT \"a\" FROM ONLY \"s\".\"t\"",
                                         .filter = rows[i].filter,
                                         .key = rows[i].key,
                                         .binary = rows[i].binary};
        const struct chunk_work chunk = {
            .table = &table, .kind = rows[i].kind, .lower = rows[i].lower, .upper = rows[i].upper};
        struct buf sql;
        buf_init(&sql, 4096);
        source_pg_statement(&chunk, &sql);
        if (strcmp(buf_str(&sql), rows[i].want) != 0) {
            print_message("%s\n", rows[i].name);
        }
        assert_string_equal(buf_str(&sql), rows[i].want);
        buf_free(&sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_reads_its_rows),
    };

    return cmocka_run_group_tests_name("source_statement", tests, NULL, NULL);
}
