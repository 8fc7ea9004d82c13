/* schema_run_weigh: what is tried first, and how much memory it gets. */
#include "unit.h"

#include "job/schema_run_internal.h"

#define MB            (UINT64_C(1) << 20)
#define GB            (UINT64_C(1) << 30)
#define CLASS         1259u
#define CONSTRAINT    2606u
#define AS_SESSION    UINT64_C(0)
#define SESSION       (256 * MB)
#define PROCESS_LEAST (32 * MB)

/* ---- the order ---- */

static struct dump_entry small = {.class_oid = CLASS, .oid = 10};
static struct dump_entry large = {.class_oid = CLASS, .oid = 11};
static struct dump_entry gin = {.class_oid = CLASS, .oid = 13};
static struct dump_entry key = {.class_oid = CONSTRAINT, .oid = 10}; /* an oid of another catalog */
static struct dump_entry unknown_key = {.class_oid = CONSTRAINT, .oid = 12};
static struct dump_entry foreign_key = {.class_oid = CONSTRAINT, .oid = 14};

static const struct schema_item items[] = {
    {.entry = &small,       .work = WORK_INDEX      },
    {.entry = &large,       .work = WORK_INDEX      },
    {.entry = &key,         .work = WORK_KEY        },
    {.entry = &unknown_key, .work = WORK_KEY        },
    {.entry = &gin,         .work = WORK_INDEX      },
    {.entry = &foreign_key, .work = WORK_FOREIGN_KEY},
    {.entry = NULL,         .work = WORK_ANALYZE    }, /* ours: it has no entry */
    {.entry = NULL,         .work = WORK_ANALYZE    },
};

static struct weight known[] = {
    {.class_oid = CONSTRAINT, .oid = 14, .bytes = 700 * MB, .is_btree = false},
    {.class_oid = CLASS,      .oid = 13, .bytes = 20 * MB,  .is_btree = false},
    {.class_oid = CONSTRAINT, .oid = 10, .bytes = 9 * MB,   .is_btree = true },
    {.class_oid = CLASS,      .oid = 11, .bytes = 50 * MB,  .is_btree = true },
    {.class_oid = CLASS,      .oid = 10, .bytes = 5 * MB,   .is_btree = true },
    {.class_oid = 0,          .oid = 1,  .bytes = 1 * GB,   .is_btree = true },
};

static void test_order(void **state)
{
    static const size_t wanted[] = {2, 3, 5, 1, 4, 0, 6, 7};
    static const bool btree[] = {true, false, false, true, false, true, false, false};
    struct due due[ARRAY_LEN(items)];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        due[i] = (struct due){.item = &items[i]};
    }
    weigh_order(known, ARRAY_LEN(known), due, ARRAY_LEN(due));
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        assert_ptr_equal(due[i].item, &items[wanted[i]]);
        assert_int_equal(due[i].is_btree, btree[i]);
        assert_false(due[i].begun);
    }
    assert_int_equal(due[0].bytes, 9 * MB);
    assert_int_equal(due[1].bytes, 0);
    assert_int_equal(due[5].bytes, 5 * MB);
    assert_int_equal(due[6].bytes, 0);
}

/* Without sizes keys go first all the same, and else the plan's order stands. */
static void test_order_of_unknown(void **state)
{
    static const size_t wanted[] = {2, 3, 0, 1, 4, 5, 6, 7};
    struct weight none[1] = {{.oid = 0}};
    struct due due[ARRAY_LEN(items)];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        due[i] = (struct due){.item = &items[ARRAY_LEN(items) - 1 - i]};
    }
    weigh_order(none, 0, due, ARRAY_LEN(due));
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        assert_ptr_equal(due[i].item, &items[wanted[i]]);
        assert_int_equal(due[i].bytes, 0);
    }
    weigh_order(none, 0, due, 0);
}

/* ---- memory ---- */

static uint64_t memory(const struct spec *spec, bool group, enum schema_work work, bool btree,
                       uint64_t bytes, size_t beside)
{
    struct limitless_group g = {.is_limitless = group};
    struct schema_context cx = {.spec = spec, .group = &g};
    struct schema_item item = {.work = work};
    struct due due = {.item = &item, .bytes = bytes, .is_btree = btree};
    return weigh_memory(&cx, &due, beside);
}

