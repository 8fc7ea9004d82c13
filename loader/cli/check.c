/* isatty. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "cli/check.h"

#include "base/buf.h"
#include "base/log.h"
#include "cli/aws_check.h"
#include "cli/frame.h"
#include "flow/stop.h"
#include "job/exit_status.h"
#include "job/preflight.h"
#include "ui/check_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- looking ---- */

static void add_unseen(struct check_list *list)
{
    struct check_note note = {.side = CHECK_TABLES,
                              .level = CHECK_WARNING,
                              .id = "tables",
                              .fix = "mend what is said above, then run again"};
    check_add(list, &note, "not looked at: both servers have to be fit for a load first");
}

static void name_sides(struct check_list *list)
{
    static const char *const titles[] = {"AWS", "Source", "Destination", "Tables"};
    for (size_t i = 0; i < CHECK_SIDES; i++) {
        (void)snprintf(list->titles[i], CHECK_TITLE_MAX, "%s", titles[i]);
    }
}

static void look_at_all(struct preflight *p)
{
    bool fit = true;
    aws_check(p);
    for (int i = 0; i < AUTH_SIDES && stop_level() == STOP_RUN; i++) {
        fit = preflight_server(p, (enum auth_side)i) && fit;
    }
    if (stop_level() == STOP_RUN && fit) {
        preflight_tables(p);
    } else {
        add_unseen(p->list);
    }
}

static void look(const struct spec *spec, struct check_list *list)
{
    struct preflight p = {.spec = spec, .wake_fd = stop_drain_fd(), .list = list};
    struct err err;
    name_sides(list);
    if (auth_open_bare(spec, p.wake_fd, &p.auth, &err)) {
        look_at_all(&p);
    } else {
        struct check_note note = {.side = CHECK_AWS,
                                  .level = CHECK_BLOCKER,
                                  .id = "settings",
                                  .fix = "correct the variable or the profile"};
        check_add_err(list, &note, &err);
        add_unseen(list);
    }
    auth_close(p.auth);
}

/* ---- telling ---- */

static struct check_line_view view_of(const struct check *c)
{
    static const enum check_mark marks[] = {[CHECK_OK] = CHECK_MARK_OK,
                                            [CHECK_WARNING] = CHECK_MARK_WARNING,
                                            [CHECK_BLOCKER] = CHECK_MARK_BLOCKER};
    return (struct check_line_view){
        .side = c->side, .mark = marks[c->level], .check = c->id, .text = c->text, .fix = c->fix};
}

static bool make_report(const struct check_list *list, bool json, bool color, struct buf *out)
{
    static const char *const names[] = {"aws", "source", "destination", "tables"};
    struct check_side_view sides[CHECK_SIDES];
    struct check_line_view *lines = calloc(list->count + 1, sizeof *lines);
    if (lines == NULL) {
        return false;
    }
    for (size_t i = 0; i < CHECK_SIDES; i++) {
        sides[i] = (struct check_side_view){.name = names[i], .title = list->titles[i]};
    }
    for (size_t i = 0; i < list->count; i++) {
        lines[i] = view_of(&list->items[i]);
    }
    struct check_view v = {.sides = sides,
                           .side_count = CHECK_SIDES,
                           .lines = lines,
                           .line_count = list->count,
                           .left_out = list->left_out,
                           .warnings = list->warnings,
                           .blockers = list->blockers};
    if (json) {
        check_report_json(&v, out);
    } else {
        check_report_text(&v, color, out);
    }
    free(lines);
    return !out->failed;
}

static bool print_report(const struct check_list *list, bool json)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread exists. */
    const char *no_color = getenv("NO_COLOR");
    bool color = (no_color == NULL || no_color[0] == '\0') && isatty(STDOUT_FILENO) != 0;
    struct buf out;
    buf_init(&out, BUF_SQL_MAX);
    bool made = make_report(list, json, color, &out);
    if (!made) {
        log_error("out of memory for the report");
    }
    bool ok = made && fputs(buf_str(&out), stdout) >= 0;
    buf_free(&out);
    return ok;
}

static int run(const struct spec *spec, bool *abandon)
{
    struct check_list list = {.count = 0};
    (void)abandon;
    look(spec, &list);
    int status = exit_status_of(list.first_blocker);
    if (stop_level() != STOP_RUN) {
        log_error("stopped by a signal");
        status = EXIT_STOPPED;
    } else if (!print_report(&list, spec->json || spec->progress == PROGRESS_JSON)) {
        status = EXIT_FAILED;
    }
    check_list_free(&list);
    return status;
}

int command_check(int argc, char **argv)
{
    bool abandon = false;
    return command_with_spec(FOR_CHECK, argc, argv, run, &abandon);
}
