#include "base/str.h"
#include "flow/stop.h"
#include "job/load.h"
#include "job/preflight.h"

#include <stdlib.h>
#include <string.h>

/* Texts of load_plan.c and load_job.c that are no trouble, that the server's own part of the list
 * tells, or that tell what was not done. */
#define ABOUT_VACUUM  "until the job ends, its snapshot holds back VACUUM"
#define ABOUT_LEDGER  "\" is in the ledger, "
#define ABOUT_STANDBY "the source is a standby: "
#define ABOUT_MISSING " not on the destination, and would be created"

static void ignore_progress(void *self, const struct load_progress *p)
{
    (void)self;
    (void)p;
}

static void ignore_note(void *self, const char *text)
{
    (void)self;
    (void)text;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void add_finding(struct check_list *list, const struct finding *f)
{
    bool blocks = f->level == FINDING_BLOCKER;
    struct check_note note = {.side = CHECK_TABLES,
                              .level = blocks ? CHECK_BLOCKER : CHECK_WARNING,
                              .kind = f->kind,
                              .id = "tables",
                              .fix = blocks ? "mend it there, or leave the table out with "
                                              "--exclude-table"
                                            : NULL};
    if (begins(f->text, ABOUT_STANDBY)) {
        return;
    }
    if (begins(f->text, ABOUT_VACUUM)) {
        note = (struct check_note){.side = CHECK_TABLES, .level = CHECK_OK, .id = "snapshot"};
        check_add(list, &note, "%s", f->text);
        return;
    }
    const char *fix = NULL;
    size_t len = check_split(f->text, &fix);
    note.fix = fix == NULL ? note.fix : fix;
    check_add(list, &note, "%.*s", (int)len, f->text);
}

static void add_left_out(struct check_list *list, const struct findings *f)
{
    struct check_note note = {.side = CHECK_TABLES,
                              .level = f->blockers > 0 ? CHECK_BLOCKER : CHECK_WARNING,
                              .kind = findings_kind(f),
                              .id = "tables",
                              .fix = "mend those above, then run again"};
    if (f->left_out > 0) {
        check_add(list, &note, "and %zu more of such findings", f->left_out);
    }
}

/* A plan that the ledger has already is shown as it is, without a look at the tables. */
static bool is_planned_before(const struct load_result *r)
{
    bool found = false;
    for (size_t i = 0; i < r->findings.count; i++) {
        found = found || strstr(r->findings.items[i].text, ABOUT_LEDGER) != NULL;
    }
    return found;
}

/* How many of the tables --create-tables would make. Their finding begins with the number. */
static size_t missing_tables(const struct load_result *r)
{
    size_t missing = 0;
    for (size_t i = 0; i < r->findings.count; i++) {
        const char *text = r->findings.items[i].text;
        if (strstr(text, ABOUT_MISSING) != NULL) {
            missing = (size_t)strtoull(text, NULL, 10);
        }
    }
    return missing;
}

static const char *summary_of(const struct load_result *r)
{
    size_t missing = missing_tables(r);
    return is_planned_before(r) ? "as the ledger has them planned"
           : missing == 0       ? "readable, and present with the same columns on the destination"
           : missing < r->plan.table_count
               ? "readable, and those on the destination have the same columns"
               : "readable, and to be created on the destination";
}

static void add_summary(struct check_list *list, const struct load_result *r)
{
    char bytes[STR_HUMAN_MAX];
    char count[STR_HUMAN_MAX];
    struct check_note note = {.side = CHECK_TABLES, .level = CHECK_OK, .id = "tables"};
    check_add(list, &note, "%s table%s, %s: %s", human_count(r->plan.table_count, count),
              r->plan.table_count == 1 ? "" : "s", human_bytes(r->plan.bytes, bytes),
              summary_of(r));
}

void preflight_tables(const struct preflight *p)
{
    struct spec mine = *p->spec; /* borrows what it owns */
    struct load_observer observer = {.progress = ignore_progress, .note = ignore_note};
    struct load_result r;
    mine.dry_run = true;
    mine.jobs = 1; /* free connections are looked at elsewhere */
    mine.retry_budget_ms = 0;
    load_run(&mine, &observer, &r);
    if (stop_level() == STOP_RUN) {
        if (r.error.kind == ERR_NONE) {
            add_summary(p->list, &r);
        } else if (r.findings.blockers == 0) {
            struct check_note note = {.side = CHECK_TABLES,
                                      .level = CHECK_BLOCKER,
                                      .id = "tables",
                                      .fix = "mend that, then run again"};
            check_add_err(p->list, &note, &r.error);
        }
        for (size_t i = 0; i < r.findings.count; i++) {
            add_finding(p->list, &r.findings.items[i]);
        }
        add_left_out(p->list, &r.findings);
    }
    load_result_free(&r);
}
