#include "cli/aws_setup_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *policy_words(const char *const *words)
{
    json_t *list = json_array();
    for (size_t i = 0; words[i] != NULL; i++) {
        if (json_array_append_new(list, json_string(words[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *policy_statement(const char *sid, const char *label, const char *const *actions)
{
    json_t *list = policy_words(actions);
    char id[128];

    (void)snprintf(id, sizeof id, "%s%s", sid, label); /* letters and digits, as a Sid must be */
    json_t *statement = list == NULL ? NULL : json_pack("{s:s, s:s}", "Sid", id, "Effect", "Allow");
    if (statement == NULL || json_object_set(statement, "Action", list) != 0) {
        json_decref(statement);
        statement = NULL;
    }
    json_decref(list);
    return statement;
}

/* A statement that lacks a piece must not pass for a whole one: without a condition it would allow
 * more than was meant. */
void policy_put(json_t *statement, const char *key, json_t *value)
{
    if (json_object_set_new(statement, key, value) != 0) {
        (void)json_object_del(statement, "Effect");
    }
}

void policy_add(json_t **statements, json_t *statement)
{
    bool whole = json_object_get(statement, "Effect") != NULL;
    if (!whole || json_array_append(*statements, statement) != 0) {
        json_decref(*statements);
        *statements = NULL;
    }
    json_decref(statement);
}

static bool write(json_t *root, struct buf *out, struct err *err)
{
    char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    if (text == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for a policy");
    }
    buf_puts(out, text);
    buf_puts(out, "\n");
    free(text);
    return true;
}

bool policy_write(json_t *statements, struct buf *out, struct err *err)
{
    json_t *root = statements == NULL
                       ? NULL
                       : json_pack("{s:s, s:o}", "Version", "2012-10-17", "Statement", statements);
    return write(root, out, err);
}

bool policy_write_list(json_t *statements, struct buf *out, struct err *err)
{
    return write(statements, out, err);
}

void policy_literal(struct buf *out, const char *text, bool resource)
{
    for (; *text != '\0'; text++) {
        if (text[0] == '$' && text[1] == '{') {
            buf_puts(out, "${$}");
        } else if (resource && (*text == '*' || *text == '?')) {
            buf_printf(out, "${%c}", *text);
        } else {
            buf_add(out, text, 1);
        }
    }
}
