/* memfd_create. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "ddl/dump_run.h"

#include "base/cleanup.h"
#include "ddl/child.h"
#include "pg/conninfo.h"
#include "pg/login.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VERSION_TEXT_MAX 4096u

void dump_texts_free(struct dump_texts *t)
{
    buf_free(&t->script);
    buf_free(&t->list);
    buf_free(&t->before);
}

/* ---- finding it ---- */

static bool is_program(const char *bindir, const char *name)
{
    char path[DUMP_PATH_MAX + 16];
    int len = snprintf(path, sizeof path, "%s/%s", bindir, name);
    return len > 0 && (size_t)len < sizeof path && access(path, X_OK) == 0;
}

/* "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" */
static bool read_version(const char *text, struct dump_tools *out)
{
    const char *at = strstr(text, ") ");
    char *end = NULL;
    if (strncmp(text, "pg_dump", 7) != 0 || at == NULL) {
        return false;
    }
    at += 2;
    long major = strtol(at, &end, 10);
    if (end == at || major < 9 || major > 1000) {
        return false;
    }
    out->major = (int)major;
    (void)snprintf(out->version, sizeof out->version, "%.*s", (int)strcspn(at, " \n"), at);
    return true;
}

/* Keeps this directory's if it is the newest yet; a directory without one is passed over. */
static bool try_bindir(const char *bindir, int wake_fd, struct dump_tools *best, struct err *err)
{
    char program[DUMP_PATH_MAX + 16];
    char said[CHILD_SAID_MAX];
    struct dump_tools found = {.major = 0};
    struct buf text;
    int status = 0;
    if (strlen(bindir) >= DUMP_PATH_MAX || bindir[0] != '/' || !is_program(bindir, "pg_dump") ||
        !is_program(bindir, "pg_restore")) {
        return true;
    }
    (void)snprintf(program, sizeof program, "%s/pg_dump", bindir);
    char *const argv[] = {program, (char[]){"--version"}, NULL};
    buf_init(&text, VERSION_TEXT_MAX);
    struct child c = {.argv = argv, .in_fd = -1, .out_fd = -1, .out = &text};
    struct err why = {.kind = ERR_NONE};
    bool ran = child_run(&c, wake_fd, &status, said, &why);
    if (ran && status == 0 && read_version(buf_str(&text), &found) && found.major > best->major) {
        (void)snprintf(found.bindir, sizeof found.bindir, "%s", bindir);
        *best = found;
    }
    buf_free(&text);
    if (!ran && why.kind == ERR_CANCELLED) {
        *err = why;
        return false;
    }
    return true;
}

/* PGDG's packages for other systems use one directory a version, as Debian's do. */
static bool try_versions(int wake_fd, struct dump_tools *best, struct err *err)
{
    static const char *const homes[] = {"/usr/lib/postgresql", "/usr/local/pgsql", "/usr"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof homes / sizeof homes[0]; i++) {
        DIR *dir = opendir(homes[i]);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own. */
        for (struct dirent *d; ok && dir != NULL && (d = readdir(dir)) != NULL;) {
            char bindir[DUMP_PATH_MAX];
            bool is_own = strcmp(homes[i], "/usr") != 0 || strncmp(d->d_name, "pgsql-", 6) == 0;
            int len = snprintf(bindir, sizeof bindir, "%s/%s/bin", homes[i], d->d_name);
            ok = !is_own || d->d_name[0] == '.' || len >= (int)sizeof bindir ||
                 try_bindir(bindir, wake_fd, best, err);
        }
        if (dir != NULL) {
            (void)closedir(dir);
        }
    }
    return ok;
}

static bool try_path(int wake_fd, struct dump_tools *best, struct err *err)
{
    bool ok = true;
    for (const char *at = child_path(); ok && *at != '\0';) {
        char bindir[DUMP_PATH_MAX];
        size_t len = strcspn(at, ":");
        (void)snprintf(bindir, sizeof bindir, "%.*s", (int)(len < DUMP_PATH_MAX ? len : 0), at);
        ok = try_bindir(bindir, wake_fd, best, err);
        at += len + (at[len] == ':');
    }
    return ok;
}

