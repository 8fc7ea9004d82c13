/* sqlstate: one row for each entry of the table, its neighbours, and failures without a state. */
#include "unit.h"

#include "pg/sqlstate.h"

#include <stdbool.h>

static void each_state_has_its_kind(void **state)
{
    static const struct {
        const char *state;
        enum err_kind kind;
        enum err_kind kind_lost; /* when the connection is gone as well */
    } rows[] = {
        {"",      ERR_DATA,      ERR_TRANSIENT},
        {"08000", ERR_TRANSIENT, ERR_TRANSIENT}, /* connection exception */
        {"08006", ERR_TRANSIENT, ERR_TRANSIENT},
        {"08P01", ERR_TRANSIENT, ERR_TRANSIENT},
        {"25006", ERR_TRANSIENT, ERR_TRANSIENT}, /* read-only transaction */
        {"25001", ERR_DATA,      ERR_TRANSIENT},
        {"25P02", ERR_DATA,      ERR_TRANSIENT},
        {"28000", ERR_AUTH,      ERR_AUTH     }, /* invalid authorization */
        {"28P01", ERR_AUTH,      ERR_AUTH     },
        {"3D000", ERR_USAGE,     ERR_USAGE    }, /* no such database */
        {"3F000", ERR_USAGE,     ERR_USAGE    }, /* no such schema */
        {"40001", ERR_TRANSIENT, ERR_TRANSIENT}, /* serialization failure */
        {"40003", ERR_TRANSIENT, ERR_TRANSIENT}, /* completion unknown */
        {"40P01", ERR_TRANSIENT, ERR_TRANSIENT}, /* deadlock */
        {"42501", ERR_AUTH,      ERR_AUTH     }, /* insufficient privilege */
        {"42703", ERR_USAGE,     ERR_USAGE    }, /* no such column */
        {"42P01", ERR_USAGE,     ERR_USAGE    }, /* no such table */
        {"42601", ERR_DATA,      ERR_TRANSIENT},
        {"42704", ERR_DATA,      ERR_TRANSIENT},
        {"53300", ERR_TRANSIENT, ERR_TRANSIENT}, /* too many connections */
        {"53100", ERR_DATA,      ERR_TRANSIENT}, /* disk full */
        {"55006", ERR_TRANSIENT, ERR_TRANSIENT}, /* object in use */
        {"55P03", ERR_TRANSIENT, ERR_TRANSIENT}, /* lock not available */
        {"55000", ERR_DATA,      ERR_TRANSIENT},
        {"57014", ERR_TRANSIENT, ERR_TRANSIENT}, /* cancelled */
        {"57000", ERR_DATA,      ERR_TRANSIENT},
        {"57P01", ERR_TRANSIENT, ERR_TRANSIENT}, /* shutdown */
        {"57P02", ERR_TRANSIENT, ERR_TRANSIENT}, /* crash */
        {"57P03", ERR_TRANSIENT, ERR_TRANSIENT}, /* starting up */
        {"57P05", ERR_TRANSIENT, ERR_TRANSIENT}, /* idle timeout */
        {"57P04", ERR_USAGE,     ERR_USAGE    }, /* database dropped */
        {"22P02", ERR_DATA,      ERR_TRANSIENT}, /* a value that is none of its type */
        {"23505", ERR_DATA,      ERR_TRANSIENT}, /* unique violation */
        {"XX000", ERR_DATA,      ERR_TRANSIENT},
        {"00000", ERR_DATA,      ERR_TRANSIENT},
        {"0",     ERR_DATA,      ERR_TRANSIENT}, /* a part of an entry is not that entry */
        {"5",     ERR_DATA,      ERR_TRANSIENT},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum err_kind kind = sqlstate_kind(rows[i].state, false);
        enum err_kind kind_lost = sqlstate_kind(rows[i].state, true);
        if (kind != rows[i].kind || kind_lost != rows[i].kind_lost) {
            print_message("state \"%s\"\n", rows[i].state);
        }
        assert_int_equal(kind, rows[i].kind);
        assert_int_equal(kind_lost, rows[i].kind_lost);
    }
    (void)state;
}

static void words_count_where_the_state_says_nothing(void **state)
{
    static const struct {
        const char *state;
        const char *message;
        enum err_kind kind;
        enum sqlstate_plea plea;
    } rows[] = {
        {"40P01", "deadlock detected (SQLSTATE 40P01)",                                   ERR_TRANSIENT, PLEA_SHORTER},
        {"XX000", "aborting transaction participating in a distributed deadlock",         ERR_TRANSIENT,
         PLEA_SHORTER                                                                                                },
        {"P0001", "Aborting transaction participating in a Distributed Deadlock: detail",
         ERR_TRANSIENT,                                                                                  PLEA_SHORTER},
        {"XX000", "commit time is invalid",                                               ERR_TRANSIENT, PLEA_SHORTER},
        {"53000", "too many prepares: throttled",                                         ERR_TRANSIENT, PLEA_FEWER  },
        {"XX000", "Throttling of commits",                                                ERR_TRANSIENT, PLEA_FEWER  },
        {"53300", "too many connections (SQLSTATE 53300)",                                ERR_TRANSIENT, PLEA_REFUSED},
        {"57P01", "terminating connection due to administrator command",                  ERR_TRANSIENT, PLEA_NONE   },
        {"40001", "ended by a shard split (SQLSTATE 40001)",                              ERR_TRANSIENT, PLEA_SHORTER},
        {"XX000", "distributed",                                                          ERR_DATA,      PLEA_NONE   },
        {"23505", "duplicate key",                                                        ERR_DATA,      PLEA_NONE   },
        {"",      "",                                                                     ERR_DATA,      PLEA_NONE   },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(sqlstate_kind_said(rows[i].state, rows[i].message, false), rows[i].kind);
        assert_int_equal(sqlstate_plea(rows[i].message), rows[i].plea);
    }
    /* What libpq says itself, without a server's state, is not searched for words. */
    assert_int_equal(sqlstate_kind_said("", "throttled", false), ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_has_its_kind),
        cmocka_unit_test(words_count_where_the_state_says_nothing),
    };

    return cmocka_run_group_tests_name("sqlstate", tests, NULL, NULL);
}
