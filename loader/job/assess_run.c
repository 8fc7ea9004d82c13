#include "job/assess_run.h"

#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/auth.h"
#include "job/exit_status.h"
#include "job/plan_build.h"
#include "pg/session.h"

#include <stdio.h>
#include <string.h>

/* A lock that somebody's DDL stands in front of is not waited for for long: the sizes of a table
 * ask for one. */
#define LOCK_TIMEOUT "SET lock_timeout = '5s'"

struct run {
    const struct spec *spec;
    const struct assess_observer *observer;
    struct assess_result *result;
    struct auth *auth;
    struct pg *pg;
};

static bool connect_source(struct run *r, struct err *err)
{
    char encoding[SESSION_ENCODING_MAX];
    if (!auth_open(r->spec, stop_drain_fd(), &r->auth, err)) {
        return false;
    }
    struct pg_target target = {.side = "source", .auth = auth_of(r->auth, AUTH_SOURCE)};
    if (!session_open(&target, "sluice/assess", stop_drain_fd(), &r->pg, err)) {
        return false;
    }
    (void)snprintf(r->result->source, sizeof r->result->source, "%s", pg_where(r->pg));
    /* What is told is text for people and for files: UTF8 whatever the database has. */
    return session_encoding(r->pg, NULL, encoding, err) &&
           session_pin(r->pg, strcmp(encoding, "SQL_ASCII") == 0 ? encoding : "UTF8", err) &&
           pg_exec(r->pg, LOCK_TIMEOUT, err);
}

static bool look(struct run *r, struct err *err)
{
    CLEANUP(relation_list_free) struct relation_list list = {0};
    if (!session_free_slots(r->pg, &r->result->free_connections, err) ||
        !pg_exec(r->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) ||
        !plan_select(r->pg, r->spec, &r->result->findings, &list, err)) {
        return false;
    }
    if (r->result->findings.blockers > 0) {
        return err_set(err, findings_kind(&r->result->findings), "nothing was assessed");
    }
    if (!survey_read(r->pg, &list, &r->result->survey, err)) {
        return false;
    }
    if (r->spec->assess.sample) {
        r->observer->note(r->observer->self, "reading samples of tables without statistics");
        if (!survey_sample(r->pg, &r->result->survey, err)) {
            return false;
        }
    }
    return pg_exec(r->pg, "COMMIT", err);
}

static bool run(struct run *r, struct err *err)
{
    struct assess_request request = {.rate_bytes_s = r->spec->assess.rate_bytes_s,
                                     .sampled = r->spec->assess.sample};
    return connect_source(r, err) && look(r, err) &&
           assess(&r->result->survey, &request, &r->result->proposal, err);
}

void assess_source(const struct spec *spec, const struct assess_observer *observer,
                   struct assess_result *out)
{
    struct err err = {.kind = ERR_NONE};
    struct run r = {.spec = spec, .observer = observer, .result = out};
    *out = (struct assess_result){.exit_status = EXIT_DONE};
    if (!run(&r, &err)) {
        if (err.kind == ERR_CANCELLED || stop_level() != STOP_RUN) {
            (void)err_set(&err, ERR_CANCELLED, "stopped by a signal");
        }
        out->error = err;
        out->exit_status = exit_status_of(err.kind);
    }
    if (r.pg != NULL && stop_level() != STOP_RUN) {
        pg_cancel(r.pg);
    }
    pg_close(r.pg);
    auth_close(r.auth);
}

void assess_result_free(struct assess_result *r)
{
    survey_free(&r->survey);
    assessment_free(&r->proposal);
    findings_free(&r->findings);
}
