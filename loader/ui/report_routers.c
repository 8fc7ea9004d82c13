#include "base/str.h"
#include "ui/report_flow.h"
#include "ui/report_parts.h"

#include <stdio.h>

#define LINES_MAX_BYTES ((size_t)64 * 1024)

static void add_router(const struct router_line *r, struct buf *out)
{
    char number[STR_HUMAN_MAX];
    buf_printf(out, "%s: %u writer%s%s, load %.2f, ", r->host, r->writers,
               report_plural(r->writers),
               r->state[0] == 'u'   ? ""
               : r->state[0] == 'a' ? " (avoided)"
                                    : " (gone)",
               r->load);
    buf_printf(out, "%s connection%s", human_count(r->connects, number),
               report_plural(r->connects));
    if (r->failures > 0) {
        buf_printf(out, ", %u failure%s", r->failures, report_plural(r->failures));
    }
}

static void add_story(const struct router_line *r, struct buf *out)
{
    char number[STR_HUMAN_MAX];
    human_duration(r->down_ms, number);
    buf_printf(out, "router %s: stopped answering at %s, ", r->host, r->down_at);
    buf_printf(out, r->back ? "used again after %s" : "not used since (%s)", number);
}

void report_routers(const struct flow_view *f, struct buf *out)
{
    struct buf text;
    if (f->router_count == 0) {
        return;
    }
    buf_init(&text, LINES_MAX_BYTES);
    for (size_t i = 0; i < f->router_count; i++) {
        buf_puts(&text, i == 0 ? "" : "\n");
        add_router(&f->routers[i], &text);
    }
    for (size_t i = 0; i < f->router_count; i++) {
        if (f->routers[i].down_at[0] != '\0') {
            buf_puts(&text, "\n");
            add_story(&f->routers[i], &text);
        }
    }
    report_field(out, "routers", text.failed ? "out of memory" : buf_str(&text));
    buf_free(&text);
}
