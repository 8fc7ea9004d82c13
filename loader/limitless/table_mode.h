/* table_mode.h: the kinds of table that a shard group has. */
#ifndef LIMITLESS_TABLE_MODE_H
#define LIMITLESS_TABLE_MODE_H

enum table_mode {
    TABLE_MODE_UNSAID, /* by nobody: what the table is, or standard for a new one */
    TABLE_STANDARD,    /* whole, on one shard */
    TABLE_SHARDED,     /* spread over the shards by the hash of its shard key */
    TABLE_REFERENCE,   /* whole, on every shard */
};

#endif
