/*
 * preflight.h: what a load needs of the two servers, looked at before it starts. Nothing is changed
 * on either side: every transaction is read only.
 *
 * A check_list is plain data with one owner; each finding is kept, also when all is well. Not
 * thread-safe. What preflight_... cannot find out it says in the list, so nothing here fails; when
 * the run is to stop (stop_level), the list is incomplete.
 */
#ifndef JOB_PREFLIGHT_H
#define JOB_PREFLIGHT_H

#include "base/err.h"
#include "job/auth.h"
#include "job/spec.h"

#include <stddef.h>

#define CHECK_MAX       2000 /* FINDINGS_MAX and a few dozen; the rest is counted */
#define CHECK_TITLE_MAX 400

enum check_side { CHECK_AWS, CHECK_SOURCE, CHECK_DESTINATION, CHECK_TABLES, CHECK_SIDES };
enum check_level { CHECK_OK, CHECK_WARNING, CHECK_BLOCKER };

struct check {
    enum check_side side;
    enum check_level level;
    enum err_kind kind; /* of a blocker: what the load would end with */
    const char *id;     /* "tls", "source-secret"; static */
    char *text;
    char *fix; /* NULL: there is nothing to mend */
};

struct check_list {
    struct check *items;
    size_t count;
    size_t left_out; /* past CHECK_MAX or without memory */
    size_t warnings; /* those left out included, like blockers */
    size_t blockers;
    enum err_kind first_blocker;               /* its kind; ERR_NONE without one */
    char titles[CHECK_SIDES][CHECK_TITLE_MAX]; /* "Source db1:5432/shop"; "" while unknown */
};

/* What one finding is about, and what to do. */
struct check_note {
    enum check_side side;
    enum check_level level;
    enum err_kind kind;
    const char *id;
    const char *fix; /* borrowed; NULL for none */
};

void check_list_free(struct check_list *l); /* zeroed is allowed */
void check_add(struct check_list *l, const struct check_note *note, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* An error as a finding, of the error's kind. What its message says to do becomes the fix;
 * note->fix is for a message that does not. */
void check_add_err(struct check_list *l, const struct check_note *note, const struct err *err);

/* Where the sentence of a message ends that says what is wrong, and where the one begins that says
 * what to do (NULL: there is none). Pure. */
size_t check_split(const char *msg, const char **fix);

/* ---- the servers ---- */

struct preflight {
    const struct spec *spec;
    struct auth *auth; /* of auth_open_bare; stays open until after preflight_tables */
    int wake_fd;
    struct check_list *list;
    bool aws_refused[AUTH_SIDES]; /* the side's credentials cannot be had, and the list says why */
};

/* One side from the login to its keepalives. False when a load could not even begin with it. */
bool preflight_server(const struct preflight *p, enum auth_side side) MUST_CHECK;

/* Every table, by a dry run of the load itself. Both sides must have been fit. */
void preflight_tables(const struct preflight *p);

#endif
