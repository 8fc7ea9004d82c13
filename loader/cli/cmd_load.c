/* isatty and ioctl(TIOCGWINSZ). */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/frame.h"
#include "cli/load_live.h"
#include "cli/load_views.h"
#include "cli/print_sql.h"
#include "cli/schema_views.h"
#include "job/exit_status.h"
#include "job/load.h"
#include "job/load_whole.h"
#include "ui/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PLAIN_EVERY_NS (UINT64_C(5) * NS_PER_S)
#define JSON_EVERY_NS  (UINT64_C(1) * NS_PER_S)
#define WIDTH_DEFAULT  80u
/* A line an object: long, but of a bounded number of objects. */
#define REPORT_BYTES_MAX (1u << 30)

struct screen {
    enum progress_choice how; /* never PROGRESS_AUTO */
    bool color;
    uint64_t next_ns; /* when the next plain or JSON line is due */
    const struct spec *spec;
    struct live live;
    unsigned retries; /* that --verbose has told about */
};

static enum progress_choice choose(const struct spec *spec)
{
    if (spec->progress == PROGRESS_AUTO && spec->quiet) {
        return PROGRESS_NONE;
    }
    if (spec->progress == PROGRESS_AUTO) {
        return isatty(STDERR_FILENO) != 0 ? PROGRESS_TTY : PROGRESS_PLAIN;
    }
    return spec->progress;
}

static unsigned terminal_width(void)
{
    struct winsize size = {.ws_col = 0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : WIDTH_DEFAULT;
}

/* Is the next line due? Says so once an interval. */
static bool due(struct screen *s, uint64_t every_ns)
{
    uint64_t now_ns = clock_mono_ns();
    if (s->next_ns == 0) {
        s->next_ns = now_ns + every_ns;
        return false;
    }
    if (now_ns < s->next_ns) {
        return false;
    }
    s->next_ns = now_ns + every_ns;
    return true;
}

static void on_progress(void *self, const struct load_progress *p)
{
    struct screen *s = self;
    struct progress_view v;
    live_look(&s->live, s->spec, p, clock_mono_ns(), &v);
    if (p->board.retries != s->retries) {
        s->retries = p->board.retries;
        log_debug("trying again: %s", p->board.last_reason);
    }
    struct buf line;
    buf_init(&line, 8192);
    switch (s->how) {
    case PROGRESS_TTY:
        progress_tty(&v, terminal_width(), s->color, &line);
        log_status(buf_str(&line));
        break;
    case PROGRESS_PLAIN:
        if (due(s, PLAIN_EVERY_NS)) {
            progress_plain(&v, &line);
            log_plain(buf_str(&line));
        }
        break;
    case PROGRESS_JSON:
        if (due(s, JSON_EVERY_NS)) {
            progress_json(&v, &line);
            (void)puts(buf_str(&line));
            (void)fflush(stdout);
        }
        break;
    case PROGRESS_AUTO:
    case PROGRESS_NONE:
        break;
    }
    buf_free(&line);
}

static void on_detail(void *self, const char *text)
{
    (void)self;
    log_debug("%s", text);
}

static void on_rows_end(void *self)
{
    (void)self;
    log_status("");
}

/* The report is the last thing printed. */
static void print_text(bool made, struct buf *text)
{
    if (made) {
        (void)fputs(buf_str(text), stdout);
        (void)fputs(text->len > 0 && text->data[text->len - 1] != '\n' ? "\n" : "", stdout);
    } else {
        log_error("out of memory for the summary");
    }
    buf_free(text);
}

static void print_report(const struct spec *spec, const struct load_result *r, bool json)
{
    struct buf text;
    buf_init(&text, BUF_SQL_MAX);
    print_text(load_views_report(spec, r, json, &text), &text);
}

/* The schema may be a line an object, so the load's own summary comes last. */
static void print_whole(const struct spec *spec, const struct load_whole_result *r, bool json)
{
    struct schema_views views = {.objects = NULL};
    struct buf text;
    buf_init(&text, REPORT_BYTES_MAX);
    bool ok = schema_views_make(&r->schema, &views);
    views.view.within_load = true;
    if (ok && !json && views.view.planned) {
        schema_report_text(&views.view, &text);
        buf_puts(&text, "\n");
    }
    ok = ok && load_views_report_with(spec, &r->load, &views.view, json, &text);
    print_text(ok, &text);
    schema_views_free(&views);
}

static int run_whole(const struct spec *spec, const struct load_observer *observer, bool json,
                     bool *abandon)
{
    static const struct err none = {.kind = ERR_NONE};
    struct load_whole_result result;
    load_whole_run(spec, observer, &result);
    log_status("");
    frame_print_problems(&result.schema.findings, &none);
    frame_print_problems(&result.load.findings, &result.load.error);
    print_whole(spec, &result, json);
    int status = result.load.exit_status;
    *abandon = result.load.abandon_threads;
    if (!*abandon) {
        load_whole_result_free(&result);
    }
    return status;
}

static int run_load(const struct spec *spec, bool *abandon)
{
    struct load_result result;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread exists yet. */
    const char *no_color = getenv("NO_COLOR");
    struct screen screen = {
        .how = choose(spec), .color = no_color == NULL || no_color[0] == '\0', .spec = spec};
    struct load_observer observer = {
        .self = &screen,
        .progress = on_progress,
        .note = frame_note,
        .detail = on_detail,
        .rows_end = on_rows_end,
    };
    if (spec->with_schema) {
        return run_whole(spec, &observer, screen.how == PROGRESS_JSON, abandon);
    }
    load_run(spec, &observer, &result);
    log_status("");
    frame_print_problems(&result.findings, &result.error);
    print_report(spec, &result, screen.how == PROGRESS_JSON);
    int status = result.exit_status;
    *abandon = result.abandon_threads;
    if (!*abandon) {
        load_result_free(&result);
    }
    return status;
}

static int print_roles(const struct spec *spec)
{
    struct buf sql;
    struct err err;
    buf_init(&sql, BUF_SQL_MAX);
    print_sql(spec, &sql);
    bool ok = buf_ok(&sql, &err) && fputs(buf_str(&sql), stdout) >= 0;
    buf_free(&sql);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static int run(const struct spec *spec, bool *abandon)
{
    return spec->print_sql ? print_roles(spec) : run_load(spec, abandon);
}

int command_load(int argc, char **argv, bool *abandon)
{
    return command_with_spec(FOR_LOAD, argc, argv, run, abandon);
}
