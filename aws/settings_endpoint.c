#include "aws/settings.h"

#include "aws/settings_internal.h"

#include <stdio.h>
#include <string.h>

#define SERVICE_ID_ROOM 64

/* What the [services x] says that the profile names; "" when it says nothing. */
static bool services_url(const struct aws_settings *s, const char *id, char url[HTTP_URL_MAX],
                         struct err *err)
{
    const char *name = profile_value(aws_settings_profile(s), "services");

    url[0] = '\0';
    if (name == NULL || name[0] == '\0') {
        return true;
    }
    const struct profile_section *services = profiles_find(&s->profiles, "services", name);
    const char *service = profile_value(services, id);
    if (services == NULL) {
        return err_set(err, ERR_USAGE, "profile %.100s names a services section that is not there",
                       s->profile);
    }
    if (!profile_nested(services, id, "endpoint_url", url, HTTP_URL_MAX) && service != NULL &&
        strlen(service) >= HTTP_URL_MAX) {
        return err_set(err, ERR_USAGE, "%s in services section %.100s is too long", id, name);
    }
    return true;
}

/* found->value is NULL when no URL is configured; it may live in nested. */
static bool find_url(const struct aws_settings *s, const char *id, char nested[HTTP_URL_MAX],
                     struct setting *found, struct err *err)
{
    char variable[SERVICE_ID_ROOM];

    found->value = NULL;
    (void)snprintf(variable, sizeof variable, "AWS_ENDPOINT_URL_%s", id);
    for (char *c = variable; *c != '\0'; c++) {
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    }
    if (setting_find(s, variable, NULL, found) ||
        setting_find(s, "AWS_ENDPOINT_URL", NULL, found)) {
        return true;
    }
    if (!services_url(s, id, nested, err)) {
        return false;
    }
    if (nested[0] != '\0') {
        (void)snprintf(found->where, sizeof found->where, "endpoint_url of %s for profile %.100s",
                       id, s->profile);
        found->value = nested;
        return true;
    }
    (void)setting_find(s, "AWS_ENDPOINT_URL", "endpoint_url", found);
    return true;
}

static bool take_url(const struct setting *found, char url[HTTP_URL_MAX], struct err *err)
{
    struct http_url parts;
    struct err why = {0};
    size_t len = strlen(found->value);

    if (len >= HTTP_URL_MAX || !http_url_split(found->value, &parts, &why) ||
        strpbrk(found->value, "?#") != NULL) {
        return err_set(err, ERR_USAGE,
                       "%s is not a plain http or https URL, such as https://host:port",
                       found->where);
    }
    while (found->value[len - 1] == '/') {
        len--;
    }
    memcpy(url, found->value, len);
    url[len] = '\0';
    return true;
}

static bool usual_url(const char *prefix, const char *region, char url[HTTP_URL_MAX],
                      struct err *err)
{
    if (region == NULL || region[0] == '\0') {
        return err_set(err, ERR_USAGE,
                       "no Region is known for %s; set AWS_REGION, or region in the profile",
                       prefix);
    }
    if (!aws_is_region(region)) {
        return err_set(err, ERR_USAGE, "\"%.40s\" is not the name of a Region", region);
    }
    (void)snprintf(url, HTTP_URL_MAX, "https://%s.%s.%s", prefix, region,
                   aws_partition_of(region)->dns_suffix);
    return true;
}

bool aws_settings_endpoint(const struct aws_settings *s, const char *id, const char *prefix,
                           const char *region, char url[HTTP_URL_MAX], struct err *err)
{
    char nested[HTTP_URL_MAX];
    struct setting found = {.value = NULL};
    bool ignored = false;

    if (!setting_bool(s, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls",
                      &ignored, err) ||
        (!ignored && !find_url(s, id, nested, &found, err))) {
        return false;
    }
    return found.value == NULL ? usual_url(prefix, region, url, err) : take_url(&found, url, err);
}
