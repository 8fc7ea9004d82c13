/* view_fixture.h: what the tests of ui/progress and ui/report share: units, and a text and what it
 * should be. */
#ifndef TESTS_VIEW_FIXTURE_H
#define TESTS_VIEW_FIXTURE_H

#include "unit.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX (1u << 20)
#define MB       (UINT64_C(1) << 20)
#define GB       (UINT64_C(1) << 30)
#define MS       UINT64_C(1000000) /* in ns */

/* Frees the text. */
static inline void check_text(struct buf *text, const char *want)
{
    assert_false(text->failed);
    assert_string_equal(buf_str(text), want);
    buf_free(text);
}

/* Frees the text, too. */
static inline void check_part(struct buf *text, const char *want, bool is_there)
{
    assert_false(text->failed);
    if ((strstr(buf_str(text), want) != NULL) != is_there) {
        fail_msg("%s \"%s\" in\n%s", is_there ? "no" : "there is", want, buf_str(text));
    }
    buf_free(text);
}

#endif
