#include "aws/arn.h"
#include "aws/sts.h"
#include "base/str.h"
#include "job/auth_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 5432u

static bool read_port(const char *text, const char *what, uint16_t *port, struct err *err)
{
    uint64_t number = 0;
    if (!parse_count(text, what, 1, 65535, &number, err)) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

/* --iam-host HOST[:PORT]; the port dialled is the default. It is for the given endpoint, which a
 * tunnel may hide; a router of a shard group is dialled by its own name, and has its own token. */
static bool split_sign_host(struct auth_party *p, struct err *err)
{
    const char *text = p->wish->iam_host;
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? strlen(text) : (size_t)(colon - text);
    char what[40];
    (void)snprintf(what, sizeof what, "--%s-iam-host", p->name);
    if (len == 0 || len >= sizeof p->signing.host) {
        return err_set(err, ERR_USAGE, "%s takes HOST or HOST:PORT", what);
    }
    (void)snprintf(p->signing.host, sizeof p->signing.host, "%.*s", (int)len, text);
    return colon == NULL || read_port(colon + 1, what, &p->signing.port, err);
}

static void lower_case(char *text)
{
    for (; *text != '\0'; text++) {
        *text = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
    }
}

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool choose_address(struct auth_party *p, struct err *err)
{
    const char *host = conninfo_effective(p->base, "host");
    const char *port = conninfo_effective(p->base, "port");
    char what[40];
    (void)snprintf(what, sizeof what, "port of the %s", p->name);
    if (strchr(host, ',') != NULL || strchr(port, ',') != NULL) {
        return err_set(err, ERR_USAGE,
                       "--%s-iam: a token is for one host, and the connection string has several",
                       p->name);
    }
    if (host[0] == '\0' || host[0] == '/' || host[0] == '@') {
        return err_set(err, ERR_USAGE,
                       "--%s-iam needs a host name in the connection string (host=...): a token is "
                       "made for a host and port, and is sent over TLS only",
                       p->name);
    }
    p->dial_port = DEFAULT_PORT;
    if (port[0] != '\0' && !read_port(port, what, &p->dial_port, err)) {
        return false;
    }
    p->signing.port = p->dial_port;
    (void)snprintf(p->signing.host, sizeof p->signing.host, "%s", host);
    if (p->wish->iam_host != NULL && !split_sign_host(p, err)) {
        return false;
    }
    lower_case(p->signing.host); /* names mean the same in any case, signatures do not */
    return !is_address(p->signing.host) ||
           err_set(err, ERR_USAGE,
                   "--%s-iam: %s is an address, and a token is for a name: write host=NAME "
                   "hostaddr=%s, or add --%s-iam-host NAME",
                   p->name, p->signing.host, p->signing.host, p->name);
}

static bool open_tokens(struct auth_party *p, struct auth_signing *s, struct err *err)
{
    struct aws_token_params params = {.session = &p->auth->session,
                                      .identity = auth_party_identity(p),
                                      .host = s->host,
                                      .port = s->port,
                                      .region = p->region,
                                      .user = conninfo_effective(p->base, "user")};
    return aws_token_source_open(&params, &s->tokens, err) || err_wrap(err, "--%s-iam", p->name);
}

bool auth_iam_open(struct auth_party *p, struct err *err)
{
    if (!choose_address(p, err)) {
        return false;
    }
    if (p->region[0] == '\0') {
        return err_set(err, ERR_USAGE,
                       "--%s-iam: the Region is not known: give --%s-region, or set AWS_REGION, or "
                       "name the host as AWS does",
                       p->name, p->name);
    }
    return open_tokens(p, &p->signing, err);
}

/* ---- routers ---- */

static bool refuse_address(const struct auth_party *p, const char *host, struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "--%s-iam: the router %s is an address, and a token is for a name; only the "
                   "given endpoint can be used",
                   p->name, host);
}

static struct auth_signing *find_router(const struct auth_party *p, const char *host)
{
    struct auth_signing *s = p->routers;
    while (s != NULL && strcmp(s->host, host) != 0) {
        s = s->next;
    }
    return s;
}

/* Under the lock. Opening a source asks nobody for anything. */
static struct auth_signing *add_router(struct auth_party *p, const char *host, struct err *err)
{
    if (p->router_count == AUTH_ROUTERS_MAX) {
        (void)err_set(err, ERR_USAGE, "more than %u routers", AUTH_ROUTERS_MAX);
        return NULL;
    }
    struct auth_signing *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)err_set(err, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    (void)snprintf(s->host, sizeof s->host, "%s", host);
    s->port = p->dial_port;
    if (!open_tokens(p, s, err)) {
        free(s);
        return NULL;
    }
    s->next = p->routers;
    p->routers = s;
    p->router_count++;
    return s;
}

/* For whom the token of this login is. */
static bool find_signing(struct auth_party *p, const char *host, struct auth_signing **out,
                         struct err *err)
{
    char name[sizeof p->signing.host];
    if (host == NULL) {
        *out = &p->signing;
        return true;
    }
    if ((size_t)snprintf(name, sizeof name, "%s", host) >= sizeof name || is_address(name)) {
        return refuse_address(p, name, err);
    }
    lower_case(name);
    mutex_lock(&p->lock);
    struct auth_signing *s = find_router(p, name);
    s = s != NULL ? s : add_router(p, name, err);
    mutex_unlock(&p->lock);
    if (s != NULL) {
        *out = s;
    }
    return s != NULL;
}

