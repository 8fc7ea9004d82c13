/* pg_dump, when the load is to make the schema as well. */
#include "ddl/dump_run.h"
#include "job/preflight_internal.h"

bool check_dump_tools(struct server *s)
{
    const struct spec *spec = s->p->spec;
    struct dump_tools tools;
    struct err err;
    int major = pg_version(s->pg) / 10000;
    if (s->auth_side != AUTH_SOURCE || !spec->with_schema) {
        return true;
    }
    struct check_note note = server_note(s, CHECK_BLOCKER, "pg-dump",
                                         "install PostgreSQL's client programs, or name a newer "
                                         "one with --pg-bindir");
    note.kind = ERR_USAGE;
    if (!dump_tools_find(spec->schema.bindir, s->p->wake_fd, &tools, &err)) {
        if (err.kind != ERR_CANCELLED) {
            check_add_err(s->p->list, &note, &err);
        }
    } else if (tools.major < major) {
        check_add(s->p->list, &note, "pg_dump %s in %.300s is older than the source", tools.version,
                  tools.bindir);
    } else {
        server_ok(s, "pg-dump", "pg_dump %s in %.300s", tools.version, tools.bindir);
    }
    return true; /* the tables can be looked at all the same */
}
