/* xml.h: what STS and RDS answer, as a small tree. The parser is expat; a document type, so also
 * any entity but the five built-in ones and character references, is refused, as are documents past
 * the limits. Pure. */
#ifndef AWS_XML_H
#define AWS_XML_H

#include "base/err.h"
#include "base/secret.h"

#include <stddef.h>

#define XML_DEPTH_MAX 64
#define XML_NODES_MAX 100000

struct xml_node {
    char *name;         /* without namespace prefix */
    struct secret text; /* the character data directly below, blanks at both ends removed; wiped */
    struct xml_node *children; /* the first of them */
    size_t count;
    struct xml_node *next; /* the next child of the same parent; NULL at the last one */
};

/* ERR_TRANSIENT when it is not well-formed or past a limit: what answered is not the service.
 * ERR_SYSTEM without memory. */
bool xml_parse(const char *bytes, size_t len, struct xml_node **root, struct err *err) MUST_CHECK;
void xml_free(struct xml_node **root); /* for CLEANUP */

/* By a path of names below node, as in "AssumeRoleResult/Credentials", always the first child of a
 * name; NULL when there is none. node NULL gives NULL. */
const struct xml_node *xml_find(const struct xml_node *node, const char *path);
/* Its text; "" when there is none. Borrowed. */
const char *xml_text(const struct xml_node *node, const char *path);

#endif
