#include "ends/sink_null.h"

static bool null_begin(void *self, const struct task *task, bool *already, struct part *parts,
                       struct err *err)
{
    (void)self;
    (void)task;
    (void)parts;
    (void)err;
    *already = false;
    return true;
}

static bool null_write(void *self, const char *bytes, size_t len, struct err *err)
{
    (void)self;
    (void)bytes;
    (void)len;
    (void)err;
    return true;
}

static bool null_commit(void *self, const struct task *task, const struct part *parts,
                        uint64_t *commit_ns, struct err *err)
{
    (void)self;
    (void)task;
    (void)parts;
    (void)err;
    *commit_ns = 0;
    return true;
}

static void null_rollback(void *self)
{
    (void)self;
}

struct sink sink_null_ops(void)
{
    return (struct sink){
        .begin = null_begin, .write = null_write, .commit = null_commit, .rollback = null_rollback};
}
