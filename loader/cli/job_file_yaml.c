#include "cli/job_file_tree.h"

#include "base/heap.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reading {
    const char *text;
    size_t len;
    struct job_notes *notes;
    struct tree *tree;
    struct tree_node *open[TREE_DEPTH_MAX]; /* lists and maps that are not ended */
    struct tree_node *keys[TREE_DEPTH_MAX]; /* of such a map: the key that waits for its value */
    size_t depth;
    unsigned documents;
    bool over; /* nothing after this can be understood */
};

/* ---- what libyaml cannot read ---- */

struct misread {
    const char *begins; /* the byte where reading stopped is one of these */
    const char *say;
};

static const struct misread misreads[] = {
    {"\t", "a tab stands where YAML wants spaces; indent with spaces"                             },
    {"@`", "no text may begin with @ or ` in YAML; put it in quotes"                              },
    {"%",  "no text may begin with % in YAML; put it in quotes"                                   },
    {"*",  "YAML takes what begins with * as an alias; put the text in quotes, as in \"*.events\""},
    {"&",  "YAML takes what begins with & as an anchor; put the text in quotes"                   },
    {"!",  "YAML takes what begins with ! as a tag; put the text in quotes"                       },
};

static const char *misread_at(const struct reading *r, size_t at)
{
    char byte = '\0';
    if (at < r->len) {
        byte = r->text[at];
    }
    for (size_t i = 0; byte != '\0' && i < sizeof misreads / sizeof misreads[0]; i++) {
        if (strchr(misreads[i].begins, byte) != NULL) {
            return misreads[i].say;
        }
    }
    return NULL;
}

/* libyaml's own words for the common ones mean little to who has not read its source. */
static const char *reworded(const char *problem)
{
    static const char *const words[][2] = {
        {"mapping values are not allowed", "a \": \" here does not fit: put a text that holds one "
                                           "in quotes, and look at the indentation"         },
        {"did not find expected key",      "a key at the depth of its neighbours is wanted here; "
                                      "look at the indentation and at quotes that are not closed"},
        {"could not find expected ':'",    "a key without a colon; write KEY: VALUE"                                                  },
        {"did not find expected ',' or",
         "a [ or { begins here that is not closed, or lacks a comma"                                                                  },
        {"found unexpected end of stream", "a quote is not closed"                                                                    },
        {"found character that cannot",    "no text may begin like this; put it in quotes"                                            },
        {"control characters are not",     "a character that is not allowed; in double quotes it "
                                       "can be written as \\xNN or \\uNNNN"                     },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(problem, words[i][0], strlen(words[i][0])) == 0) {
            return words[i][1];
        }
    }
    return problem;
}

/* An alias without a name ("*.events") and a directive are noticed behind their first byte. */
static size_t problem_at(const struct reading *r, const yaml_parser_t *parser)
{
    const char *context = parser->context == NULL ? "" : parser->context;
    bool begun = strstr(context, "alias") != NULL || strstr(context, "anchor") != NULL ||
                 strstr(context, "directive") != NULL || strstr(context, "tag") != NULL;
    size_t at = parser->error == YAML_READER_ERROR ? parser->problem_offset
                : begun                            ? parser->context_mark.index
                                                   : parser->problem_mark.index;
    return at < r->len ? at : r->len;
}

/* A mark counts characters, the text is bytes. */
static size_t byte_of(const struct reading *r, size_t character)
{
    size_t at = 0;
    for (; at < r->len; at++) {
        if (((unsigned char)r->text[at] & 0xC0) != 0x80 && character-- == 0) {
            break;
        }
    }
    return at;
}

static void note_parse(struct reading *r, const yaml_parser_t *parser)
{
    unsigned line = 0;
    unsigned column = 0;
    size_t at = problem_at(r, parser);
    if (parser->error != YAML_READER_ERROR) {
        at = byte_of(r, at);
    }
    const char *problem = parser->problem == NULL ? "it cannot be read" : parser->problem;
    const char *say = misread_at(r, at);
    bool unclosed =
        strstr(problem, "end of stream") != NULL || strstr(problem, "expected ','") != NULL;
    if (unclosed && parser->context != NULL) {
        at = byte_of(r, parser->context_mark.index); /* where it began says more */
    }
    tree_place(r->text, at, &line, &column);
    job_note(r->notes, line, column, "%s", say != NULL && !unclosed ? say : reworded(problem));
    r->over = true;
}

