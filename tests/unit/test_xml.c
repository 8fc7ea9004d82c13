/* xml: the tree, its limits, and what is refused. */
#include "unit.h"

#include "aws/xml.h"
#include "base/buf.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <string.h>

static bool parse(const char *text, struct xml_node **root, struct err *err)
{
    return xml_parse(text, strlen(text), root, err);
}

static void a_tree_is_read(void **state)
{
    CLEANUP(xml_free) struct xml_node *root = NULL;
    struct err err = {0};
    (void)state;

    assert_true(parse("<?xml version=\"1.0\"?>\n<R xmlns=\"urn:x\" xmlns:p=\"urn:y\">\n <p:A> one "
                      "<B/>&amp;&#65;<![CDATA[<two>]]> </p:A><C><D>1</D><D>2</D></C><C>not "
                      "this</C><E/></R>",
                      &root, &err));
    assert_int_equal(err.kind, ERR_NONE);
    assert_string_equal(root->name, "R");
    assert_int_equal(root->count, 4);
    assert_string_equal(secret_reveal(&root->text), "");
    assert_string_equal(xml_text(root, "A"), "one &A<two>");
    assert_string_equal(xml_text(root, "C/D"), "1");
    assert_string_equal(xml_find(root, "C/D")->next->text.bytes, "2");
    assert_null(xml_find(root, "C/D")->next->next);
    assert_string_equal(xml_text(root, "E"), "");
    assert_ptr_equal(xml_find(root, ""), root);
    assert_null(xml_find(root, "R"));
    assert_null(xml_find(root, "C/D/X"));
    assert_null(xml_find(root, "CC"));
    assert_null(xml_find(NULL, "C"));
    assert_string_equal(xml_text(NULL, "C"), "");
}

static void other_encodings_become_utf8(void **state)
{
    CLEANUP(xml_free) struct xml_node *root = NULL;
    struct err err = {0};
    (void)state;

    assert_true(parse("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>", &root, &err));
    assert_string_equal(xml_text(root, ""), "\xc3\xa9");
}

static const char *const refused[] = {
    "",
    " ",
    "text",
    "{\"a\":1}",
    "<a>",
    "<a></b>",
    "<a/><b/>",
    "<a/>tail",
    "<a b></a>",
    "<a>&lol;</a>",
    "<!DOCTYPE a [<!ENTITY lol \"lol\">]><a>&lol;</a>",
    "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
    "<!DOCTYPE html><html></html>",
    "<a>\xff\xfe</a>",
};

static void what_is_not_xml_is_no_answer(void **state)
{
    struct xml_node marker;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct xml_node *root = &marker;
        struct err err = {0};
        assert_false(parse(refused[i], &root, &err));
        assert_int_equal(err.kind, ERR_TRANSIENT);
        assert_ptr_equal(root, &marker);
    }
}

static void a_zero_byte_is_no_xml(void **state)
{
    struct xml_node *root = NULL;
    struct err err = {0};
    (void)state;

    assert_false(xml_parse("<a>\0</a>", 8, &root, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_null(root);
}

static bool parse_nested(size_t depth, struct xml_node **root, struct err *err)
{
    struct buf text;
    buf_init(&text, 1u << 20);

    for (size_t i = 0; i < depth; i++) {
        buf_puts(&text, "<a>");
    }
    for (size_t i = 0; i < depth; i++) {
        buf_puts(&text, "</a>");
    }
    bool ok = parse(buf_str(&text), root, err);
    buf_free(&text);
    return ok;
}

static void depth_has_a_limit(void **state)
{
    struct xml_node *root = NULL;
    struct err err = {0};
    (void)state;

    assert_true(parse_nested(XML_DEPTH_MAX, &root, &err));
    xml_free(&root);
    assert_null(root);
    assert_false(parse_nested(XML_DEPTH_MAX + 1, &root, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_null(root);
}

static bool parse_wide(size_t nodes, struct xml_node **root, struct err *err)
{
    struct buf text;
    buf_init(&text, 1u << 20);

    buf_puts(&text, "<r>");
    for (size_t i = 1; i < nodes; i++) {
        buf_puts(&text, "<a/>");
    }
    buf_puts(&text, "</r>");
    bool ok = parse(buf_str(&text), root, err);
    buf_free(&text);
    return ok;
}

static void the_number_of_nodes_has_a_limit(void **state)
{
    struct xml_node *root = NULL;
    struct err err = {0};
    (void)state;

    assert_true(parse_wide(XML_NODES_MAX, &root, &err));
    assert_int_equal(root->count, XML_NODES_MAX - 1);
    xml_free(&root);
    assert_false(parse_wide(XML_NODES_MAX + 1, &root, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_null(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_is_read),
        cmocka_unit_test(other_encodings_become_utf8),
        cmocka_unit_test(what_is_not_xml_is_no_answer),
        cmocka_unit_test(a_zero_byte_is_no_xml),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(the_number_of_nodes_has_a_limit),
    };
    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
