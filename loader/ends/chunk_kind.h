/* chunk_kind.h: the ways in which a chunk says which rows it means. */
#ifndef ENDS_CHUNK_KIND_H
#define ENDS_CHUNK_KIND_H

enum chunk_kind {
    CHUNK_WHOLE,    /* all rows */
    CHUNK_TID,      /* bounds are "(block,0)" */
    CHUNK_KEY,      /* bounds are comma-separated SQL literals, one for each key column */
    CHUNK_KEY_NULL, /* rows whose (single) key column is NULL */
};

#endif
