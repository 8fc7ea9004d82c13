/* schema_report: counts, what is changed and left out, and what the parts came to; as JSON the
 * same, also within a load's summary. */
#include "unit.h"

#include "ui/report.h"
#include "ui/schema_report.h"

#include <jansson.h>
#include <string.h>

static const struct schema_object_view objects[] = {
    {.type = "TABLE",              .name = "public.a", .mark = SCHEMA_VIEW_CARRIED},
    {                 .type = "TABLE", .name = "public.b\nc",      .note = "how",                            .mark = SCHEMA_VIEW_CHANGED},
    { .type = "TRIGGER",
     .name = "public.a t",
     .note = "why",
     .mark = SCHEMA_VIEW_LEFT_OUT,
     .after = true},
    {                                                                 .type = "CHECK",
     .name = "public.a k",
     .mark = SCHEMA_VIEW_CARRIED,
     .after = true,
     .in_table = true},
};
static const struct schema_applied_view parts[] = {
    {.made = 3,     .there = 1 },
    {.after = true, .before = 7},
};
static const struct err none = {.kind = ERR_NONE};
static const struct err broken = {.kind = ERR_DATA, .msg = "it broke"};

static struct schema_view view_of(size_t part_count, const struct err *err)
{
    return (struct schema_view){.source = "s:1/x",
                                .destination = "d:2/y",
                                .planned = true,
                                .objects = objects,
                                .object_count = ARRAY_LEN(objects),
                                .entries = 3,
                                .parts = parts,
                                .part_count = part_count,
                                .error = err,
                                .exit_status = err->kind == ERR_NONE ? 0 : 5};
}

static char *text_of(const struct schema_view *v)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    schema_report_text(v, &out);
    char *text = buf_take(&out);
    assert_non_null(text);
    return text;
}

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (json == NULL) {
        fail_msg("%s: %s", error.text, text);
    }
    return json;
}

static json_t *report_of(const struct schema_view *v)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    schema_report_json(v, &out);
    json_t *json = json_of(buf_str(&out));
    buf_free(&out);
    return json;
}

static void expect(const char *text, const char *part, bool wanted)
{
    if ((strstr(text, part) != NULL) != wanted) {
        fail_msg("%s \"%s\" in\n%s", wanted ? "no" : "there is", part, text);
    }
}

static void text_tells_every_part(void **state)
{
    struct schema_view v = view_of(2, &none);
    char *text = text_of(&v);
    expect(text, "4 objects: 3 in pg_dump's table of contents and 1 checks within tables", true);
    expect(text, "TRIGGER public.a t: why", true);
    expect(text, "\nc: how", false); /* a name is one line */
    expect(text, "Before the rows: 3 steps made, 1 object there already", true);
    expect(text, "After the rows: nothing to do, all 7 steps were made by an earlier run", true);
    expect(text, "Not finished", false);
    free(text);
    v = view_of(0, &none);
    text = text_of(&v);
    expect(text, "the rows: ", false);
    free(text);
    (void)state;
}

static void text_of_a_failure(void **state)
{
    struct schema_view v = view_of(2, &broken);
    char *text = text_of(&v);
    expect(text, "After the rows: 0 steps made, 7 by an earlier run", true);
    expect(text, "Not finished: it broke; run the same command again to go on", true);
    free(text);
    v.within_load = true; /* the load's summary says it */
    text = text_of(&v);
    expect(text, "Not finished", false);
    free(text);
    (void)state;
}

static void json_has_the_parts(void **state)
{
    struct schema_view v = view_of(2, &none);
    json_t *j = report_of(&v);
    json_t *list = json_object_get(j, "parts");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "part")),
                        "before");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 1), "made_before")),
                     7);
    assert_true(json_equal(json_object_get(j, "applied"), json_array_get(list, 1)));
    assert_int_equal(json_integer_value(json_object_get(j, "checks_within_tables")), 1);
    assert_true(json_is_null(json_object_get(j, "error")));
    json_decref(j);
    v = view_of(0, &broken);
    j = report_of(&v);
    assert_int_equal(json_array_size(json_object_get(j, "parts")), 0);
    assert_true(json_is_null(json_object_get(j, "applied")));
    assert_string_equal(json_string_value(json_object_get(j, "error")), "it broke");
    json_decref(j);
    (void)state;
}

static json_t *summary_of(const struct schema_view *schema, bool plan)
{
    struct summary_view s = {
        .job = "j", .source = "s", .destination = "d", .error = &none, .schema = schema};
    struct plan_view p = {.job = "j",
                          .source = "s",
                          .destination = "d",
                          .mode = "error",
                          .triggers = "keep",
                          .schema = schema};
    struct buf out;
    buf_init(&out, 1u << 20);
    if (plan) {
        report_plan_json(&p, &out);
    } else {
        report_summary_json(&s, &out);
    }
    json_t *json = json_of(buf_str(&out));
    buf_free(&out);
    return json;
}

static void a_load_holds_the_same_object(void **state)
{
    struct schema_view v = view_of(2, &none);
    json_t *alone = report_of(&v);
    for (int plan = 0; plan < 2; plan++) {
        json_t *with = summary_of(&v, plan == 1);
        json_t *without = summary_of(NULL, plan == 1);
        assert_true(json_equal(json_object_get(with, "schema"), alone));
        assert_null(json_object_get(without, "schema"));
        json_decref(with);
        json_decref(without);
    }
    json_decref(alone);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_tells_every_part),
        cmocka_unit_test(text_of_a_failure),
        cmocka_unit_test(json_has_the_parts),
        cmocka_unit_test(a_load_holds_the_same_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