/* ---- the tree ---- */

static struct tree_node *new_node(struct reading *r, enum tree_kind kind, const yaml_event_t *e)
{
    struct tree_node *n = calloc(1, sizeof *n);
    if (n != NULL) {
        n->kind = kind;
        n->line = (unsigned)e->start_mark.line + 1;
        n->column = (unsigned)e->start_mark.column + 1;
        n->chain = r->tree->all;
        r->tree->all = n;
        r->tree->count++;
    }
    return n;
}

static void append(struct tree_node *to, struct tree_node *n)
{
    if (to->last == NULL) {
        to->first = n;
    } else {
        to->last->next = n;
    }
    to->last = n;
    to->count++;
}

static void put(struct reading *r, struct tree_node *n)
{
    struct tree_node *top = r->depth == 0 ? NULL : r->open[r->depth - 1];
    struct tree_node **key = r->depth == 0 ? NULL : &r->keys[r->depth - 1];
    if (top == NULL) {
        r->tree->root = n;
    } else if (top->kind == TREE_LIST) {
        append(top, n);
    } else if (*key != NULL) {
        (*key)->value = n;
        *key = NULL;
    } else {
        append(top, n);
        *key = n;
    }
}

static bool is_key(const struct reading *r)
{
    return r->depth > 0 && r->open[r->depth - 1]->kind == TREE_MAP && r->keys[r->depth - 1] == NULL;
}

static void end_reading(struct reading *r, const yaml_event_t *e, const char *say)
{
    job_note(r->notes, (unsigned)e->start_mark.line + 1, (unsigned)e->start_mark.column + 1, "%s",
             say);
    r->over = true;
}

static bool open_node(struct reading *r, enum tree_kind kind, const yaml_event_t *e,
                      struct err *err)
{
    if (is_key(r)) {
        end_reading(r, e, "a key has to be a text, not a list or a map");
        return true;
    }
    if (r->depth >= TREE_DEPTH_MAX) {
        end_reading(r, e, "lists and maps lie deeper in each other than 20; a job file needs 5");
        return true;
    }
    struct tree_node *n = new_node(r, kind, e);
    if (n == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the job file");
    }
    put(r, n);
    r->open[r->depth] = n;
    r->keys[r->depth++] = NULL;
    return true;
}

static bool take_text(struct reading *r, const yaml_event_t *e, struct err *err)
{
    const char *value = (const char *)e->data.scalar.value;
    struct tree_node *n = new_node(r, TREE_TEXT, e);
    if (n == NULL || (n->text = strdup(value)) == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the job file");
    }
    n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (strlen(value) != e->data.scalar.length) {
        job_note(r->notes, n->line, n->column, "a zero byte (\\0) stands in the text; take it out");
    }
    if (is_key(r) && n->plain && strcmp(value, "<<") == 0) {
        job_note(r->notes, n->line, n->column,
                 "merge keys (<<) are not taken; write the keys themselves");
        n->bad = true;
    }
    put(r, n);
    return true;
}

/* So that reading can go on, an alias stands as an empty text. */
static bool take_alias(struct reading *r, const yaml_event_t *e, struct err *err)
{
    job_note(r->notes, (unsigned)e->start_mark.line + 1, (unsigned)e->start_mark.column + 1,
             "aliases (*NAME) are not taken; write the value itself, or put a pattern that begins "
             "with * in quotes");
    struct tree_node *n = new_node(r, TREE_TEXT, e);
    if (n == NULL || (n->text = strdup("")) == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the job file");
    }
    n->bad = true;
    put(r, n);
    return true;
}

