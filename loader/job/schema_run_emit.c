#include "base/cleanup.h"
#include "ddl/emit.h"
#include "job/schema_run_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096u
#define DUMP_EMIT_MAX  (1u << 30)

static bool path_of(const char *directory, const char *name, char out[PATH_BYTES_MAX],
                    struct err *err)
{
    int len = snprintf(out, PATH_BYTES_MAX, "%s/%s", directory, name);
    return (len > 0 && (size_t)len < PATH_BYTES_MAX) ||
           err_set(err, ERR_USAGE, "--emit: the name of the directory is too long");
}

static bool check_absent(const char *path, struct err *err)
{
    struct stat st;
    return lstat(path, &st) != 0 ||
           err_set(err, ERR_USAGE,
                   "--emit: %s is there already, and may have been changed by hand; remove it, or "
                   "name another directory",
                   path);
}

static bool write_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
    }
    return true;
}

/* For the owner alone: definitions of subscriptions and user mappings may hold passwords. */
static bool write_file(const char *path, const struct buf *text, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        (void)err_set_errno(err, "--emit: %s", path);
        err->kind = ERR_USAGE;
        return false;
    }
    bool ok = write_all(fd, buf_str(text), text->len);
    if (!ok) {
        (void)err_set_errno(err, "--emit: writing %s", path);
        (void)close(fd);
        return false;
    }
    return close(fd) == 0 || err_set_errno(err, "--emit: writing %s", path);
}

static bool emit_one(const struct schema_made *made, enum schema_part part,
                     const struct emit_head *head, const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, DUMP_EMIT_MAX);
    emit_part(&made->plan, part, head, &text);
    bool ok = buf_ok(&text, err) && write_file(path, &text, err);
    buf_free(&text);
    return ok;
}

bool schema_emit(const struct schema_context *cx, const struct schema_made *made,
                 const char *directory, struct err *err)
{
    char before[PATH_BYTES_MAX];
    char after[PATH_BYTES_MAX];
    struct buf positions;
    if (!path_of(directory, "before.sql", before, err) ||
        !path_of(directory, "after.sql", after, err)) {
        return false;
    }
    if (mkdir(directory, S_IRWXU) != 0 && errno != EEXIST) {
        (void)err_set_errno(err, "--emit: making the directory %s", directory);
        err->kind = ERR_USAGE;
        return false;
    }
    if (!check_absent(before, err) || !check_absent(after, err)) {
        return false;
    }
    buf_init(&positions, DUMP_EMIT_MAX);
    struct emit_head head = {.source = pg_where(cx->source),
                             .destination = pg_where(cx->destination),
                             .is_limitless = cx->group->is_limitless,
                             .encoding = cx->encoding,
                             .backslashes = made->toc.backslashes};
    bool ok = !cx->spec->sequences || sequence_statements(cx, made, &positions, err);
    head.positions = buf_str(&positions);
    ok = ok && emit_one(made, SCHEMA_BEFORE, &head, before, err) &&
         emit_one(made, SCHEMA_AFTER, &head, after, err);
    buf_free(&positions);
    if (ok) {
        schema_note(cx, "wrote %s and %s", before, after);
    }
    return ok;
}