bool dump_tools_find(const char *bindir, int wake_fd, struct dump_tools *out, struct err *err)
{
    struct dump_tools best = {.major = 0};
    bool ok = bindir != NULL ? try_bindir(bindir, wake_fd, &best, err)
                             : try_versions(wake_fd, &best, err) && try_path(wake_fd, &best, err);
    if (!ok) {
        return false;
    }
    if (best.major == 0 && bindir != NULL) {
        return err_set(err, ERR_USAGE,
                       "--pg-bindir %.300s has no pg_dump and pg_restore that run "
                       "(it has to be a path from the root)",
                       bindir);
    }
    if (best.major == 0) {
        return err_set(err, ERR_USAGE,
                       "no pg_dump with a pg_restore beside it was found; install PostgreSQL's "
                       "client programs (postgresql-client), or name their directory with "
                       "--pg-bindir");
    }
    *out = best;
    return true;
}

/* ---- running them ---- */

static bool check_version(const struct dump_order *o, struct err *err)
{
    int major = o->server_version / 10000;
    return o->tools->major >= major ||
           err_set(err, ERR_USAGE,
                   "pg_dump %s in %s is older than the source, which is PostgreSQL %d; install "
                   "postgresql-client-%d, or name a newer one with --pg-bindir",
                   o->tools->version, o->tools->bindir, major, major);
}

struct words {
    char *items[4096];
    size_t count;
    bool failed;
};

static void words_free(struct words *w)
{
    for (size_t i = 0; i < w->count; i++) {
        free(w->items[i]);
    }
    free(w);
}

static void add_word(struct words *w, const char *lead, const char *text)
{
    size_t size = strlen(lead) + strlen(text) + 1;
    char *word = w->count + 1 < sizeof w->items / sizeof w->items[0] ? malloc(size) : NULL;
    if (word == NULL) {
        w->failed = true;
        return;
    }
    (void)snprintf(word, size, "%s%s", lead, text);
    w->items[w->count++] = word;
    w->items[w->count] = NULL;
}

static struct words *dump_words(const struct dump_order *o, const char *conninfo)
{
    struct words *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    add_word(w, o->tools->bindir, "/pg_dump");
    add_word(w, "", "--format=custom");
    add_word(w, "", "--schema-only");
    add_word(w, "", "--no-password");
    add_word(w, "", "--lock-wait-timeout=30s");
    add_word(w, "--encoding=", o->encoding);
    for (size_t i = 0; i < o->option_count; i++) {
        add_word(w, "", o->options[i]);
    }
    add_word(w, "--dbname=", conninfo);
    if (w->failed) {
        words_free(w);
        return NULL;
    }
    return w;
}

/* The string without what must not be seen in argv. */
static bool split_secrets(const struct secret *conninfo, struct secret *plain,
                          struct secret *password, struct err *err)
{
    CLEANUP(conninfo_free) struct conninfo *c = NULL;
    if (!conninfo_parse(conninfo, "source", &c, err)) {
        return false;
    }
    const char *given = conninfo_given(c, "sslpassword");
    if (given != NULL && given[0] != '\0') {
        return err_set(err, ERR_USAGE,
                       "pg_dump cannot be given sslpassword unseen; use a client "
                       "key without a password for reading the schema");
    }
    given = conninfo_given(c, "password");
    return secret_set(password, given, err) && conninfo_set(c, "password", "", err) &&
           conninfo_text(c, plain, err);
}

static bool is_refusal(const char *said)
{
    return strstr(said, "authentication failed") != NULL ||
           strstr(said, "no password supplied") != NULL;
}

