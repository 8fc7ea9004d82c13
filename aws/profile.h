/*
 * profile.h: the shared config and credentials files. Pure: text in, profiles out.
 * Source: "AWS SDKs and Tools Reference Guide", shared config and credentials files; where that is
 * silent, the vectors in tests/vectors/aws-config (profile-parser-tests.json).
 *
 * What is kept: [profile x] and [default] of the config file, [x] of the credentials file, and the
 * config file's [services x] and [sso-session x]. Any other section is skipped with all that is in
 * it, like a section or a property whose name has other characters than letters, digits and
 * -_/.%@:+ (a config file's name may stand in quotes and then have spaces as well).
 */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include "base/err.h"
#include "base/secret.h"

#include <stddef.h>

#define PROFILE_FILE_MAX       (1u << 20)
#define PROFILE_SECTIONS_MAX   10000
#define PROFILE_PROPERTIES_MAX 1000 /* of one section */

enum profile_file { PROFILE_CONFIG, PROFILE_CREDENTIALS };

struct profile_property {
    char *name;          /* lower case, whatever the file has */
    struct secret value; /* continuation lines after a line feed each; "\nname = value" for nested
                            ones */
};

struct profile_section {
    const char *kind; /* "profile", "services", "sso-session"; lives for ever */
    char *name;       /* as the file has it; without quotes */
    struct profile_property *items;
    size_t count;
};

struct profiles {
    struct profile_section *items; /* no two with the same kind and name */
    size_t count;
};

/*
 * Adds what one file says: config first, then credentials, because what is read later wins where
 * both have a property. The same holds within a file, except that [profile default] makes the
 * config file's [default] disappear. path is for messages.
 *
 * ERR_USAGE with path, line number and reason when a line cannot be understood, for a file with a
 * NUL byte, and past the limits above; never with a value or a part of one. ERR_SYSTEM without
 * memory. p is then as before.
 */
bool profiles_read(struct profiles *p, enum profile_file file, const char *path, const char *text,
                   size_t len, struct err *err) MUST_CHECK;
void profiles_free(struct profiles *p); /* wipes; NULL and zeroed are allowed */

/* All below: borrowed, until the next read or the end. */
const struct profile_section *profiles_find(const struct profiles *p, const char *kind,
                                            const char *name);
/* name in lower case. NULL when it is not there or section is NULL; of a nested property the raw
 * text. */
const char *profile_value(const struct profile_section *section, const char *name);
/* Of "parent =\n  name = value": copies into out, without a comment at the end; the last one wins.
 * False when absent or not shorter than size. */
bool profile_nested(const struct profile_section *section, const char *parent, const char *name,
                    char *out, size_t size);

#endif
