/* One source and one sink for each stream. */
#include "job/run_internal.h"

#include <stdlib.h>

void run_ends_free_sources(struct ends *e, unsigned streams)
{
    for (unsigned i = 0; e->sources != NULL && i < streams; i++) {
        source_pg_free(e->sources[i]);
        e->sources[i] = NULL;
    }
}

void run_ends_free(struct ends *e, unsigned streams)
{
    run_ends_free_sources(e, streams);
    for (unsigned i = 0; e->sinks != NULL && i < streams; i++) {
        sink_pg_free(e->sinks[i]);
    }
    free(e->sources);
    free(e->sinks);
    free(e->source_ops);
    free(e->sink_ops);
    *e = (struct ends){0};
}

static bool make_source(const struct run_streams *r, struct ends *e, unsigned i)
{
    if (r->readers == NULL) {
        return true;
    }
    struct source_pg_config from = readers_source(r->readers, i);
    e->sources[i] = source_pg_new(&from);
    if (e->sources[i] == NULL) {
        return false;
    }
    e->source_ops[i] = source_pg_ops(e->sources[i]);
    return true;
}

static bool make_sink(const struct run_streams *r, struct ends *e, unsigned i)
{
    struct sink_pg_config to = writers_sink(r->writers, i);
    e->sinks[i] = sink_pg_new(&to);
    if (e->sinks[i] == NULL) {
        return false;
    }
    e->sink_ops[i] = sink_pg_ops(e->sinks[i]);
    return true;
}

bool run_ends_make(const struct run_streams *r, struct ends *e, struct err *err)
{
    e->sources = calloc(r->streams, sizeof(struct source_pg *));
    e->sinks = calloc(r->streams, sizeof(struct sink_pg *));
    e->source_ops = calloc(r->streams, sizeof *e->source_ops);
    e->sink_ops = calloc(r->streams, sizeof *e->sink_ops);
    bool ok =
        e->sources != NULL && e->sinks != NULL && e->source_ops != NULL && e->sink_ops != NULL;
    for (unsigned i = 0; ok && i < r->streams; i++) {
        ok = make_source(r, e, i) && make_sink(r, e, i);
    }
    return ok || err_set(err, ERR_SYSTEM, "out of memory for %u streams", r->streams);
}
