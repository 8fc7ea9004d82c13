/* preflight: the list, how messages become findings, and what is concluded from facts. */
#include "unit.h"

#include "job/preflight.h"
#include "job/preflight_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- the list ---- */

static void add_one(struct check_list *l, enum check_level level, enum err_kind kind)
{
    struct check_note note = {
        .side = CHECK_SOURCE, .level = level, .kind = kind, .id = "tls", .fix = "do %s"};
    check_add(l, &note, "found %d", 7);
}

static void keeps_what_is_added(void **state)
{
    (void)state;
    struct check_list l = {.count = 0};
    add_one(&l, CHECK_WARNING, ERR_AUTH);
    assert_int_equal(l.count, 1);
    assert_int_equal(l.items[0].side, CHECK_SOURCE);
    assert_string_equal(l.items[0].id, "tls");
    assert_string_equal(l.items[0].text, "found 7");
    assert_string_equal(l.items[0].fix, "do %s");
    assert_int_equal(l.items[0].kind, ERR_NONE); /* a warning does not end a load */
    check_list_free(&l);
    assert_int_equal(l.count, 0);
    check_list_free(&l);
}

static void the_first_blocker_decides(void **state)
{
    (void)state;
    struct check_list l = {.count = 0};
    add_one(&l, CHECK_OK, ERR_DATA);
    add_one(&l, CHECK_WARNING, ERR_USAGE);
    assert_int_equal(l.first_blocker, ERR_NONE);
    add_one(&l, CHECK_BLOCKER, ERR_TRANSIENT);
    add_one(&l, CHECK_BLOCKER, ERR_AUTH);
    assert_int_equal(l.first_blocker, ERR_TRANSIENT);
    assert_int_equal(l.blockers, 2);
    assert_int_equal(l.warnings, 1);
    check_list_free(&l);
}

static void counts_what_it_leaves_out(void **state)
{
    (void)state;
    struct check_list l = {.count = 0};
    for (size_t i = 0; i < CHECK_MAX; i++) {
        add_one(&l, CHECK_WARNING, ERR_USAGE);
    }
    add_one(&l, CHECK_BLOCKER, ERR_AUTH);
    assert_int_equal(l.count, CHECK_MAX);
    assert_int_equal(l.left_out, 1);
    assert_int_equal(l.blockers, 1);
    assert_int_equal(l.first_blocker, ERR_AUTH);
    check_list_free(&l);
}

/* ---- messages ---- */

struct split_case {
    const char *name;
    const char *msg;
    const char *text;
    const char *fix; /* NULL: none */
};

static struct split_case split_cases[] = {
    {"no advice",                         "the server is on fire",                                     "the server is on fire", NULL                 },
    {"advice after a semicolon",          "no right; GRANT it",                                        "no right",              "GRANT it"           },
    {"the first semicolon",               "no right; GRANT it; or leave it out",                       "no right",
     "GRANT it; or leave it out"                                                                                                                     },
    {"a service's own words",             "Get (as x): Denied: a; b (request 1-2); allow it; hint",
     "Get (as x): Denied: a; b (request 1-2)",                                                                                  "allow it; hint"     },
    {"a refused token",                   "refused; so. The token was signed. To check: (1) a; (2) b",
     "refused; so. The token was signed",                                                                                       "check: (1) a; (2) b"},
    {"where credentials were looked for", "no credentials. Looked at: a (no); b (no)",
     "no credentials. Looked at: a (no); b (no)",                                                                               NULL                 },
    {"empty",                             "",                                                          "",                      NULL                 },
    {"a semicolon at the end",            "odd;",                                                      "odd;",                  NULL                 },
};

static void check_split_case(void **state)
{
    const struct split_case *c = *state;
    const char *fix = "unset";
    size_t len = check_split(c->msg, &fix);
    assert_int_equal(len, strlen(c->text));
    assert_memory_equal(c->msg, c->text, len);
    if (c->fix == NULL) {
        assert_null(fix);
    } else {
        assert_non_null(fix);
        assert_string_equal(fix, c->fix);
    }
}

static void an_error_brings_its_kind_and_its_fix(void **state)
{
    (void)state;
    struct check_list l = {.count = 0};
    struct check_note note = {
        .side = CHECK_AWS, .level = CHECK_BLOCKER, .kind = ERR_USAGE, .id = "x", .fix = "fallback"};
    struct err with = {.kind = ERR_AUTH, .msg = "100 % denied; allow it"};
    struct err without = {.kind = ERR_TRANSIENT, .msg = "not there"};
    check_add_err(&l, &note, &with);
    check_add_err(&l, &note, &without);
    assert_string_equal(l.items[0].text, "100 % denied");
    assert_string_equal(l.items[0].fix, "allow it");
    assert_int_equal(l.items[0].kind, ERR_AUTH);
    assert_string_equal(l.items[1].text, "not there");
    assert_string_equal(l.items[1].fix, "fallback");
    assert_int_equal(l.items[1].kind, ERR_TRANSIENT);
    check_list_free(&l);
}

