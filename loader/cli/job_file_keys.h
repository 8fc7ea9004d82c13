/*
 * job_file_keys.h: the parts of a job file's reader: which keys a map may have, and what is done
 * with the value of each. For job_file*.c only.
 */
#ifndef CLI_JOB_FILE_KEYS_H
#define CLI_JOB_FILE_KEYS_H

#include "cli/job_file.h"
#include "cli/job_file_notes.h"
#include "cli/job_file_tree.h"

#include <stdbool.h>
#include <stddef.h>

struct job_reader {
    const struct job_file *file;
    struct job_notes notes;
    struct err failure; /* out of memory; everything is given up then */
    bool file_shards;   /* some rule of the file, or the defaults, says mode: sharded */
};

struct job_key {
    const char *name;
    const char *takes; /* for people and for the schema: "text", "true|false", "a|b" */
    /* into is what job_keys was given. */
    void (*take)(struct job_reader *r, const struct tree_node *key, void *into);
};
struct job_keys {
    const struct job_key *keys;
    size_t count;
    const char *what; /* "source", "the options" */
    bool secret;      /* unknown keys here may be a slip with a password: they are not shown */
};

/* Each key of a map is looked up and taken; unknown and repeated ones are noted. A node that is no
 * map is noted too. */
void job_take_map(struct job_reader *r, const struct tree_node *map, const struct job_keys *keys,
                  void *into);
/* The same for free keys: take gets each, after twins were noted. A repeated key is taken once. */
void job_take_entries(struct job_reader *r, const struct tree_node *map, const char *what,
                      void (*take)(struct job_reader *r, const struct tree_node *key, void *into),
                      void *into);
/* Notes what is no map, what is empty, and keys that stand there twice (fold: - and _ are one). */
bool job_check_map(struct job_reader *r, const struct tree_node *map, const char *what, bool fold);

/* A text as it is meant: not what YAML may read as a truth value, a number, a date. NULL when it
 * was noted. hidden: the text does not go into the message. */
const char *job_text(struct job_reader *r, const struct tree_node *n, bool hidden);
/* Likewise, but a plain decimal number is fine. */
const char *job_value(struct job_reader *r, const struct tree_node *n, bool hidden);
/* A table's, schema's or column's name: at most 63 bytes. */
const char *job_name(struct job_reader *r, const struct tree_node *n);
bool job_bool(struct job_reader *r, const struct tree_node *n, bool *out);
/* The place of the text among the words "a|b|c". */
bool job_word(struct job_reader *r, const struct tree_node *n, const char *words, unsigned *out);

/* What a YAML reader may take a plain text for, "" when it is a text to all. *number: it is a
 * decimal number. */
const char *job_yaml_kind(const char *text, bool *number);

/* Copies, or notes the failure. Replaces *slot. */
bool job_keep(struct job_reader *r, char **slot, const char *text);
void job_out_of_memory(struct job_reader *r);

/* The sections. Each is the take of a key of the top. */
void job_take_side(struct job_reader *r, const struct tree_node *key, void *into);
void job_take_options(struct job_reader *r, const struct tree_node *key, void *into);
void job_take_select(struct job_reader *r, const struct tree_node *key, void *into);
void job_take_defaults(struct job_reader *r, const struct tree_node *key, void *into);
void job_take_tables(struct job_reader *r, const struct tree_node *key, void *into);
bool job_file_shards(const struct tree_node *top);
/* After all sections: puts the defaults in front. */
void job_check_rules(struct job_reader *r);
/* Connection strings that {env: NAME} brought are wiped from the environment. */
void job_forget_sides(struct job_reader *r, const struct tree_node *top);

/* One value for an option, through its setter; left aside when something stronger has spoken. env:
 * the variable it came from, or NULL. */
void job_set_option(struct job_reader *r, const struct option_row *row, const struct tree_node *n,
                    const char *text, const char *env);

/* For job_file_print_keys. */
extern const struct job_keys job_side_keys, job_select_keys, job_default_keys, job_rule_keys,
    job_to_keys, job_column_keys;
/* May the row stand under options? */
bool job_option_allowed(const struct option_row *row);
const char *job_option_takes(const struct option_row *row);

#endif
