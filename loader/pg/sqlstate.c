#include "pg/sqlstate.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* The longest match wins, so a class stands before its exceptions. */
static const struct {
    const char *prefix;
    enum err_kind kind;
} table[] = {
    {"08",    ERR_TRANSIENT}, /* connection exception */
    {"25006", ERR_TRANSIENT}, /* read-only transaction: a failover made this server a replica */
    {"28",    ERR_AUTH     }, /* invalid authorization specification */
    {"3D",    ERR_USAGE    }, /* no such database */
    {"3F",    ERR_USAGE    }, /* no such schema */
    {"40",    ERR_TRANSIENT}, /* serialization failure, deadlock, completion unknown */
    {"42501", ERR_AUTH     }, /* insufficient privilege */
    {"42703", ERR_USAGE    }, /* no such column */
    {"42P01", ERR_USAGE    }, /* no such table */
    {"53300", ERR_TRANSIENT}, /* too many connections */
    {"55006", ERR_TRANSIENT}, /* object in use */
    {"55P03", ERR_TRANSIENT}, /* lock not available */
    {"57014", ERR_TRANSIENT}, /* query cancelled by somebody else */
    {"57P",   ERR_TRANSIENT}, /* shutdown, crash, starting up, idle timeout */
    {"57P04", ERR_USAGE    }, /* the database was dropped */
};

enum err_kind sqlstate_kind(const char *state, bool connection_lost)
{
    size_t best_len = 0;
    enum err_kind kind = connection_lost ? ERR_TRANSIENT : ERR_DATA;

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t len = strlen(table[i].prefix);
        if (len > best_len && strncmp(state, table[i].prefix, len) == 0) {
            best_len = len;
            kind = table[i].kind;
        }
    }
    return kind;
}

/*
 * Aurora Limitless: the text of a distributed deadlock is in the User Guide ("Distributed
 * deadlocks"), the one about commit times in the release notes of 16.6.101. Of the cap on
 * concurrent prepares only the wait event's name is known (DistributedCommitPrepareThrottle);
 * should it ever be an error, the word will be in it. Without a server's state nothing was said by
 * one.
 */
static const struct {
    const char *words; /* lower case */
    enum sqlstate_plea plea;
} said[] = {
    {"distributed deadlock",   PLEA_SHORTER},
    {"commit time is invalid", PLEA_SHORTER},
    {"throttl",                PLEA_FEWER  },
};

static bool has_words(const char *text, const char *words)
{
    size_t len = strlen(words);
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, words, len) == 0) {
            return true;
        }
    }
    return false;
}

enum err_kind sqlstate_kind_said(const char *state, const char *message, bool connection_lost)
{
    for (size_t i = 0; state[0] != '\0' && i < sizeof said / sizeof said[0]; i++) {
        if (has_words(message, said[i].words)) {
            return ERR_TRANSIENT;
        }
    }
    return sqlstate_kind(state, connection_lost);
}

enum sqlstate_plea sqlstate_plea(const char *text)
{
    if (strstr(text, "40P01") != NULL || strstr(text, "40001") != NULL) {
        return PLEA_SHORTER;
    }
    if (strstr(text, "SQLSTATE 53300") != NULL) { /* not the number alone: ports have such */
        return PLEA_REFUSED;
    }
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (has_words(text, said[i].words)) {
            return said[i].plea;
        }
    }
    return PLEA_NONE;
}
