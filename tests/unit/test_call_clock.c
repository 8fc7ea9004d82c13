/* call: a clock that is wrong is corrected by what AWS says, once a call. */
#include "usual_call.h"

#define SIGNATURE_EXPIRED                                                                          \
    "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: 20150830T123600Z " \
    "is now earlier than 20150830T133100Z\"}"
#define AN_HOUR_ON   "Date: Sun, 30 Aug 2015 13:36:00 GMT\nx-amzn-requestid: " REQUEST_ID
#define AN_HOUR_BACK "Date: Sun, 30 Aug 2015 11:36:00 GMT\nx-amzn-requestid: " REQUEST_ID
#define ON_TIME      "Date: Sun, 30 Aug 2015 12:36:10 GMT\nx-amzn-requestid: " REQUEST_ID

#define TOO_SKEWED "{\"__type\":\"RequestTimeTooSkewed\"}"
#define TOO_LATE   "{\"__type\":\"RequestExpired\"}"
#define NO_MATCH   "{\"__type\":\"InvalidSignatureException\"}"
#define NOT_YET_CURRENT \
    "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"Signature not yet current: x\"}"

struct clock_case {
    const char *label;
    const char *headers;
    const char *body;
    const char *second_date; /* NULL: there is no second request */
};

static struct clock_case clock_cases[] = {
    {"expired, by its text",       ON_TIME,      SIGNATURE_EXPIRED, "X-Amz-Date: 20150830T123610Z"},
    {"we are behind",              AN_HOUR_ON,   SIGNATURE_EXPIRED, "X-Amz-Date: 20150830T133600Z"},
    {"we are ahead",               AN_HOUR_BACK, NOT_YET_CURRENT,   "X-Amz-Date: 20150830T113600Z"},
    {"RequestTimeTooSkewed",       AN_HOUR_ON,   TOO_SKEWED,        "X-Amz-Date: 20150830T133600Z"},
    {"RequestExpired",             AN_HOUR_ON,   TOO_LATE,          "X-Amz-Date: 20150830T133600Z"},
    {"by the date alone",          AN_HOUR_ON,   NO_MATCH,          "X-Amz-Date: 20150830T133600Z"},
    {"a wrong key is a wrong key", ON_TIME,      NO_MATCH,          NULL                          },
    {"without a date",             "X: y",       TOO_SKEWED,        NULL                          },
    {"with a date that is none",   "Date: now",  TOO_SKEWED,        NULL                          },
};

static void the_clock_is_set_right_once(void **state)
{
    const struct clock_case *c = *state;
    struct call_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_MAX_ATTEMPTS", "1");
    world_open(&w);
    fake_platform_expect(
        w.fake, &(struct fake_reply){.status = 403, .headers = c->headers, .body = c->body});
    if (c->second_date == NULL) {
        const char *says = strstr(c->body, "Signature") != NULL ? "check the access key" : "clock";
        assert_failed(&w, send_usual(&w), ERR_AUTH, says);
        assert_int_equal(aws_session_skew_s(&w.session), 0);
        world_end(&w);
        return;
    }
    fake_platform_expect(w.fake, &(struct fake_reply){.header = c->second_date, .body = "{}"});
    assert_fine(&w, send_usual(&w));
    assert_int_equal(fake_platform_waits(w.fake), 0);

    /* The next call knows it already. */
    fake_platform_expect(w.fake, &(struct fake_reply){.header = c->second_date, .body = "{}"});
    assert_fine(&w, send_usual(&w));
    world_end(&w);
}

static void a_clock_that_stays_wrong_is_told(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    for (int i = 0; i < 2; i++) {
        fake_platform_expect(
            w.fake,
            &(struct fake_reply){.status = 403, .headers = AN_HOUR_ON, .body = SIGNATURE_EXPIRED});
    }
    assert_failed(&w, send_usual(&w), ERR_AUTH, "clock, which is 3600 s behind AWS's");
    world_end(&w);
}

/* Stands before the fake one, and sets the clock right while a request is under way. */
static struct call_world *corrected;

static bool send_while_corrected(void *arg, const struct http_request *request,
                                 struct http_reply *reply, struct err *err)
{
    (void)arg;
    const struct aws_platform *fake = fake_platform_of(corrected->fake);
    bool ok = fake->send(fake->arg, request, reply, err);
    atomic_store(&corrected->session.skew_ms, INT64_C(3600000));
    return ok;
}

/* What was signed with the old time is still refused because of it. */
static void a_clock_may_be_set_by_another_thread(void **state)
{
    struct call_world w;
    (void)state;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_MAX_ATTEMPTS", "1");
    world_open(&w);
    struct aws_platform between = *fake_platform_of(w.fake);
    between.send = send_while_corrected;
    w.session.platform = &between;
    corrected = &w;
    fake_platform_expect(
        w.fake, &(struct fake_reply){.status = 403, .headers = AN_HOUR_ON, .body = NO_MATCH});
    fake_platform_expect(
        w.fake, &(struct fake_reply){.header = "X-Amz-Date: 20150830T133600Z", .body = "{}"});
    assert_fine(&w, send_usual(&w));
    world_end(&w);
}

int main(void)
{
    struct CMUnitTest tests[16] = {
        cmocka_unit_test(a_clock_that_stays_wrong_is_told),
        cmocka_unit_test(a_clock_may_be_set_by_another_thread),
    };
    size_t count = 2;

    for (size_t i = 0; i < ARRAY_LEN(clock_cases); i++) {
        tests[count++] = (struct CMUnitTest){clock_cases[i].label, the_clock_is_set_right_once,
                                             NULL, NULL, &clock_cases[i]};
    }
    return _cmocka_run_group_tests("call clock", tests, count, NULL, NULL);
}