/* ---- judgements ---- */

struct judge {
    struct check_list list;
    struct spec spec;
    struct preflight p;
    struct server s;
};

static void judge_open(struct judge *j, const struct dial *dial)
{
    *j = (struct judge){.spec = {.jobs = 4}};
    j->p = (struct preflight){.spec = &j->spec, .list = &j->list};
    j->s = (struct server){.p = &j->p,
                           .side = CHECK_DESTINATION,
                           .name = "destination",
                           .dial = *dial,
                           .user = "loader",
                           .database = "shop"};
}

/* fixes: in the fix; NULL: there is none. */
static void judge_close(struct judge *j, enum check_level want, const char *says, const char *fixes)
{
    assert_int_equal(j->list.count, 1);
    const struct check *found = j->list.items;
    if (found == NULL) {
        fail_msg("%s", "there is no finding");
        return;
    }
    assert_int_equal(found->side, CHECK_DESTINATION);
    assert_int_equal(found->level, want);
    assert_non_null(strstr(found->text, says));
    if (fixes == NULL) {
        assert_null(found->fix);
    } else {
        assert_non_null(found->fix);
        assert_non_null(strstr(found->fix, fixes));
    }
    check_list_free(&j->list);
}

static struct dial dial_of(const char *host, const char *hostaddr)
{
    struct dial d = {.port = "5432"};
    (void)snprintf(d.host, sizeof d.host, "%s", host);
    (void)snprintf(d.hostaddr, sizeof d.hostaddr, "%s", hostaddr);
    return d;
}

struct tls_case {
    const char *name;
    const char *host, *hostaddr, *sslmode;
    bool on;
    enum check_level want;
    const char *says, *fixes;
};

static struct tls_case tls_cases[] = {
    {"verify-full",        "db1",       "",         "verify-full", true,  CHECK_OK,
     "certificate and host name are checked",                                                                            NULL                 },
    {"verify-ca",          "db1",       "",         "verify-ca",   true,  CHECK_WARNING, "the host name is not",
     "sslmode=verify-full"                                                                                                                    },
    {"require",            "db1",       "",         "require",     true,  CHECK_WARNING, "is checked (sslmode=require)",
     "--destination-ca"                                                                                                                       },
    {"require, here",      "localhost", "",         "require",     true,  CHECK_OK,      "on this machine",              NULL                 },
    {"no TLS",             "db1",       "",         "prefer",      false, CHECK_WARNING, "can be read",                  "sslmode=verify-full"},
    {"no TLS, here",       "/run/pg",   "",         "prefer",      false, CHECK_OK,      "does not leave this machine",  NULL                 },
    {"the address counts", "localhost", "10.0.0.1", "prefer",      false, CHECK_WARNING, "can be read",
     "verify-full"                                                                                                                            },
};

static void check_tls_case(void **state)
{
    const struct tls_case *c = *state;
    struct judge j;
    struct dial d = dial_of(c->host, c->hostaddr);
    (void)snprintf(d.sslmode, sizeof d.sslmode, "%s", c->sslmode);
    judge_open(&j, &d);
    judge_tls(&j.s, &(struct tls_facts){.on = c->on, .version = "TLSv1.3"});
    judge_close(&j, c->want, c->says, c->fixes);
}

struct clock_case {
    const char *name;
    int64_t ahead_ms;
    enum check_level want;
    const char *says, *fixes;
};

static struct clock_case clock_cases[] = {
    {"the same time",       -999,   CHECK_OK,      "agrees",              NULL },
    {"a second ahead",      -1000,  CHECK_OK,      "ahead of",            NULL },
    {"some seconds behind", 59999,  CHECK_OK,      "behind",              NULL },
    {"a minute behind",     60000,  CHECK_WARNING, "1 min 00 s behind",   "NTP"},
    {"a minute ahead",      -60000, CHECK_WARNING, "1 min 00 s ahead of", "NTP"},
};

static void check_clock_case(void **state)
{
    const struct clock_case *c = *state;
    struct judge j;
    struct dial d = dial_of("db1", "");
    judge_open(&j, &d);
    judge_clock(&j.s, c->ahead_ms);
    judge_close(&j, c->want, c->says, c->fixes);
}

struct idle_case {
    const char *name;
    const char *host, *keepalives, *idle;
    int64_t server_idle_s;
    enum check_level want;
    const char *says, *fixes;
};

