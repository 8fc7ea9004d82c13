/* rds: clusters and instances, by name, ARN and host. */
#include "call_fixture.h"

#include "aws/rds.h"

#define CLUSTER_MISSING                                                                      \
    "<ErrorResponse><Error><Code>DBClusterNotFoundFault</Code><Message>no</Message></Error>" \
    "</ErrorResponse>"
#define INSTANCE_MISSING                                                                 \
    "<ErrorResponse><Error><Code>DBInstanceNotFound</Code><Message>no</Message></Error>" \
    "</ErrorResponse>"
#define SHOP_ARN "arn:aws:rds:eu-west-1:1:cluster:shop"

#define CLUSTER(name, more)                                                                \
    "<DBCluster><AllocatedStorage>1</AllocatedStorage><DBClusterIdentifier>" name          \
    "</DBClusterIdentifier><DBClusterArn>arn:aws:rds:eu-west-1:1:cluster:" name            \
    "</DBClusterArn><DBClusterMembers><DBClusterMember><DBInstanceIdentifier>i</"          \
    "DBInstanceIdentifier></DBClusterMember></DBClusterMembers><Endpoint>" name            \
    ".cluster-x.eu-west-1.rds.amazonaws.com</Endpoint><ReaderEndpoint>" name               \
    ".cluster-ro-x.eu-west-1.rds.amazonaws.com</ReaderEndpoint><Port>5432</Port>"          \
    "<DbClusterResourceId>cluster-" name "</DbClusterResourceId><Engine>aurora-postgresql" \
    "</Engine><Status>available</Status>" more "</DBCluster>"
#define CLUSTERS(list, marker)                                                        \
    "<DescribeDBClustersResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">" \
    "<DescribeDBClustersResult><DBClusters>" list "</DBClusters>" marker              \
    "</DescribeDBClustersResult></DescribeDBClustersResponse>"
#define INSTANCE(name, more)                                                                       \
    "<DBInstance><DBInstanceIdentifier>" name                                                      \
    "</DBInstanceIdentifier><DBInstanceArn>arn:aws:rds:eu-west-1:1:db:" name                       \
    "</DBInstanceArn><Endpoint><Address>" name ".x.eu-west-1.rds.amazonaws.com</Address>"          \
    "<Port>5433</Port></Endpoint><DbiResourceId>db-" name                                          \
    "</DbiResourceId><Engine>postgres</Engine><DBInstanceStatus>available</DBInstanceStatus>" more \
    "</DBInstance>"
#define INSTANCES(list, marker)                                                  \
    "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>" list \
    "</DBInstances>" marker "</DescribeDBInstancesResult></DescribeDBInstancesResponse>"
#define IAM    "<IAMDatabaseAuthenticationEnabled>true</IAMDatabaseAuthenticationEnabled>"
#define SECRET "<MasterUserSecret><SecretArn>arn:s</SecretArn></MasterUserSecret>"

static bool find(struct call_world *w, const char *id, struct aws_database *d)
{
    return aws_rds_find(&w->caller, id, d, &w->err);
}

static void a_cluster_is_found(void **state)
{
    struct call_world w;
    struct aws_database d = {0};
    (void)state;

    world_start(&w);
    answer(&w, 200, CLUSTERS(CLUSTER("shop", IAM SECRET), ""));
    assert_fine(&w, find(&w, "shop", &d));
    assert_true(d.cluster);
    assert_string_equal(d.id, "shop");
    assert_string_equal(d.arn, SHOP_ARN);
    assert_string_equal(d.endpoint, "shop.cluster-x.eu-west-1.rds.amazonaws.com");
    assert_string_equal(d.reader, "shop.cluster-ro-x.eu-west-1.rds.amazonaws.com");
    assert_int_equal(d.port, 5432);
    assert_string_equal(d.resource_id, "cluster-shop");
    assert_string_equal(d.engine, "aurora-postgresql");
    assert_string_equal(d.status, "available");
    assert_string_equal(d.master_secret_arn, "arn:s");
    assert_true(d.iam_enabled);
    assert_false(d.limitless);
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_string_equal(r->url, "https://rds.us-east-1.amazonaws.com/");
    assert_string_equal(r->body, "Action=DescribeDBClusters&Version=2014-10-31&DBClusterIdentifier="
                                 "shop");
    world_end(&w);
}

struct limitless_case {
    const char *body;
    bool want;
};

