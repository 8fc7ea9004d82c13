#include "aws/xml.h"

#include "aws/wipe.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* An element that is not closed yet. */
struct level {
    struct xml_node *node;
    struct xml_node *last; /* its youngest child */
};

struct parsing {
    XML_Parser parser;
    struct xml_node *root;
    struct level levels[XML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    struct err err; /* why the parser was stopped, if it was */
};

static void stop(struct parsing *p, enum err_kind kind, const char *why)
{
    if (p->err.kind == ERR_NONE) {
        (void)err_set(&p->err, kind, "%s", why);
    }
    (void)XML_StopParser(p->parser, XML_FALSE);
}

static struct xml_node *make_node(const char *name)
{
    const char *colon = strrchr(name, ':');
    struct xml_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    node->name = strdup(colon == NULL ? name : colon + 1);
    if (node->name == NULL) {
        free(node);
        return NULL;
    }
    return node;
}

static void append_child(struct level *parent, struct xml_node *node)
{
    if (parent->last == NULL) {
        parent->node->children = node;
    } else {
        parent->last->next = node;
    }
    parent->last = node;
    parent->node->count++;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    (void)attributes;
    struct parsing *p = arg;
    /* The parser may still hand out what it had read when it was stopped. */
    if (p->err.kind != ERR_NONE) {
        return;
    }
    if (p->depth == XML_DEPTH_MAX || p->nodes == XML_NODES_MAX) {
        stop(p, ERR_TRANSIENT, "an XML document of more elements than any answer has");
        return;
    }
    struct xml_node *node = make_node(name);
    if (node == NULL) {
        stop(p, ERR_SYSTEM, "out of memory");
        return;
    }
    if (p->depth == 0) {
        p->root = node;
    } else {
        append_child(&p->levels[p->depth - 1], node);
    }
    p->levels[p->depth++] = (struct level){.node = node};
    p->nodes++;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool trim(struct secret *text, struct err *err)
{
    size_t start = 0;
    size_t end = text->len;

    while (start < end && is_blank(text->bytes[start])) {
        start++;
    }
    while (end > start && is_blank(text->bytes[end - 1])) {
        end--;
    }
    if (end - start == text->len) {
        return true;
    }
    return secret_set_bytes(text, text->bytes + start, end - start, err);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    (void)name;
    struct parsing *p = arg;
    if (p->err.kind != ERR_NONE) {
        return;
    }
    p->depth--;
    if (!trim(&p->levels[p->depth].node->text, &p->err)) {
        stop(p, ERR_SYSTEM, "out of memory");
    }
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    struct parsing *p = arg;
    if (p->err.kind != ERR_NONE || p->depth == 0) {
        return;
    }
    if (!secret_append(&p->levels[p->depth - 1].node->text, text, (size_t)len, &p->err)) {
        stop(p, ERR_SYSTEM, "out of memory");
    }
}

/* Without a document type there are no entities of its own, so nothing can grow while it is read.
 */
static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    stop(arg, ERR_TRANSIENT, "an XML document with a document type");
}

static bool parse(struct parsing *p, const char *bytes, size_t len)
{
    XML_SetUserData(p->parser, p);
    XML_SetElementHandler(p->parser, on_start, on_end);
    XML_SetCharacterDataHandler(p->parser, on_text);
    XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
    if (XML_Parse(p->parser, bytes, (int)len, XML_TRUE) == XML_STATUS_OK) {
        return true;
    }
    if (p->err.kind == ERR_NONE) {
        enum XML_Error code = XML_GetErrorCode(p->parser);
        (void)err_set(&p->err, code == XML_ERROR_NO_MEMORY ? ERR_SYSTEM : ERR_TRANSIENT,
                      "not an XML document: %s", XML_ErrorString(code));
    }
    return false;
}

bool xml_parse(const char *bytes, size_t len, struct xml_node **root, struct err *err)
{
    static const XML_Memory_Handling_Suite memory = {malloc, wipe_realloc, wipe_free};
    struct parsing p = {0};

    if (len > INT_MAX) {
        return err_set(err, ERR_TRANSIENT, "an XML document of %zu bytes", len);
    }
    p.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (p.parser == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    bool parsed = parse(&p, bytes, len);
    XML_ParserFree(p.parser);
    if (!parsed) {
        xml_free(&p.root);
        *err = p.err;
        return false;
    }
    *root = p.root;
    return true;
}

/* Takes the tree apart from the front: a node's children are put in its place, so that neither
 * depth nor width costs stack. */
void xml_free(struct xml_node **root)
{
    struct xml_node *node = *root;

    *root = NULL;
    while (node != NULL) {
        struct xml_node *rest = node->next;
        if (node->children != NULL) {
            struct xml_node *last = node->children;
            while (last->next != NULL) {
                last = last->next;
            }
            last->next = rest;
            rest = node->children;
        }
        secret_free(&node->text);
        free(node->name);
        free(node);
        node = rest;
    }
}

static const struct xml_node *child_named(const struct xml_node *node, const char *name, size_t len)
{
    const struct xml_node *child = node->children;

    while (child != NULL && (strncmp(child->name, name, len) != 0 || child->name[len] != '\0')) {
        child = child->next;
    }
    return child;
}

const struct xml_node *xml_find(const struct xml_node *node, const char *path)
{
    while (node != NULL && *path != '\0') {
        size_t len = strcspn(path, "/");
        node = child_named(node, path, len);
        path += len + (path[len] == '/' ? 1 : 0);
    }
    return node;
}

const char *xml_text(const struct xml_node *node, const char *path)
{
    const struct xml_node *found = xml_find(node, path);
    return found == NULL ? "" : secret_reveal(&found->text);
}
