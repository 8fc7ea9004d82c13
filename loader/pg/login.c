#include "pg/login.h"

#include "base/cleanup.h"

#include <string.h>

bool pg_login_each(const struct pg_auth *auth, const char *host, pg_login_once *once, void *self,
                   struct err *err)
{
    CLEANUP(pg_login_free) struct pg_login login = {.host = host};
    struct err last = {.kind = ERR_NONE};

    for (;;) {
        bool more = true;
        bool refused = false;
        struct err why = last;
        if (!auth->next(auth->self, &login, &more, &why)) {
            *err = why;
            return false;
        }
        if (!more) {
            auth->explain(auth->self, &login, &last);
            *err = last;
            return false;
        }
        if (once(self, &login.conninfo, &refused, &why)) {
            auth->accepted(auth->self, &login);
            return true;
        }
        if (!refused) {
            *err = why;
            return false;
        }
        last = why;
        login.tries++;
    }
}

void pg_login_free(struct pg_login *login)
{
    secret_free(&login->conninfo);
    secret_free(&login->user);
    secret_free(&login->password);
    secret_free(&login->tried);
    *login = (struct pg_login){.tries = 0};
}

bool pg_login_refused(const char *sqlstate)
{
    return strcmp(sqlstate, "28P01") == 0 || strcmp(sqlstate, "28000") == 0;
}
