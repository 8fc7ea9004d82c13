#include "aws/arn.h"

#include <stddef.h>
#include <string.h>

#define HOST_MAX  256
#define LOWER     "abcdefghijklmnopqrstuvwxyz"
#define DIGITS    "0123456789"
#define ARN_SHOWN 200 /* bytes of a wrong ARN that a message shows */

struct partition_row {
    const char *region_prefix;
    struct aws_partition partition;
};

/* The last row is for every other Region. */
static const struct partition_row partitions[] = {
    {"cn-",      {"aws-cn", "amazonaws.com.cn"} },
    {"us-gov-",  {"aws-us-gov", "amazonaws.com"}},
    {"us-iso-",  {"aws-iso", "c2s.ic.gov"}      },
    {"us-isob-", {"aws-iso-b", "sc2s.sgov.gov"} },
    {"eu-isoe-", {"aws-iso-e", "cloud.adc-e.uk"}},
    {"us-isof-", {"aws-iso-f", "csp.hci.ic.gov"}},
    {"eusc-",    {"aws-eusc", "amazonaws.eu"}   },
    {"",         {"aws", "amazonaws.com"}       },
};
#define PARTITIONS (sizeof partitions / sizeof partitions[0])

const struct aws_partition *aws_partition_of(const char *region)
{
    size_t i = 0;

    for (; i + 1 < PARTITIONS; i++) {
        const char *prefix = partitions[i].region_prefix;
        if (region != NULL && strncmp(region, prefix, strlen(prefix)) == 0) {
            break;
        }
    }
    return &partitions[i].partition;
}

bool aws_is_region(const char *text)
{
    size_t words = 1;
    const char *word = text;

    if (strlen(text) >= AWS_REGION_MAX || text[0] < 'a' || text[0] > 'z') {
        return false;
    }
    for (;;) {
        size_t len = strspn(word, LOWER DIGITS);
        if (len == 0 || (word[len] != '-' && word[len] != '\0')) {
            return false;
        }
        if (word[len] == '\0') {
            return words >= 3 && strspn(word, DIGITS) == len;
        }
        words++;
        word += len + 1;
    }
}

/* ---- ARNs ---- */

bool aws_is_arn(const char *text)
{
    return strncmp(text, "arn:", 4) == 0;
}

/* Copies what stands before the next colon, of the letters allowed; returns where the next part
 * starts, NULL when this one cannot be. */
static const char *take_part(const char *text, const char *allowed, char *out, size_t size)
{
    size_t len = strspn(text, allowed);

    if (len >= size || text[len] != ':') {
        return NULL;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return text + len + 1;
}

static bool take_resource(const char *text, char *out, size_t size)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7F) {
            return false;
        }
    }
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

static bool split_arn(const char *text, struct aws_arn *out)
{
    struct aws_arn a = {.partition = ""};
    const char *at = aws_is_arn(text) ? text + 4 : NULL;

    at = at == NULL ? NULL : take_part(at, LOWER DIGITS "-", a.partition, sizeof a.partition);
    at = at == NULL ? NULL : take_part(at, LOWER DIGITS "-", a.service, sizeof a.service);
    at = at == NULL ? NULL : take_part(at, LOWER DIGITS "-", a.region, sizeof a.region);
    at = at == NULL ? NULL : take_part(at, LOWER DIGITS "-", a.account, sizeof a.account);
    if (at == NULL || strncmp(a.partition, "aws", 3) != 0 || a.service[0] == '\0' ||
        (a.region[0] != '\0' && !aws_is_region(a.region)) ||
        !take_resource(at, a.resource, sizeof a.resource)) {
        return false;
    }
    *out = a;
    return true;
}

bool aws_arn_parse(const char *text, const char *what, struct aws_arn *out, struct err *err)
{
    if (split_arn(text, out)) {
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "%s: \"%.*s\" is not an ARN; it reads arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE",
                   what, ARN_SHOWN, text);
}

/* ---- RDS host names ---- */

/* Lower case, without a dot at the end; 0 when it cannot be a host name. */
static size_t normalise(const char *host, char out[HOST_MAX])
{
    size_t len = strlen(host);

    if (len > 0 && host[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len >= HOST_MAX || host[0] == '.') {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        char c = host[i];
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        if (strchr(LOWER DIGITS "-_.", out[i]) == NULL || (c == '.' && host[i + 1] == '.')) {
            return 0;
        }
    }
    out[len] = '\0';
    return len;
}

/* Cuts ".SUFFIX" of any partition off; false when there is none. */
static bool cut_suffix(char *host, size_t len)
{
    for (size_t i = 0; i < PARTITIONS; i++) {
        const char *suffix = partitions[i].partition.dns_suffix;
        size_t suffix_len = strlen(suffix);
        if (len > suffix_len + 1 && strcmp(host + len - suffix_len, suffix) == 0 &&
            host[len - suffix_len - 1] == '.') {
            host[len - suffix_len - 1] = '\0';
            return true;
        }
    }
    return false;
}

/* Cuts the last label off and returns it; NULL when nothing would be left in front of it. */
static char *cut_label(char *host)
{
    char *dot = strrchr(host, '.');

    if (dot == NULL) {
        return NULL;
    }
    *dot = '\0';
    return dot + 1;
}

/* Leaves the Region, or what stands in its place, in region. */
static bool split_host(const char *host, char name[HOST_MAX], const char **region)
{
    if (!cut_suffix(name, normalise(host, name))) {
        return false;
    }
    const char *last = cut_label(name);
    const char *before = last == NULL ? NULL : cut_label(name);
    if (before == NULL) {
        return false;
    }
    bool rds_last = strcmp(last, "rds") == 0;
    *region = rds_last ? before : last;
    return rds_last || (strcmp(before, "rds") == 0 && aws_is_region(last));
}

bool aws_region_of_host(const char *host, char region[AWS_REGION_MAX])
{
    char name[HOST_MAX];
    const char *found = "";

    if (!split_host(host, name, &found) || !aws_is_region(found)) {
        return false;
    }
    memcpy(region, found, strlen(found) + 1);
    return true;
}

bool aws_is_rds_host(const char *host)
{
    char name[HOST_MAX];
    const char *region = "";

    return split_host(host, name, &region);
}