static void refuse_properties(struct reading *r, const yaml_event_t *e, const yaml_char_t *anchor,
                              const yaml_char_t *tag)
{
    unsigned line = (unsigned)e->start_mark.line + 1;
    unsigned column = (unsigned)e->start_mark.column + 1;
    if (anchor != NULL) {
        job_note(r->notes, line, column,
                 "anchors (&NAME) are not taken; put a text that begins with & in quotes");
    }
    if (tag != NULL) {
        job_note(r->notes, line, column,
                 "tags (!NAME) are not taken; put a text that begins with ! in quotes");
    }
}

static void take_document(struct reading *r, const yaml_event_t *e)
{
    const yaml_tag_directive_t *tags = e->data.document_start.tag_directives.start;
    if (++r->documents > 1) {
        end_reading(r, e, "a second document begins here; a job file has one");
    } else if (e->data.document_start.version_directive != NULL ||
               tags != e->data.document_start.tag_directives.end) {
        end_reading(r, e, "directives (%) are not taken; leave the line out");
    }
}

static bool take_event(struct reading *r, const yaml_event_t *e, struct err *err)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        take_document(r, e);
        return true;
    case YAML_ALIAS_EVENT:
        return take_alias(r, e, err);
    case YAML_SCALAR_EVENT:
        refuse_properties(r, e, e->data.scalar.anchor, e->data.scalar.tag);
        return take_text(r, e, err);
    case YAML_SEQUENCE_START_EVENT:
        refuse_properties(r, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        return open_node(r, TREE_LIST, e, err);
    case YAML_MAPPING_START_EVENT:
        refuse_properties(r, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        return open_node(r, TREE_MAP, e, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return true;
    case YAML_STREAM_END_EVENT:
        r->over = true;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    default:
        return true;
    }
}

static bool take_events(struct reading *r, yaml_parser_t *parser, struct err *err)
{
    bool ok = true;
    while (ok && !r->over) {
        yaml_event_t e;
        if (yaml_parser_parse(parser, &e) == 0) {
            if (parser->error == YAML_MEMORY_ERROR) {
                return err_set(err, ERR_SYSTEM, "out of memory for the job file");
            }
            note_parse(r, parser);
            return true;
        }
        ok = take_event(r, &e, err);
        if (ok && !r->over && r->tree->count > TREE_NODES_MAX) {
            end_reading(r, &e,
                        "this is the 100,001st value; no job file is that long, use patterns");
        }
        yaml_event_delete(&e);
    }
    return ok;
}

bool tree_read(const char *text, size_t len, struct job_notes *notes, struct tree *out,
               struct err *err)
{
    yaml_parser_t parser;
    struct tree tree = {.root = NULL};
    struct reading r = {.text = text, .len = len, .notes = notes, .tree = &tree};
    size_t noted = notes->count;

    /* The file may hold a password that is about to be refused, and libyaml copies texts. */
    heap_wipe_begin();
    bool ok = yaml_parser_initialize(&parser) != 0;
    if (ok) {
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
        ok = take_events(&r, &parser, err);
        yaml_parser_delete(&parser);
    } else {
        (void)err_set(err, ERR_SYSTEM, "out of memory for the job file");
    }
    heap_wipe_end();
    if (!ok) {
        tree_free(&tree);
        return false;
    }
    if (tree.root == NULL && notes->count == noted) {
        job_note(notes, 1, 1, "the file is empty; begin with \"version: 1\"");
    }
    if (notes->count > noted && (r.depth > 0 || r.documents > 1)) {
        tree.root = NULL; /* half a document would be blamed for what it has not */
    }
    *out = tree;
    return true;
}

void tree_free(struct tree *t)
{
    while (t->all != NULL) {
        struct tree_node *n = t->all;
        t->all = n->chain;
        if (n->text != NULL) {
            secret_wipe(n->text, strlen(n->text));
        }
        free(n->text);
        free(n);
    }
    *t = (struct tree){.root = NULL};
}

void tree_place(const char *text, size_t at, unsigned *line, unsigned *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            ++*column;
        }
    }
}
