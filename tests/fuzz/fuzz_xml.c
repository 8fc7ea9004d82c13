/*
 * fuzz_xml: for any bytes, there is a tree within its limits and without an error, or an error and
 * no tree; and the readers of errors, roles and databases that walk such trees leave texts that
 * end.
 */
#include "aws/refusal.h"
#include "aws/xml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* Counts without recursion: the deepest first child, then the next one, by a stack of our own. */
static void check_tree(const struct xml_node *root)
{
    const struct xml_node *stack[XML_DEPTH_MAX];
    size_t depth = 0;
    size_t nodes = 0;

    stack[depth++] = root;
    while (depth > 0) {
        const struct xml_node *node = stack[depth - 1];
        require(node->name != NULL && ++nodes <= XML_NODES_MAX);
        require(node->text.len == 0 || node->text.bytes[node->text.len] == '\0');
        require((node->count == 0) == (node->children == NULL));
        stack[depth - 1] = node->next;
        depth -= node->next == NULL ? 1 : 0;
        if (node->children != NULL) {
            require(depth < XML_DEPTH_MAX);
            stack[depth++] = node->children;
        }
    }
}

static void check_refusal(const uint8_t *data, size_t size)
{
    struct http_reply reply = {.status = 400};
    struct aws_refusal refusal;
    struct err err = {0};

    require(secret_set_bytes(&reply.body, data, size, &err));
    refusal_read(&reply, &refusal);
    require(strlen(refusal.code) < sizeof refusal.code);
    require(strlen(refusal.message) < sizeof refusal.message);
    require(strpbrk(refusal.message, "\r\n\033") == NULL);
    require(refusal_kind(refusal_class(&refusal, 0)) != ERR_NONE);
    http_reply_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xml_node *root = NULL;
    struct err err = {0};
    char *bytes = malloc(size == 0 ? 1 : size);

    require(bytes != NULL);
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    if (xml_parse(bytes, size, &root, &err)) {
        require(err.kind == ERR_NONE && root != NULL);
        check_tree(root);
        require(xml_text(root, "AssumeRoleResult/Credentials/AccessKeyId") != NULL);
    } else {
        require(root == NULL && err.kind == ERR_TRANSIENT && err.msg[0] != '\0');
    }
    xml_free(&root);
    free(bytes);
    check_refusal(data, size);
    return 0;
}