static struct idle_case idle_cases[] = {
    {"our own setting",              "db1",     "",  "",     7200, CHECK_OK,      "after 60 s idle",       NULL                },
    {"the string's",                 "db1",     "1", "349",  7200, CHECK_OK,      "after 349 s idle",      NULL                },
    {"too late",                     "db1",     "",  "350",  350,  CHECK_WARNING, "is not probed",         "keepalives_idle=60"},
    {"off",                          "db1",     "0", "",     7200, CHECK_WARNING, "is not probed",         "keepalives=1"      },
    {"off, but the server does it",  "db1",     "0", "",     100,  CHECK_OK,      "by the server alone",   NULL                },
    {"late, but the server does it", "db1",     "",  "7200", 100,  CHECK_OK,      "100 s from the server",
     NULL                                                                                                                      },
    {"as the system has it",         "db1",     "",  "0",    0,    CHECK_WARNING, "is not probed",
     "keepalives_idle=60"                                                                                                      },
    {"a socket",                     "/run/pg", "0", "",     0,    CHECK_OK,      "not needed",            NULL                },
};

static void check_idle_case(void **state)
{
    const struct idle_case *c = *state;
    struct judge j;
    struct dial d = dial_of(c->host, "");
    (void)snprintf(d.keepalives, sizeof d.keepalives, "%s", c->keepalives);
    (void)snprintf(d.keepalives_idle, sizeof d.keepalives_idle, "%s", c->idle);
    judge_open(&j, &d);
    judge_keepalive(&j.s, c->server_idle_s);
    judge_close(&j, c->want, c->says, c->fixes);
}

struct room_case {
    const char *name;
    int64_t server, role, database;
    enum check_level want;
    const char *says, *fixes;
};

/* A load with --jobs 4 takes five. */
static struct room_case room_cases[] = {
    {"just enough",          5,  ROOM_UNLIMITED, ROOM_UNLIMITED, CHECK_OK,      "5 connections are free", NULL                             },
    {"one too few",          4,  ROOM_UNLIMITED, ROOM_UNLIMITED, CHECK_BLOCKER, "4 connections are free",
     "--jobs 3, or a larger max_connections"                                                                                               },
    {"the role's limit",     90, 3,              4,              CHECK_BLOCKER, "3 connections are free",
     "--jobs 2, or ALTER ROLE \"loader\" CONNECTION LIMIT"                                                                                 },
    {"the database's limit", 90, 80,             2,              CHECK_BLOCKER, "2 connections are free",
     "--jobs 1, or ALTER DATABASE \"shop\" CONNECTION LIMIT"                                                                               },
    {"no stream would fit",  1,  ROOM_UNLIMITED, ROOM_UNLIMITED, CHECK_BLOCKER,
     "1 connection is free",                                                                              "end other sessions, or a larger"},
    {"less than none",       -3, ROOM_UNLIMITED, ROOM_UNLIMITED, CHECK_BLOCKER, "0 connections are free",
     "end other sessions"                                                                                                                  },
};

static void check_room_case(void **state)
{
    const struct room_case *c = *state;
    struct judge j;
    struct dial d = dial_of("db1", "");
    struct room room = {.server = c->server, .role = c->role, .database = c->database};
    judge_open(&j, &d);
    judge_room(&j.s, &room, 5);
    judge_close(&j, c->want, c->says, c->fixes);
}

struct local_case {
    const char *name;
    const char *host, *hostaddr;
    bool want;
};

static struct local_case local_cases[] = {
    {"nothing: the socket",        "",                "",          true },
    {"a directory",                "/tmp",            "",          true },
    {"an abstract socket",         "@x",              "",          true },
    {"loopback",                   "127.0.0.2",       "",          true },
    {"loopback of IPv6",           "::1",             "",          true },
    {"a name that begins so",      "localhost.x.org", "",          false},
    {"several, all here",          "localhost,/tmp",  "",          true },
    {"several, one elsewhere",     "localhost,db2",   "",          false},
    {"an address of this machine", "db1",             "127.0.0.1", true },
};

static void check_local_case(void **state)
{
    const struct local_case *c = *state;
    struct dial d = dial_of(c->host, c->hostaddr);
    assert_int_equal(dial_is_local(&d), c->want);
}

#define ADD_ALL(cases, func)                                                             \
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {                                      \
        tests[count++] = (struct CMUnitTest){                                            \
            .name = (cases)[i].name, .test_func = (func), .initial_state = &(cases)[i]}; \
    }

int main(void)
{
    struct CMUnitTest tests[64];
    size_t count = 0;

    ADD_ALL(split_cases, check_split_case);
    ADD_ALL(tls_cases, check_tls_case);
    ADD_ALL(clock_cases, check_clock_case);
    ADD_ALL(idle_cases, check_idle_case);
    ADD_ALL(room_cases, check_room_case);
    ADD_ALL(local_cases, check_local_case);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(keeps_what_is_added);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(the_first_blocker_decides);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(counts_what_it_leaves_out);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(an_error_brings_its_kind_and_its_fix);
    return _cmocka_run_group_tests("preflight", tests, count, NULL, NULL);
}
