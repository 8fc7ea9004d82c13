#include "cli/logins.h"

#include "base/buf.h"
#include "cli/environment.h"

#include <stdlib.h>

#define PATH_BYTES_MAX 4096

bool logins_prepare(struct spec *spec, struct err *err)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread exists yet. */
    const char *home = getenv("HOME");
    struct buf path;
    environment_forget("SLUICE_SOURCE");
    environment_forget("SLUICE_DESTINATION");
    buf_init(&path, PATH_BYTES_MAX);
    buf_printf(&path, "%s/.postgresql/root.crt", home == NULL ? "" : home);
    spec->user_roots = buf_take(&path);
    return environment_take_password(&spec->password, err);
}
