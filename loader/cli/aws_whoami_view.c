#include "base/clock.h"
#include "base/str.h"
#include "cli/aws_whoami.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000

/* "2026-11-22T08:28:52Z": clock_iso without its milliseconds, of which AWS says none. */
static const char *moment(int64_t unix_s, char out[CLOCK_ISO_MAX])
{
    (void)clock_iso(unix_s * MS_PER_S, out);
    char *dot = strchr(out, '.');
    if (dot != NULL) {
        dot[0] = 'Z';
        dot[1] = '\0';
    }
    return out;
}

static void add_expiry(const struct whoami *w, struct buf *out)
{
    char when[CLOCK_ISO_MAX];
    char span[STR_HUMAN_MAX];
    int64_t left_s = w->expires_s - w->now_s;

    if (w->expires_s == 0) {
        buf_puts(out, "expires      never: long-term keys\n");
        return;
    }
    uint64_t span_ms = (uint64_t)(left_s < 0 ? -left_s : left_s) * MS_PER_S;
    buf_printf(out, "expires      %s (%s%s%s)\n", moment(w->expires_s, when),
               left_s < 0 ? "" : "in ", human_duration(span_ms, span), left_s < 0 ? " ago" : "");
}

static void add_clock(const struct whoami *w, struct buf *out)
{
    char span[STR_HUMAN_MAX];

    if (w->skew_s == 0) {
        buf_puts(out, "clock        agrees with AWS's, as far as was noticed\n");
        return;
    }
    uint64_t span_ms = (uint64_t)(w->skew_s < 0 ? -w->skew_s : w->skew_s) * MS_PER_S;
    buf_printf(out, "clock        this machine's is %s %s AWS's; signatures are corrected\n",
               human_duration(span_ms, span), w->skew_s > 0 ? "behind" : "ahead of");
}

void whoami_text(const struct whoami *w, struct buf *out)
{
    buf_printf(out, "arn          %s\n", w->arn);
    buf_printf(out, "account      %s\n", w->account);
    buf_printf(out, "user id      %s\n", w->user_id);
    buf_printf(out, "credentials  %s\n", w->credentials);
    add_expiry(w, out);
    buf_printf(out, "region       %s\n",
               w->region[0] == '\0' ? "not set (AWS_REGION, the profile or --region says it)"
                                    : w->region);
    buf_printf(out, "sts          %s\n", w->endpoint);
    add_clock(w, out);
}

bool whoami_json(const struct whoami *w, struct buf *out, struct err *err)
{
    char when[CLOCK_ISO_MAX];
    json_t *root = json_pack("{s:s, s:s, s:s, s:s}", "arn", w->arn, "account", w->account,
                             "user_id", w->user_id, "credentials", w->credentials);
    json_t *expires = w->expires_s == 0 ? json_null() : json_string(moment(w->expires_s, when));
    json_t *left =
        w->expires_s == 0 ? json_null() : json_integer((json_int_t)(w->expires_s - w->now_s));

    bool ok = json_object_set_new(root, "expires", expires) == 0;
    ok = json_object_set_new(root, "expires_in_s", left) == 0 && ok;
    ok = json_object_set_new(root, "region",
                             w->region[0] == '\0' ? json_null() : json_string(w->region)) == 0 &&
         ok;
    ok = json_object_set_new(root, "sts_endpoint", json_string(w->endpoint)) == 0 && ok;
    ok =
        json_object_set_new(root, "clock_behind_s", json_integer((json_int_t)w->skew_s)) == 0 && ok;
    char *text = ok ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (text == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the JSON");
    }
    buf_puts(out, text);
    buf_puts(out, "\n");
    free(text);
    return true;
}
