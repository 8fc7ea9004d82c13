/* pack_level: one step at a time, in the direction that what was waited for asks for. */
#include "unit.h"

#include "flow/pack_level.h"

static const struct row {
    struct pack_times times;
    int level;
    int want;
} rows[] = {
  /* readers wait, and packing is why */
    {{.packing = 0.9, .readers_waiting = 0.5},                   5,                   4                  },
    {{.packing = 0.9, .readers_waiting = 0.5},                   1,                   0                  },
    {{.packing = 1, .readers_waiting = 1},                       0,                   0                  },
    {{.packing = 0.5, .spilling = 0.4, .readers_waiting = 0.5},  5,                   4                  },
    {{.packing = 0.45, .spilling = 0.45, .readers_waiting = .5}, 5,                   4                  },
 /* readers wait, and the disk is why */
    {{.packing = 0.2, .spilling = 0.8, .readers_waiting = 0.5},  5,                   6                  },
    {{.spilling = 1, .readers_waiting = 1},                      PACK_LEVEL_AUTO_MAX, PACK_LEVEL_AUTO_MAX},
 /* readers wait, but not for the packers */
    {{.packing = 0.8, .readers_waiting = 0.9},                   5,                   5                  },
    {{.packing = 0.2, .readers_waiting = 0.9},                   5,                   6                  },
 /* packers wait for a processor, and so do others */
    {{.packing = 0.3, .processor_waiting = 0.3},                 5,                   4                  },
    {{.packing = 0.3, .processor_waiting = 0.3},                 0,                   0                  },
    {{.packing = 0.3, .processor_waiting = 0.1},                 5,                   5                  },
 /* the disk gets full */
    {{.packing = 0.9, .readers_waiting = 0.5, .disk_used = .6},  1,                   1                  },
    {{.spilling = 0.6, .disk_used = 0.6},                        0,                   1                  },
    {{.spilling = 0.6, .disk_used = 0.4},                        0,                   0                  },
    {{.packing = 0.3, .processor_waiting = 1, .disk_used = .6},  1,                   1                  },
 /* nobody waits */
    {{.packing = 1},                                             5,                   5                  },
    {{.packing = 1, .readers_waiting = 0.05},                    5,                   5                  },
    {{.packing = 0.6},                                           5,                   5                  },
    {{.packing = 0.3},                                           5,                   6                  },
    {{.spilling = 0.3},                                          0,                   1                  },
    {{.packing = 0.01},                                          5,                   5                  },
    {{.packing = 0},                                             0,                   0                  },
    {{.packing = 0.3},                                           PACK_LEVEL_AUTO_MAX, PACK_LEVEL_AUTO_MAX},
};

static void follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(pack_level_next(rows[i].level, &rows[i].times), rows[i].want);
    }
}

static void never_leaves_its_range(void **state)
{
    (void)state;
    for (int level = 0; level <= PACK_LEVEL_AUTO_MAX; level++) {
        for (unsigned i = 0; i < 1000; i++) {
            unsigned tens = i / 10 % 10;
            unsigned hundreds = i / 100;
            struct pack_times t = {.packing = (double)(i % 10) / 9,
                                   .spilling = (double)tens / 9,
                                   .readers_waiting = (double)hundreds / 9,
                                   .processor_waiting = (double)(i % 7) / 6,
                                   .disk_used = (double)(i % 3) / 2};
            int next = pack_level_next(level, &t);
            assert_true(next >= 0 && next <= PACK_LEVEL_AUTO_MAX);
            assert_true(next - level <= 1 && level - next <= 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_table),
        cmocka_unit_test(never_leaves_its_range),
    };

    return cmocka_run_group_tests_name("pack_level", tests, NULL, NULL);
}