void auth_iam_close(struct auth_party *p)
{
    aws_token_source_close(p->signing.tokens);
    while (p->routers != NULL) {
        struct auth_signing *s = p->routers;
        p->routers = s->next;
        aws_token_source_close(s->tokens);
        free(s);
    }
}

/* ---- tries ---- */

/* A token cannot tell that our clock is wrong; any signed call can, and corrects it. */
static void look_at_the_clock(struct auth_party *p)
{
    struct aws_caller_identity who;
    struct err ignored;
    struct aws_caller caller = auth_party_caller(p, NULL);
    bool known = aws_sts_get_caller_identity(&caller, &who, &ignored);
    (void)known;
}

/* A refused login gets one fresh token. The first answer may be one that was made for somebody else
 * meanwhile, and be old by now: then, and only then, there is a third try. */
enum { STEP_CACHED, STEP_OTHERS, STEP_FRESH };

bool auth_iam_next(struct auth_party *p, struct pg_login *login, struct secret *token, bool *more,
                   struct err *err)
{
    struct auth_signing *s = NULL;
    if (!find_signing(p, login->host, &s, err)) {
        return false;
    }
    assert(s != NULL);
    unsigned made = aws_token_source_made(s->tokens);
    *more = login->tries == 0 || login->step != STEP_FRESH;
    if (!*more) {
        return true;
    }
    if (login->tries == 1) {
        look_at_the_clock(p);
    }
    if (!aws_token_source_get(s->tokens, login->tries == 0 ? NULL : &login->password, token, err)) {
        return err_wrap(err, "--%s-iam", p->name);
    }
    bool fresh = login->step == STEP_OTHERS || aws_token_source_made(s->tokens) != made;
    login->step = login->tries == 0 ? STEP_CACHED : fresh ? STEP_FRESH : STEP_OTHERS;
    return true;
}

/* ---- what a refusal means ---- */

static void find_resource(struct auth_party *p, char id[64])
{
    struct aws_database d = p->database;
    struct aws_caller caller = auth_party_caller(p, NULL);
    struct err ignored;
    bool found = d.resource_id[0] != '\0';
    if (!found && !aws_rds_find_by_host(&caller, p->signing.host, &d, &found, &ignored)) {
        found = false;
    }
    (void)snprintf(id, 64, "%s", found ? d.resource_id : "RESOURCE_ID");
}

/* The numbered list: what is between a token and a login. */
static void list_causes(struct auth_party *p, const struct auth_signing *s,
                        const struct aws_caller_identity *who, const char *server, struct err *err)
{
    const char *user = conninfo_effective(p->base, "user");
    char resource[64];
    char region[AWS_REGION_MAX] = "";
    find_resource(p, resource);
    bool other = aws_region_of_host(s->host, region) && strcmp(region, p->region) != 0;
    (void)err_set(
        err, ERR_AUTH,
        "%.190s. The token was signed by %s for %s:%u in %s%s%s%s. To check: (1) GRANT rds_iam TO "
        "\"%s\"; (2) IAM authentication is enabled on the cluster; (3) the identity's policy has "
        "{\"Effect\":\"Allow\",\"Action\":\"rds-db:connect\",\"Resource\":"
        "\"arn:%s:rds-db:%s:%s:dbuser:%s/%s\"}; (4) host and port as AWS knows them, else "
        "--%s-iam-host; (5) the Region, else --%s-region; (6) this machine's clock",
        server, who->arn[0] == '\0' ? "unknown credentials" : who->arn, s->host, s->port, p->region,
        other ? " (the host's name says " : "", other ? region : "", other ? ")" : "", user,
        aws_partition_of(p->region)->name, p->region, who->account, resource, user, p->name,
        p->name);
}

void auth_iam_explain(struct auth_party *p, const struct pg_login *login, struct err *err)
{
    struct err ignored;
    struct auth_signing *s = &p->signing;
    bool found = find_signing(p, login->host, &s, &ignored);
    (void)found; /* else what is said is about the endpoint */
    struct aws_caller_identity who = {.arn = "", .account = "ACCOUNT"};
    struct aws_caller caller = auth_party_caller(p, NULL);
    struct err why = {.kind = ERR_NONE};
    char server[200];
    (void)snprintf(server, sizeof server, "%.190s", err->msg);
    bool known = aws_sts_get_caller_identity(&caller, &who, &why);
    if (!known && why.kind == ERR_AUTH) {
        (void)err_set(err, ERR_AUTH,
                      "%.190s. AWS does not take the credentials that signed the "
                      "token: %s",
                      server, why.msg);
        return;
    }
    if (!known) {
        who = (struct aws_caller_identity){.arn = "", .account = "ACCOUNT"};
    }
    list_causes(p, s, &who, server, err);
    /* Tokens are judged by a service of the host's, which may be down, busy, or not yet up after a
     * failover, when the server is there already; the server says the same then. */
    if (atomic_load_explicit(&p->was_let_in, memory_order_relaxed)) {
        err->kind = ERR_TRANSIENT;
    }
}
