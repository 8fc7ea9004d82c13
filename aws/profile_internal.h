/* profile_internal.h: what profile.c (the lists) and profile_parse.c (one file) share. */
#ifndef AWS_PROFILE_INTERNAL_H
#define AWS_PROFILE_INTERNAL_H

#include "aws/profile.h"

#include <stdbool.h>
#include <stddef.h>

#define PROFILE_KIND "profile"

/* Bytes of the file; not NUL-terminated. */
struct text {
    const char *at;
    size_t len;
};

/* Cuts a comment off. after_blank: next to a value without a blank between, the sign belongs to the
 * value. */
struct text text_cut_comment(struct text t, bool after_blank);
/* Splits "name = value" and trims both; false without an equals sign. */
bool text_split_property(struct text line, struct text *name, struct text *value);

/* NULL when there is none. */
struct profile_section *profiles_section(const struct profiles *p, const char *kind,
                                         const char *name);
struct profile_property *section_property(const struct profile_section *s, const char *name);
void section_free(struct profile_section *s);
/* Make room behind the last one. ERR_SYSTEM without memory. */
bool profiles_reserve(struct profiles *p, size_t more, struct err *err) MUST_CHECK;
bool section_reserve(struct profile_section *s, size_t more, struct err *err) MUST_CHECK;

/* One file into an empty list, which the caller frees also after a failure. Errors as
 * profiles_read. */
bool profile_parse(struct profiles *out, enum profile_file file, const char *path, struct text text,
                   struct err *err) MUST_CHECK;

#endif
