#include "cli/options_assess.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define RATE_MAX 32

OPTION_SETTER(assess_sample)
{
    spec->assess.sample = true;
    (void)value;
    (void)err;
    return true;
}

/* A size, with or without "/s". */
OPTION_SETTER(assess_rate)
{
    char text[RATE_MAX];
    size_t len = strlen(value->text);
    len -= len >= 2 && strcmp(value->text + len - 2, "/s") == 0 ? 2 : 0;
    if (len >= sizeof text) {
        return err_set(err, ERR_USAGE, "%s: \"%.40s\" is not a size as 50MB", value->where,
                       value->text);
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)len, value->text);
    return parse_size(text, value->where, ASSESS_RATE_MIN, ASSESS_RATE_MAX,
                      &spec->assess.rate_bytes_s, err);
}

OPTION_SETTER(assess_out)
{
    return option_keep_text(&spec->assess.out, value, err);
}