static void test_memory_by_size(void **state)
{
    static const struct {
        uint64_t bytes;
        uint64_t wanted;
    } rows[] = {
        {0,           AS_SESSION},
        {1,           8 * MB    },
        {64 * MB,     8 * MB    },
        {64 * MB + 1, 16 * MB   },
        {256 * MB,    16 * MB   },
        {1 * GB,      32 * MB   },
        {4 * GB,      64 * MB   },
        {16 * GB,     128 * MB  },
        {16 * GB + 1, AS_SESSION},
        {UINT64_MAX,  AS_SESSION},
    };
    struct spec spec = {.jobs = 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(memory(&spec, false, WORK_INDEX, true, rows[i].bytes, 1), rows[i].wanted);
        assert_int_equal(memory(&spec, false, WORK_KEY, true, rows[i].bytes, 1), rows[i].wanted);
    }
}

/* What else there is: not ours to choose. */
static void test_memory_of_others(void **state)
{
    struct spec spec = {.jobs = 1};
    (void)state;
    assert_int_equal(memory(&spec, false, WORK_INDEX, false, 20 * MB, 1), AS_SESSION);
    assert_int_equal(memory(&spec, false, WORK_FOREIGN_KEY, true, 20 * MB, 1), AS_SESSION);
    assert_int_equal(memory(&spec, false, WORK_ANALYZE, true, 20 * MB, 1), AS_SESSION);
    assert_int_equal(memory(&spec, true, WORK_INDEX, true, 20 * MB, 1), AS_SESSION);
    spec.schema.memory_bytes = 64 * MB;
    assert_int_equal(memory(&spec, false, WORK_INDEX, true, 20 * MB, 1), AS_SESSION);
}

/* The server starts another process only where each has 32 MB. */
static void test_memory_for_processes(void **state)
{
    static const struct {
        unsigned jobs;
        size_t beside;
        bool given;
        unsigned workers;
        uint64_t wanted;
    } rows[] = {
  /* clang-format off */
        {.jobs = 4, .beside = 4, .wanted = 8 * MB},
        {.jobs = 4, .beside = 5, .wanted = 8 * MB},
        {.jobs = 4, .beside = 2, .wanted = 64 * MB},
        {.jobs = 4, .beside = 1, .wanted = 128 * MB},
        {.jobs = 4, .beside = 0, .wanted = 128 * MB},
        {.jobs = 8, .beside = 1, .wanted = 256 * MB},
        {.jobs = 9, .beside = 1, .wanted = AS_SESSION},
        {.jobs = 0, .beside = 1, .wanted = 8 * MB},
        {.jobs = 4, .beside = 1, .given = true, .workers = 0, .wanted = 8 * MB},
        {.jobs = 4, .beside = 4, .given = true, .workers = 1, .wanted = 64 * MB},
        {.jobs = 4, .beside = 4, .given = true, .workers = 7, .wanted = 256 * MB},
        {.jobs = 4, .beside = 4, .given = true, .workers = 8, .wanted = AS_SESSION},
        {.jobs = 4, .beside = 4, .given = true, .workers = UINT32_MAX, .wanted = AS_SESSION},
  /* clang-format on */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spec spec = {.jobs = rows[i].jobs};
        spec.schema.workers_given = rows[i].given;
        spec.schema.workers = rows[i].workers;
        assert_int_equal(memory(&spec, false, WORK_INDEX, true, 20 * MB, rows[i].beside),
                         rows[i].wanted);
    }
}

/* However many lanes there are: none gets more than the session's, and small ones together no more
 * than a process's least for each of --jobs. */
static void test_memory_is_bounded(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 80; jobs++) {
        struct spec spec = {.jobs = jobs};
        for (size_t beside = 1; beside <= jobs; beside++) {
            uint64_t little = memory(&spec, false, WORK_INDEX, true, 20 * MB, beside);
            uint64_t much = memory(&spec, false, WORK_INDEX, true, 10 * GB, beside);
            assert_true(little <= SESSION && much <= SESSION);
            assert_true(little * beside <= jobs * PROCESS_LEAST);
            assert_true(little > 0 || jobs / beside > SESSION / PROCESS_LEAST);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_order_of_unknown),
        cmocka_unit_test(test_memory_by_size),
        cmocka_unit_test(test_memory_of_others),
        cmocka_unit_test(test_memory_for_processes),
        cmocka_unit_test(test_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
