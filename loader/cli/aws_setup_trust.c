/* Who may become a side's role. */
#include "cli/aws_setup_files.h"
#include "cli/aws_setup_json.h"

#include <string.h>

#define TEXT_MAX 4096

/* One tag's value is fixed; and no tag but these is taken. */
static bool add_tag(json_t *equal, json_t *keys, const char *pair)
{
    size_t len = strcspn(pair, "=");
    struct buf condition;
    struct buf value;

    buf_init(&condition, TEXT_MAX);
    buf_init(&value, TEXT_MAX);
    buf_puts(&condition, "aws:RequestTag/");
    buf_add(&condition, pair, len);
    policy_literal(&value, pair + len + (pair[len] == '=' ? 1 : 0), false);
    bool ok = !condition.failed && !value.failed &&
              json_object_set_new(equal, buf_str(&condition), json_string(buf_str(&value))) == 0 &&
              json_array_append_new(keys, json_stringn(pair, len)) == 0;
    buf_free(&condition);
    buf_free(&value);
    return ok;
}

static json_t *external_id(const char *id)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    policy_literal(&text, id, false);
    json_t *value = text.failed ? NULL : json_string(buf_str(&text));
    buf_free(&text);
    return value;
}

static json_t *trust_condition(const struct side_auth *auth)
{
    json_t *equal = json_object();
    json_t *keys = json_array();
    bool ok = auth->external_id == NULL ||
              json_object_set_new(equal, "sts:ExternalId", external_id(auth->external_id)) == 0;

    for (size_t i = 0; ok && i < auth->tags.count; i++) {
        ok = add_tag(equal, keys, auth->tags.items[i]);
    }
    json_t *condition = ok ? json_object() : NULL;
    ok = json_object_set(condition, "StringEquals", equal) == 0;
    if (ok && auth->tags.count > 0) {
        json_t *all = json_pack("{s:O}", "aws:TagKeys", keys);
        ok = json_object_set_new(condition, "ForAllValues:StringEquals", all) == 0;
    }
    json_decref(equal);
    json_decref(keys);
    if (!ok) {
        json_decref(condition);
        return NULL;
    }
    return condition;
}

bool setup_role_trust(const struct setup_facts *f, const struct setup_side *side, struct buf *out,
                      struct err *err)
{
    static const char *const plain[] = {"sts:AssumeRole", NULL};
    static const char *const tagged[] = {"sts:AssumeRole", "sts:TagSession", NULL};
    const struct side_auth *auth = side->auth;
    json_t *list = json_array();
    json_t *s = policy_statement("SluiceRole", side->label, auth->tags.count > 0 ? tagged : plain);

    policy_put(s, "Principal", json_pack("{s:s}", "AWS", f->principal));
    if (auth->external_id != NULL || auth->tags.count > 0) {
        policy_put(s, "Condition", trust_condition(auth));
    }
    policy_add(&list, s);
    return policy_write(list, out, err);
}
