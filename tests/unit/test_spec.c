/* spec: the names of its values, that nothing stays of it, and what of it makes a job another. */
#include "unit.h"

#include "job/identity.h"
#include "job/spec.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    char *result = strdup(text);
    assert_non_null(result);
    return result;
}

static void values_have_the_names_of_the_command_line(void **state)
{
    assert_string_equal(load_mode_name(MODE_TRUNCATE), "truncate");
    assert_string_equal(format_choice_name(FORMAT_BINARY), "binary");
    assert_string_equal(chunk_by_name(CHUNK_BY_KEY), "key");
    assert_string_equal(triggers_choice_name(TRIGGERS_DISABLE), "disable");
    assert_string_equal(compression_choice_name(COMPRESSION_AUTO), "auto");
    assert_string_equal(compression_choice_name(COMPRESSION_OFF), "off");
    assert_string_equal(compression_choice_name(COMPRESSION_LEVEL), "level");
    (void)state;
}

/* All that says how rows flow and not which. */
static void change_flow(struct spec *spec)
{
    spec->jobs = 32;
    spec->jobs_max = 32;
    spec->jobs_auto = true;
    spec->memory_bytes = UINT64_C(1) << 30;
    spec->compression = COMPRESSION_LEVEL;
    spec->compression_level = 7;
    spec->spill_dir = copy("/spill");
    spec->spill_limit_bytes = UINT64_C(1) << 30;
    spec->release_early = true;
    spec->spill_key_file = copy("/key");
    spec->spill_kms_key = copy("alias/key");
    spec->max_rate_bytes_s = 1u << 20;
}

/* ASan says when something is not given back. */
static void free_leaves_nothing(void **state)
{
    struct spec spec = {0};

    change_flow(&spec);
    spec_free(&spec);
    assert_null(spec.spill_dir);
    assert_null(spec.spill_key_file);
    assert_null(spec.spill_kms_key);
    assert_false(spec.release_early);
    spec_free(&spec); /* twice does no harm */
    spec_free(NULL);
    (void)state;
}

static void the_flow_may_differ_between_runs_of_a_job(void **state)
{
    struct spec spec = {.jobs = 4, .chunk_bytes = 8u << 20};
    struct err err = {0};
    char before[JOB_NAME_MAX];
    char after[JOB_NAME_MAX];
    char *stored = identity_spec(&spec, false);

    assert_non_null(stored);
    identity_name(&spec, "7001", "shop", "shop_new", before);
    change_flow(&spec);
    identity_name(&spec, "7001", "shop", "shop_new", after);
    assert_string_equal(before, after);
    if (!identity_compare("j", stored, &spec, &err)) {
        fail_msg("%s", err.msg);
    }
    char *changed = identity_spec(&spec, false);
    assert_string_equal(changed, stored);
    spec.chunk_bytes = 64u << 20;
    assert_false(identity_compare("j", stored, &spec, &err));
    assert_non_null(strstr(err.msg, "chunk-size"));
    free(changed);
    free(stored);
    spec_free(&spec);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_the_names_of_the_command_line),
        cmocka_unit_test(free_leaves_nothing),
        cmocka_unit_test(the_flow_may_differ_between_runs_of_a_job),
    };

    return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
