/*
 * job_file_tree.h: a YAML document as a tree of texts, lists and maps, each with its place. The one
 * door to libyaml (job_file_yaml.c).
 *
 * Only what a configuration needs: one document, no anchors, aliases, tags or merge keys; keys are
 * texts. Source of the format: YAML 1.1, as libyaml 0.2 reads it.
 */
#ifndef CLI_JOB_FILE_TREE_H
#define CLI_JOB_FILE_TREE_H

#include "base/err.h"
#include "cli/job_file_notes.h"

#include <stdbool.h>
#include <stddef.h>

#define TREE_DEPTH_MAX 20
#define TREE_NODES_MAX 100000u /* of 1 MB of text; a node is some 100 bytes */

enum tree_kind { TREE_TEXT, TREE_LIST, TREE_MAP };

struct tree_node {
    enum tree_kind kind;
    bool plain; /* a text without quotes: YAML may take it as something else */
    bool bad;   /* it is in the notes, and stands only to keep the shape */
    unsigned line, column;
    char *text;                     /* of a text, UTF-8 without NUL; else NULL */
    struct tree_node *first, *last; /* items of a list, keys of a map */
    size_t count;
    struct tree_node *next;  /* the next item or key */
    struct tree_node *value; /* of a map's key; never NULL there */
    struct tree_node *chain; /* all nodes, for tree_free */
};

struct tree {
    struct tree_node *root; /* NULL after a problem that ended the reading */
    struct tree_node *all;
    size_t count;
};

/* Problems go into notes; what can be read in spite of them is in the tree. text is len bytes of
 * valid UTF-8 without NUL and byte order mark (job_file_scan). ERR_SYSTEM without memory. */
bool tree_read(const char *text, size_t len, struct job_notes *notes, struct tree *out,
               struct err *err) MUST_CHECK;
void tree_free(struct tree *t); /* wipes the texts; zeroed is allowed */

/* Line and column, from 1, of a byte of text. */
void tree_place(const char *text, size_t at, unsigned *line, unsigned *column);

#endif
