#include "aws/session.h"

#define MS_PER_S 1000

bool aws_session_open(const struct aws_platform *platform, const char *profile, const char *region,
                      struct aws_session *out, struct err *err)
{
    struct aws_settings settings = {0};

    if (!aws_settings_read(platform, profile, region, &settings, err)) {
        return false;
    }
    out->platform = platform;
    out->settings = settings;
    atomic_init(&out->skew_ms, 0);
    return true;
}

void aws_session_close(struct aws_session *s)
{
    if (s == NULL) {
        return;
    }
    aws_settings_free(&s->settings);
    s->settings = (struct aws_settings){0};
}

static int64_t skew_ms(const struct aws_session *s)
{
    return atomic_load_explicit(&s->skew_ms, memory_order_relaxed);
}

/* Rounded towards the past, also before 1970: a moment that has not come is not now. */
static int64_t seconds(int64_t ms)
{
    return ms / MS_PER_S - (ms % MS_PER_S < 0 ? 1 : 0);
}

int64_t aws_session_now_s(const struct aws_session *s)
{
    return seconds(s->platform->wall_ms(s->platform->arg) + skew_ms(s));
}

int64_t aws_session_skew_s(const struct aws_session *s)
{
    return seconds(skew_ms(s) + MS_PER_S / 2);
}
