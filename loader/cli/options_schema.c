#include "cli/options_schema.h"

#include "base/str.h"

#include <string.h>

#define MAINTENANCE_MIN (UINT64_C(1) << 20)
#define MAINTENANCE_MAX (UINT64_C(1) << 40) /* just below what maintenance_work_mem takes */
#define WORKERS_MAX     1024

OPTION_SETTER(with_schema)
{
    spec->with_schema = true;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(emit)
{
    return option_keep_text(&spec->schema.emit, value, err);
}

OPTION_SETTER(apply)
{
    unsigned choice = 0;
    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->schema.apply = choice == 0 ? SCHEMA_APPLY_BEFORE : SCHEMA_APPLY_AFTER;
    return true;
}

OPTION_SETTER(keep_going)
{
    spec->schema.keep_going = true;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(pg_bindir)
{
    return option_keep_text(&spec->schema.bindir, value, err);
}

OPTION_SETTER(maintenance_memory)
{
    return parse_size(value->text, value->where, MAINTENANCE_MIN, MAINTENANCE_MAX,
                      &spec->schema.memory_bytes, err);
}

OPTION_SETTER(maintenance_workers)
{
    uint64_t count = 0;
    if (!parse_count(value->text, value->where, 0, WORKERS_MAX, &count, err)) {
        return false;
    }
    spec->schema.workers = (unsigned)count;
    spec->schema.workers_given = true;
    return true;
}

/* A job file and a variable are for other commands as well: there it is no mistake. */
bool options_check_schema(enum option_command command, const struct spec *spec,
                          const struct option_origin *origins, struct err *err)
{
    static const char *const needy[] = {"keep-going", "maintenance-memory", "maintenance-workers",
                                        "pg-bindir"};
    if (command == FOR_SCHEMA || spec->with_schema) {
        return true;
    }
    for (size_t i = 0; i < sizeof needy / sizeof needy[0]; i++) {
        const struct option_row *row = option_named(needy[i], strlen(needy[i]));
        if (row != NULL && origins[option_index(row)].kind == ORIGIN_WORD) {
            return err_set(err, ERR_USAGE,
                           "--%s is about making the schema; add --with-schema, or leave it out",
                           needy[i]);
        }
    }
    return true;
}
