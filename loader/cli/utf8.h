/* utf8.h: one character of UTF-8. Pure. Unicode, table 3-7. */
#ifndef CLI_UTF8_H
#define CLI_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed character at text, of which left bytes may be looked at, and its code
 * point; 0 when there is none. */
size_t utf8_next(const char *text, size_t left, uint32_t *character);

#endif
