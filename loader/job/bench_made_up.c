/* Rows for tables that have none: one expression for each column, of the row's number g. */
#include "job/bench_internal.h"

#include "pg/type_oids.h"

/* Beside those of pg/type_oids.h, from pg_type.dat too. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INET = 869, OID_DATE = 1082, OID_UUID = 2950 };

/* The kinds of values that can be made up; text is some 65 characters, as a row of a usual table
 * has a few short texts. */
static const struct {
    uint32_t oid;
    const char *expression;
} made_up[] = {
    {OID_BOOL,        "g % 2 = 0"                                            },
    {OID_INT2,        "g % 30000"                                            },
    {OID_INT4,        "g"                                                    },
    {OID_INT8,        "g * 1000003::bigint"                                  },
    {OID_FLOAT4,      "g / 7.0"                                              },
    {OID_FLOAT8,      "g / 7.0"                                              },
    {OID_TEXT,        "md5(g::text) || ' ' || md5((g + 1)::text)"            },
    {OID_VARCHAR,     "md5(g::text) || ' ' || md5((g + 1)::text)"            },
    {OID_BPCHAR,      "md5(g::text)"                                         },
    {OID_BYTEA,       "decode(md5(g::text) || md5((g + 1)::text), 'hex')"    },
    {OID_UUID,        "md5(g::text)"                                         },
    {OID_DATE,        "date '2000-01-01' + g % 9000"                         },
    {OID_TIMESTAMP,   "timestamp '2000-01-01' + g * interval '7.7 minutes'"  },
    {OID_TIMESTAMPTZ, "timestamptz '2000-01-01' + g * interval '7.7 minutes'"},
    {OID_TIME,        "time '00:00' + g * interval '7.7 seconds'"            },
    {OID_INTERVAL,    "g * interval '7.7 minutes'"                           },
    {OID_INET,        "inet '10.0.0.0' + g % 60000"                          },
    {OID_JSON,        "json_build_object('id', g, 'text', md5(g::text))"     },
    {OID_JSONB,       "jsonb_build_object('id', g, 'text', md5(g::text))"    },
};

/* numeric(p,s) has p - s digits before the point. */
static void add_number(const struct column *c, struct buf *out)
{
    int digits = c->typmod < 4 ? 6 : ((c->typmod - 4) >> 16 & 0xFFFF) - ((c->typmod - 4) & 0x7FF);
    static const char *const limits[] = {"1", "10", "100", "1000", "10000", "100000", "1000000"};
    digits = digits < 0 ? 0 : digits > 6 ? 6 : digits;
    buf_printf(out, "g %% %s", limits[digits]);
}

static bool add_expression(const struct column *c, struct buf *out)
{
    if (c->type_oid == OID_NUMERIC) {
        add_number(c, out);
        return true;
    }
    for (size_t i = 0; i < sizeof made_up / sizeof made_up[0]; i++) {
        if (made_up[i].oid == c->type_oid) {
            buf_puts(out, made_up[i].expression);
            return true;
        }
    }
    return false;
}

static void add_column(const struct column *c, const struct type_set *types, struct buf *out)
{
    const struct type_info *type = type_set_find(types, c->type_oid);
    buf_puts(out, "(");
    if (type != NULL && type->kind == 'e' && type->label_count > 0) {
        pg_add_literal(out, type->labels[0]);
    } else if (!add_expression(c, out)) {
        buf_puts(out, "NULL");
    }
    buf_printf(out, ")::%s", c->type_name); /* which cuts texts to their length */
}

void bench_made_up(const struct relation *table, const struct type_set *types, unsigned rows,
                   struct buf *out)
{
    const char *comma = "";
    buf_puts(out, "SELECT ");
    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].generated) {
            buf_puts(out, comma);
            add_column(&table->columns[i], types, out);
            comma = ", ";
        }
    }
    buf_printf(out, " FROM generate_series(1, %u) AS g", rows);
}
