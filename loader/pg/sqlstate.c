#include "pg/sqlstate.h"

#include <stddef.h>
#include <string.h>

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
