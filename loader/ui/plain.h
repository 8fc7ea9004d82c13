/*
 * plain.h: text from servers, made fit for a terminal. For the files of ui/.
 *
 * Names and messages may hold control characters, line ends and any encoding; what is shown holds
 * none of the first two, so that it can neither move the cursor nor tear a table apart.
 */
#ifndef UI_PLAIN_H
#define UI_PLAIN_H

#include "base/buf.h"

#include <stddef.h>

#define PLAIN_ALL ((size_t)-1)

/* Adds text with control characters as \n, \t and \x1B, cut with "..." so as to take at most
 * columns; returns how many it takes. A character outside ASCII counts as two where it may be wide.
 */
size_t plain_add(struct buf *out, const char *text, size_t columns);

/* What plain_add without a limit would take. */
size_t plain_columns(const char *text);

/* The first line of text only; for messages in one line. The caller frees; NULL = no memory. */
char *plain_first_line(const char *text);

#endif
