#include "job/schema_connect.h"

#include "flow/stop.h"

#include <stdio.h>

bool schema_sides_open(const struct spec *spec, struct auth *auth, struct schema_sides *s,
                       struct schema_result *out, struct err *err)
{
    static const char *const names[AUTH_SIDES] = {"source", "destination"};
    struct server_identity identities[AUTH_SIDES];
    char *wheres[AUTH_SIDES] = {out->source, out->destination};
    for (int side = 0; side < AUTH_SIDES; side++) {
        s->targets[side] =
            (struct pg_target){.side = names[side], .auth = auth_of(auth, (enum auth_side)side)};
        if (!session_open(&s->targets[side], "sluice/schema", stop_drain_fd(), &s->sides[side],
                          err) ||
            !session_identity(s->sides[side], &identities[side], err)) {
            return false;
        }
        (void)snprintf(wheres[side], sizeof out->source, "%s", pg_where(s->sides[side]));
    }
    struct pg *source = s->sides[AUTH_SOURCE];
    struct pg *destination = s->sides[AUTH_DESTINATION];
    const struct server_identity *there = &identities[AUTH_DESTINATION];
    if (!session_check_different(&identities[AUTH_SOURCE], there, destination, err)) {
        return false;
    }
    s->is_replica = there->in_recovery;
    if (!session_check_writable(there, destination, err) ||
        !session_encoding(source, destination, s->encoding, err) ||
        !session_pin(source, s->encoding, err) || !session_pin(destination, s->encoding, err) ||
        !limitless_detect(destination, &s->group, err)) {
        return false;
    }
    identity_name(spec, identities[AUTH_SOURCE].system, identities[AUTH_SOURCE].database,
                  identities[AUTH_DESTINATION].database, s->job);
    out->is_limitless = s->group.is_limitless;
    return true;
}

void schema_sides_close(struct schema_sides *s)
{
    for (int side = 0; side < AUTH_SIDES; side++) {
        pg_close(s->sides[side]);
        s->sides[side] = NULL;
    }
}

struct schema_context schema_sides_context(const struct schema_sides *s, const struct spec *spec,
                                           const struct schema_observer *observer,
                                           struct findings *findings)
{
    return (struct schema_context){.spec = spec,
                                   .source = s->sides[AUTH_SOURCE],
                                   .destination = s->sides[AUTH_DESTINATION],
                                   .source_target = &s->targets[AUTH_SOURCE],
                                   .destination_target = &s->targets[AUTH_DESTINATION],
                                   .group = &s->group,
                                   .encoding = s->encoding,
                                   .job = s->job,
                                   .observer = observer,
                                   .findings = findings};
}
