/*
 * fuzz_profile: for any bytes, the parser either says ERR_USAGE and leaves the profiles as they
 * were, or gives profiles in which everything is found again by its name.
 *
 * The input is read as a config file and then as a credentials file onto that. When it has a form
 * feed, what stands before it is the one and what stands behind it the other.
 */
#include "aws/profile.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

static void check_section(const struct profiles *p, const struct profile_section *s)
{
    static const char *const kinds[] = {"profile", "services", "sso-session"};
    size_t known = 0;
    char out[64];

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        known += strcmp(s->kind, kinds[i]) == 0;
    }
    require(known == 1 && s->name[0] != '\0');
    require(profiles_find(p, s->kind, s->name) == s);
    for (size_t i = 0; i < s->count; i++) {
        const char *name = s->items[i].name;
        require(name[0] != '\0' && strpbrk(name, " =\n\r\tABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
        require(profile_value(s, name) == secret_reveal(&s->items[i].value));
        require(strlen(profile_value(s, name)) == s->items[i].value.len);
        out[0] = '\0';
        if (profile_nested(s, name, "endpoint_url", out, sizeof out)) {
            require(profile_value(s, name)[0] == '\n' && strchr(out, '\n') == NULL);
        }
        require(strlen(out) < sizeof out);
    }
}

static void read_one(struct profiles *p, enum profile_file file, const char *text, size_t len)
{
    struct err err = {0};
    size_t before = p->count;

    if (profiles_read(p, file, "f", text, len, &err)) {
        require(err.kind == ERR_NONE && p->count >= before);
    } else {
        require(err.kind == ERR_USAGE && err.msg[0] == 'f' && p->count == before);
    }
    for (size_t i = 0; i < p->count; i++) {
        check_section(p, &p->items[i]);
    }
}

/* In memory of its own, so that ASan sees where it ends. */
static void read_copy(struct profiles *p, enum profile_file file, const uint8_t *data, size_t len)
{
    char *text = malloc(len == 0 ? 1 : len);

    require(text != NULL);
    if (len > 0) {
        memcpy(text, data, len);
    }
    read_one(p, file, text, len);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profiles p = {0};
    const uint8_t *cut = size == 0 ? NULL : memchr(data, '\f', size);
    size_t config_len = cut == NULL ? size : (size_t)(cut - data);
    size_t credentials_at = cut == NULL ? 0 : config_len + 1;

    read_copy(&p, PROFILE_CONFIG, data, config_len);
    read_copy(&p, PROFILE_CREDENTIALS, data + credentials_at, size - credentials_at);
    profiles_free(&p);
    return 0;
}