/* The source was reached a moment ago, so that a connection that fails now may not fail later. */
static bool is_passing(const char *said)
{
    static const char *const signs[] = {
        "could not connect",
        "connection to server",
        "server closed the connection",
        "terminating connection",
        "canceling statement due to lock timeout",
        "conflict with recovery",
        "SSL connection has been closed",
        "could not receive data from server",
    };
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strstr(said, signs[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool fail_dump(const char *said, struct err *err)
{
    enum err_kind kind = ERR_DATA;
    if (is_refusal(said) || strstr(said, "permission denied") != NULL) {
        kind = ERR_AUTH;
    } else if (is_passing(said)) {
        kind = ERR_TRANSIENT;
    } else if (strstr(said, "no matching ") != NULL) {
        kind = ERR_USAGE; /* patterns that are about nothing */
    }
    (void)err_set(err, kind, "pg_dump could not read the source's schema: %s", said);
    if (strstr(said, "permission denied for table") != NULL) {
        (void)err_wrap(err,
                       "pg_dump locks what it reads: GRANT SELECT on the table to the source's "
                       "role, or leave it out with -T");
    }
    return false;
}

/* One run of pg_dump. */
struct dumping {
    const struct dump_order *order;
    int fd;
    int wake_fd;
};

/* refused: it was the password. */
static bool dump_once(void *self, const struct secret *conninfo, bool *refused, struct err *err)
{
    const struct dumping *d = self;
    CLEANUP(secret_free) struct secret plain = {0};
    CLEANUP(secret_free) struct secret password = {0};
    char said[CHILD_SAID_MAX];
    int status = 0;
    if (!split_secrets(conninfo, &plain, &password, err)) {
        return false;
    }
    struct words *w = dump_words(d->order, secret_reveal(&plain));
    if (w == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory, or too many options for pg_dump");
    }
    struct child c = {.argv = w->items,
                      .password = secret_is_set(&password) ? secret_reveal(&password) : NULL,
                      .in_fd = -1,
                      .out_fd = d->fd};
    bool ok = child_run(&c, d->wake_fd, &status, said, err);
    words_free(w);
    if (!ok) {
        return false;
    }
    *refused = status != 0 && is_refusal(said);
    return status == 0 || fail_dump(said, err);
}

/* Each try gets a whole connection string, and another one after a refusal, as in pg_open. */
static bool dump(const struct dump_order *o, int fd, int wake_fd, struct err *err)
{
    const struct pg_target *target = o->target;
    struct dumping d = {.order = o, .fd = fd, .wake_fd = wake_fd};
    bool refused = false;
    return target->auth == NULL ? dump_once(&d, &target->conninfo, &refused, err)
                                : pg_login_each(target->auth, NULL, dump_once, &d, err);
}

static bool restore(const struct dump_order *o, int fd, const char *const options[2], int wake_fd,
                    struct buf *out, struct err *err)
{
    char said[CHILD_SAID_MAX];
    int status = 0;
    struct words *w = calloc(1, sizeof *w);
    if (w == NULL || lseek(fd, 0, SEEK_SET) < 0) {
        free(w);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    add_word(w, o->tools->bindir, "/pg_restore");
    add_word(w, "", options[0]);
    add_word(w, "", options[1]);
    struct child c = {.argv = w->items, .in_fd = fd, .out_fd = -1, .out = out};
    bool ok = !w->failed ? child_run(&c, wake_fd, &status, said, err)
                         : err_set(err, ERR_SYSTEM, "out of memory");
    words_free(w);
    return ok && (status == 0 || err_set(err, ERR_SYSTEM,
                                         "pg_restore could not read what pg_dump wrote: %s", said));
}

bool dump_run(const struct dump_order *order, int wake_fd, struct dump_texts *out, struct err *err)
{
    static const char *const script[] = {"--verbose", "--file=-"};
    static const char *const list[] = {"--list", "--format=custom"};
    static const char *const before[] = {"--list", "--section=pre-data"};
    struct dump_texts t;
    buf_init(&t.script, DUMP_TEXT_MAX);
    buf_init(&t.list, DUMP_TEXT_MAX);
    buf_init(&t.before, DUMP_TEXT_MAX);
    if (!check_version(order, err)) {
        return false;
    }
    int fd = memfd_create("schema", MFD_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(err, "memfd_create");
    }
    bool ok = dump(order, fd, wake_fd, err) &&
              restore(order, fd, script, wake_fd, &t.script, err) &&
              restore(order, fd, list, wake_fd, &t.list, err) &&
              restore(order, fd, before, wake_fd, &t.before, err);
    (void)close(fd);
    if (!ok) {
        dump_texts_free(&t);
        return false;
    }
    *out = t;
    return true;
}