static void limitless_is_seen_in_two_places(void **state)
{
#define KIND(k) CLUSTERS(CLUSTER("s", "<ClusterScalabilityType>" k "</ClusterScalabilityType>"), "")
#define STATUS(s) \
    CLUSTERS(CLUSTER("s", "<LimitlessDatabase><Status>" s "</Status></LimitlessDatabase>"), "")
    static const struct limitless_case cases[] = {
        {KIND("limitless"),    true },
        {KIND("standard"),     false},
        {STATUS("enabled"),    true },
        {STATUS("active"),     true },
        {STATUS("not-in-use"), false},
        {STATUS("disabled"),   false},
        {STATUS(""),           false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct call_world w;
        struct aws_database d = {0};
        world_start(&w);
        answer(&w, 200, cases[i].body);
        assert_fine(&w, find(&w, "s", &d));
        assert_int_equal(d.limitless, cases[i].want);
        assert_false(d.iam_enabled);
        world_end(&w);
    }
}

static void an_instance_is_looked_for_next(void **state)
{
    struct call_world w;
    struct aws_database d = {0};
    (void)state;

    world_start(&w);
    answer(&w, 404, CLUSTER_MISSING);
    answer(&w, 200, INSTANCES(INSTANCE("solo", IAM), ""));
    assert_fine(&w, find(&w, "solo", &d));
    assert_false(d.cluster);
    assert_string_equal(d.endpoint, "solo.x.eu-west-1.rds.amazonaws.com");
    assert_string_equal(d.reader, "");
    assert_int_equal(d.port, 5433);
    assert_string_equal(d.resource_id, "db-solo");
    assert_true(d.iam_enabled);

    answer(&w, 404, CLUSTER_MISSING);
    answer(&w, 404, INSTANCE_MISSING);
    assert_failed(&w, find(&w, "nobody", &d), ERR_USAGE, "instance \"nobody\"");
    assert_says(&w, "Region (us-east-1)");
    assert_string_equal(d.id, "solo");
    world_end(&w);
}

/* An instance of Aurora: logins are allowed by the cluster's id. */
static void an_instance_of_a_cluster_has_its_cluster_id(void **state)
{
    struct call_world w;
    struct aws_database d = {0};
    (void)state;

    world_start(&w);
    answer(&w, 404, CLUSTER_MISSING);
    answer(&w, 200,
           INSTANCES(INSTANCE("one", "<DBClusterIdentifier>shop</DBClusterIdentifier>"), ""));
    answer(&w, 200, CLUSTERS(CLUSTER("shop", SECRET), ""));
    assert_fine(&w, find(&w, "one", &d));
    assert_false(d.cluster);
    assert_string_equal(d.id, "one");
    assert_string_equal(d.resource_id, "cluster-shop");
    assert_string_equal(d.master_secret_arn, "arn:s");
    assert_string_equal(d.endpoint, "one.x.eu-west-1.rds.amazonaws.com");
    world_end(&w);
}

static void an_arn_says_what_and_where(void **state)
{
    struct call_world w;
    struct aws_database d = {0};
    (void)state;

    world_start(&w);
    answer(&w, 200, CLUSTERS(CLUSTER("shop", ""), ""));
    assert_fine(&w, find(&w, SHOP_ARN, &d));
    assert_string_equal(fake_platform_request(w.fake, 0)->url,
                        "https://rds.eu-west-1.amazonaws.com/");
    answer(&w, 404, INSTANCE_MISSING);
    assert_failed(&w, find(&w, "arn:aws:rds:eu-west-1:1:db:x", &d), ERR_USAGE, "eu-west-1");
    assert_non_null(strstr(fake_platform_request(w.fake, 1)->body, "Action=DescribeDBInstances"));
    assert_failed(&w, find(&w, "arn:aws:rds:eu-west-1:1:snapshot:x", &d), ERR_USAGE, "snapshot");
    assert_failed(&w, find(&w, "", &d), ERR_USAGE, "name");
    world_end(&w);
}

static void denied_it_says_what_to_add(void **state)
{
    struct call_world w;
    struct aws_database d = {0};
    bool found = false;
    (void)state;

    world_start(&w);
    answer_times(&w, 2, 403,
                 "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>");
    assert_failed(&w, find(&w, "shop", &d), ERR_AUTH,
                  "\"Action\":\"rds:DescribeDBClusters\",\"Resource\":\"arn:aws:rds:us-east-1:"
                  "123456789012:cluster:shop\"}");
    assert_failed(&w, aws_rds_find_by_host(&w.caller, "h", &d, &found, &w.err), ERR_AUTH,
                  "\"Resource\":\"arn:aws:rds:us-east-1:123456789012:cluster:*\"}");
    world_end(&w);
}

static void a_host_is_looked_for_page_by_page(void **state)
{
    struct call_world w;
    struct aws_database d = {0};
    bool found = false;
    (void)state;

    world_start(&w);
    answer(&w, 200, CLUSTERS(CLUSTER("a", "") CLUSTER("b", ""), "<Marker>m/1</Marker>"));
    answer(&w, 200, CLUSTERS("", "<Marker></Marker>"));
    answer(&w, 200, INSTANCES(INSTANCE("i", "") INSTANCE("j", ""), ""));
    assert_fine(
        &w, aws_rds_find_by_host(&w.caller, "J.x.eu-west-1.RDS.amazonaws.com", &d, &found, &w.err));
    assert_true(found);
    assert_string_equal(d.id, "j");
    assert_string_equal(fake_platform_request(w.fake, 0)->body,
                        "Action=DescribeDBClusters&Version=2014-10-31&MaxRecords=100");
    assert_non_null(strstr(fake_platform_request(w.fake, 1)->body, "&Marker=m%2F1"));
    assert_null(strstr(fake_platform_request(w.fake, 2)->body, "Marker"));
    world_end(&w);
}

static void each_endpoint_of_a_cluster_is_its(void **state)
{
    static const char *const hosts[] = {"b.cluster-x.eu-west-1.rds.amazonaws.com",
                                        "b.cluster-ro-x.eu-west-1.rds.amazonaws.com",
                                        "mine.cluster-custom-x.eu-west-1.rds.amazonaws.com"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct call_world w;
        struct aws_database d = {0};
        bool found = false;
        world_start(&w);
        answer(&w, 200,
               CLUSTERS(CLUSTER("a", "")
                            CLUSTER("b", "<CustomEndpoints><member>other</member><member>mine."
                                         "cluster-custom-x.eu-west-1.rds.amazonaws.com"
                                         "</member></CustomEndpoints>"),
                        "<Marker>more</Marker>"));
        assert_fine(&w, aws_rds_find_by_host(&w.caller, hosts[i], &d, &found, &w.err));
        assert_true(found);
        assert_string_equal(d.id, "b");
        world_end(&w);
    }
}

static void a_host_that_nobody_has_is_not_found(void **state)
{
    struct call_world w;
    struct aws_database d = {.id = "old"};
    bool found = true;
    (void)state;

    world_start(&w);
    /* A service that always has one more page. */
    answer_times(&w, 10, 200, CLUSTERS(CLUSTER("a", ""), "<Marker>m</Marker>"));
    answer(&w, 200, INSTANCES("", ""));
    assert_fine(&w, aws_rds_find_by_host(&w.caller, "h", &d, &found, &w.err));
    assert_false(found);
    assert_string_equal(d.id, "old");
    world_end(&w);
}

static void what_is_no_answer_is_asked_for_again(void **state)
{
    static const char *const bodies[] = {
        "sesame",
        "<DescribeDBClustersResponse/>",
        "<html><body/></html>",
        CLUSTERS("<DBCluster/>", ""),
        CLUSTERS("<DBCluster><DBClusterIdentifier>a</DBClusterIdentifier></DBCluster>", ""),
        CLUSTERS(CLUSTER("a", "") "<", ""),
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct call_world w;
        struct aws_database d = {.port = 7};
        world_start(&w);
        answer_times(&w, 3, 200, bodies[i]);
        assert_failed(&w, find(&w, "a", &d), ERR_TRANSIENT, "an answer that is none");
        assert_int_equal(d.port, 7);
        world_end(&w);
    }
}

static void a_port_is_a_port(void **state)
{
    static const char *const ports[] = {"65536", "-1", "5432x", "a"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        struct call_world w;
        struct aws_database d = {0};
        char body[600];
        world_start(&w);
        (void)snprintf(body, sizeof body,
                       CLUSTERS("<DBCluster><DBClusterIdentifier>a</DBClusterIdentifier>"
                                "<DBClusterArn>b</DBClusterArn><DbClusterResourceId>c"
                                "</DbClusterResourceId><Port>%s</Port></DBCluster>",
                                ""),
                       ports[i]);
        answer_times(&w, 3, 200, body);
        assert_failed(&w, find(&w, "a", &d), ERR_TRANSIENT, "Port");
        world_end(&w);
    }
}

static void a_cluster_in_the_making_has_no_endpoint(void **state)
{
    struct call_world w;
    struct aws_database d = {.port = 7};
    (void)state;

    world_start(&w);
    answer(&w, 200,
           CLUSTERS("<DBCluster><DBClusterIdentifier>a</DBClusterIdentifier><DBClusterArn>b"
                    "</DBClusterArn><DbClusterResourceId>c</DbClusterResourceId></DBCluster>",
                    ""));
    assert_fine(&w, find(&w, "a", &d));
    assert_string_equal(d.endpoint, "");
    assert_int_equal(d.port, 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_is_found),
        cmocka_unit_test(limitless_is_seen_in_two_places),
        cmocka_unit_test(an_instance_is_looked_for_next),
        cmocka_unit_test(an_instance_of_a_cluster_has_its_cluster_id),
        cmocka_unit_test(an_arn_says_what_and_where),
        cmocka_unit_test(denied_it_says_what_to_add),
        cmocka_unit_test(a_host_is_looked_for_page_by_page),
        cmocka_unit_test(each_endpoint_of_a_cluster_is_its),
        cmocka_unit_test(a_host_that_nobody_has_is_not_found),
        cmocka_unit_test(what_is_no_answer_is_asked_for_again),
        cmocka_unit_test(a_port_is_a_port),
        cmocka_unit_test(a_cluster_in_the_making_has_no_endpoint),
    };
    return cmocka_run_group_tests_name("rds", tests, NULL, NULL);
}
