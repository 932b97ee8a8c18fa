// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domain/aws.h"
#include "domain/expect.h"

static void expect_service_at(const char *hostname, bool tenants, const char *domain, int line)
{
	char out[DOMAIN_MAX] = "untouched";
	bool found = aws_domain_of(hostname, tenants, out);

	if (found != (domain != NULL) || strcmp(out, domain ? domain : "untouched") != 0) {
		print_error("%s: expected %s, got %s\n", hostname, domain ? domain : "none", out);
		_fail(__FILE__, line);
	}
}
#define expect_service(hostname, domain) expect_service_at(hostname, false, domain, __LINE__)
#define expect_tenant(hostname, domain) expect_service_at(hostname, true, domain, __LINE__)

static void services_drop_the_region(void **state)
{
	(void)state;
	expect_service("ec2.us-east-1.amazonaws.com", "ec2.amazonaws.com");
	expect_service("sts.amazonaws.com", "sts.amazonaws.com");
	expect_service("us-east-1.elasticmapreduce.amazonaws.com", "elasticmapreduce.amazonaws.com");
	expect_service("ec2.us-gov-west-1.amazonaws.com", "ec2.amazonaws.com");
	expect_service("global.health.amazonaws.com", "health.amazonaws.com");
	expect_service("streams.dynamodb.us-east-1.amazonaws.com", "dynamodb.amazonaws.com");
	expect_service("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr.amazonaws.com");
	expect_service("db.cluster-c1.us-east-1.rds.amazonaws.com", "rds.amazonaws.com");
	expect_service("checkip.global.api.aws", "checkip.amazonaws.com");
}

static void regions_and_zones_of_tomorrow(void **state)
{
	(void)state;
	expect_service("ec2.xx-newplace-7.amazonaws.com", "ec2.amazonaws.com");
	expect_service("ec2.xx-new-place-12.amazonaws.com", "ec2.amazonaws.com");
	expect_service("s3-xx-newplace-7.amazonaws.com", "s3.amazonaws.com");
	expect_service("b.s3.dualstack.xx-newplace-7.amazonaws.com", "s3.amazonaws.com");
	expect_service("newservice.xx-newplace-7.api.aws", "newservice.amazonaws.com");
	expect_service("ec2.us-east-1a.amazonaws.com", "ec2.amazonaws.com");
	expect_service("ec2.us-west-2-lax-1a.amazonaws.com", "ec2.amazonaws.com");
	expect_service("b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com",
		       "s3express.amazonaws.com");
}

static void stores_are_one(void **state)
{
	(void)state;
	expect_service("bucket.s3.us-west-2.amazonaws.com", "s3.amazonaws.com");
	expect_service("s3-us-west-2.amazonaws.com", "s3.amazonaws.com");
	expect_service("bucket.s3.dualstack.eu-west-1.amazonaws.com", "s3.amazonaws.com");
	expect_service("a.dotted.bucket.s3.amazonaws.com", "s3.amazonaws.com");
	expect_service("b.s3-website-us-east-1.amazonaws.com", "s3.amazonaws.com");
	expect_service("b.s3-website.eu-central-1.amazonaws.com", "s3.amazonaws.com");
	expect_service("s3-fips.dualstack.us-east-1.amazonaws.com", "s3.amazonaws.com");
	expect_service("s3-external-1.amazonaws.com", "s3.amazonaws.com");
	expect_service("b.s3-accelerate.dualstack.amazonaws.com", "s3.amazonaws.com");
	expect_service("123.s3-control.us-east-1.amazonaws.com", "s3-control.amazonaws.com");
}

static void hosts_of_customers(void **state)
{
	(void)state;
	expect_service("x.elb.eu-west-1.amazonaws.com", "elb.amazonaws.com");
	expect_service("x.eu-west-1.elb.amazonaws.com", "elb.amazonaws.com");
	expect_service("dualstack.my-lb-1.us-east-1.elb.amazonaws.com", "elb.amazonaws.com");
	expect_service("ec2-1-2-3-4.compute-1.amazonaws.com", "compute.amazonaws.com");
	expect_service("ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "compute.amazonaws.com");
	expect_service("abc123.execute-api.us-east-1.amazonaws.com", "execute-api.amazonaws.com");
	expect_service("abc123.lambda-url.us-east-1.on.aws", "lambda-url.amazonaws.com");
}

static void variants_group_with_their_service(void **state)
{
	(void)state;
	expect_service("kms-fips.us-east-1.amazonaws.com", "kms.amazonaws.com");
	expect_service("fips.eks.us-east-1.amazonaws.com", "eks.amazonaws.com");
	expect_service("ecs.fips-us-east-1.amazonaws.com", "ecs.amazonaws.com");
	expect_service("ecs.us-east-1-fips.amazonaws.com", "ecs.amazonaws.com");
	expect_service("fips-ecs.us-east-1.amazonaws.com", "ecs.amazonaws.com");
	expect_service("route53.fips-aws-us-gov-global.api.aws", "route53.amazonaws.com");
	expect_service("ec2.us-east-1.api.aws", "ec2.amazonaws.com");
	expect_service("streams-dynamodb.us-east-1.api.aws", "dynamodb.amazonaws.com");
	expect_service("bedrock-fips.bedrock-runtime-us-east-1.amazonaws.com", "bedrock.amazonaws.com");
	expect_service("vpce-0a1b-2c3d.ec2.us-east-1.vpce.amazonaws.com", "ec2.amazonaws.com");
	expect_service("vpce-0a1b-us-east-1a.ec2.us-east-1.vpce.amazonaws.com", "ec2.amazonaws.com");
	expect_service("b.vpce-0a1b.s3.us-east-1.vpce.amazonaws.com", "s3.amazonaws.com");
	expect_service("vpce-0a1b.vpce-svc-0c2d.us-east-2.vpce.amazonaws.com", "vpce.amazonaws.com");
}

static void partitions_stay_apart(void **state)
{
	(void)state;
	expect_service("ec2.cn-north-1.amazonaws.com.cn", "ec2.amazonaws.com.cn");
	expect_service("b.s3.cn-northwest-1.amazonaws.com.cn", "s3.amazonaws.com.cn");
	expect_service("ec2.cn-north-1.api.amazonwebservices.com.cn", "ec2.amazonaws.com.cn");
	expect_service("ec2.eusc-de-east-1.amazonaws.eu", "ec2.amazonaws.eu");
	expect_service("s3-eusc-de-east-1.amazonaws.eu", "s3.amazonaws.eu");
	expect_service("ec2.eusc-de-east-1.api.amazonwebservices.eu", "ec2.amazonaws.eu");
	expect_service("ec2.us-iso-east-1.c2s.ic.gov", "ec2.c2s.ic.gov");
	expect_service("ec2.us-isob-east-1.sc2s.sgov.gov", "ec2.sc2s.sgov.gov");
	expect_service("ec2.us-isof-south-1.csp.hci.ic.gov", "ec2.csp.hci.ic.gov");
	expect_service("lambda.us-isof-south-1.api.aws.hci.ic.gov", "lambda.csp.hci.ic.gov");
	expect_service("ec2.eu-isoe-west-1.cloud.adc-e.uk", "ec2.cloud.adc-e.uk");
}

static void others_are_no_service(void **state)
{
	(void)state;
	expect_service("amazonaws.com", NULL);
	expect_service("us-east-1.amazonaws.com", NULL);
	expect_service("dualstack.us-east-1.amazonaws.com", NULL);
	expect_service("evilamazonaws.com", NULL);
	expect_service("amazonaws.com.evil.com", NULL);
	expect_service("s3\\.amazonaws.com", NULL);
	expect_service("d111.cloudfront.net", NULL);
	expect_service("d-123.awsapps.com", NULL);
	expect_service("time.amazonaws.cn", NULL);
	expect_service("www.amazon.com", NULL);
}

static void tenants_stay_apart_when_asked(void **state)
{
	(void)state;
	expect_tenant("bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com");
	expect_tenant("bucket.s3.us-west-2.amazonaws.com", "bucket.s3.amazonaws.com");
	expect_tenant("bucket.s3-us-west-2.amazonaws.com", "bucket.s3.amazonaws.com");
	expect_tenant("bucket.s3-website-us-east-1.amazonaws.com", "bucket.s3.amazonaws.com");
	expect_tenant("bucket.s3.dualstack.eu-west-1.amazonaws.com", "bucket.s3.amazonaws.com");
	expect_tenant("bucket.vpce-0a1b.s3.us-east-1.vpce.amazonaws.com", "bucket.s3.amazonaws.com");
	expect_tenant("a.dotted.bucket.s3.amazonaws.com", "a.dotted.bucket.s3.amazonaws.com");
	expect_tenant("s3.us-west-2.amazonaws.com", "s3.amazonaws.com");
	/* A bucket can be called like a region or a variant; it must not hide in the service. */
	expect_tenant("xx-evil-1.s3.amazonaws.com", "xx-evil-1.s3.amazonaws.com");
	expect_tenant("dualstack.s3.amazonaws.com", "dualstack.s3.amazonaws.com");
	expect_tenant("vpce-x.s3.amazonaws.com", "vpce-x.s3.amazonaws.com");
	expect_tenant("x.eu-west-1.elb.amazonaws.com", "x.elb.amazonaws.com");
	expect_tenant("x.elb.eu-west-1.amazonaws.com", "x.elb.amazonaws.com");
	expect_tenant("abc.execute-api.us-east-1.amazonaws.com", "abc.execute-api.amazonaws.com");
	expect_tenant("ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "ec2-1-2-3-4.compute.amazonaws.com");
	expect_tenant("ec2-1-2-3-4.compute-1.amazonaws.com", "ec2-1-2-3-4.compute.amazonaws.com");
	expect_tenant("vpce-0a.ec2.us-east-1.vpce.amazonaws.com", "ec2.amazonaws.com");
	expect_tenant("bucket.s3.cn-north-1.amazonaws.com.cn", "bucket.s3.amazonaws.com.cn");
}

static void a_tenant_without_room_falls_back(void **state)
{
	char name[256] = "";

	(void)state;
	for (int i = 0; i < 3; i++)
		strcat(name, "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc.");
	strcat(name, "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijk.s3.on.aws");
	expect_tenant(name, "s3.amazonaws.com");
}

/*
 * Hostnames whose service can not be read off their labels: `hostname` holds
 * the part that shows it. Rows of either file.
 */
static const struct exception {
	const char *expected;
	const char *got;
	const char *reason;
} exceptions[] = {
	{"es", "aos", "the dual-stack hosts of OpenSearch bear its newer name"},
	{"neptune", "rds", "Neptune is served by the hosts of RDS"},
	{"greengrass", "iot", "greengrass-ats.iot is a host of IoT"},
	{"greengrass", "dataplane", "a made-up host: 'dataplane' is no region"},
	{"dynamodb", "local", "a made-up host: 'local' is no region"},
	{"geo-routes", "geo", "routes.geo: the labels are turned round"},
	{"bedrock", "bedrock-runtime", "the runtime's hosts bear a name of their own"},
	{"signin", "ic", "signin of a closed partition, below a plain domain"},
	{"signin", "sgov", "signin of a closed partition, below a plain domain"},
	{"signin", "amazon", "signin.aws.amazon.com is below a plain domain"},
	{"signin", "amazonaws", "signin of China, below a plain domain"},
	{"signin", "amazonaws-us-gov", "signin of GovCloud, below a plain domain"},
	{"route53-recovery-control-config", "arc-recovery-control-config", "renamed for dual-stack"},
	{"dynamodb", "localhost:8000", "not a hostname"},
};

static bool is_explained(const char *expected, const char *got)
{
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
		if (strcmp(exceptions[i].expected, expected) == 0 && strcmp(exceptions[i].got, got) == 0)
			return true;
	return false;
}

/* The service of an endpointPrefix: its last label, less "-fips". */
static const char *service_of_prefix(char *prefix)
{
	char *last = strrchr(prefix, '.');
	size_t length;

	last = last ? last + 1 : prefix;
	length = strlen(last);
	if (length > 5 && strcmp(last + length - 5, "-fips") == 0)
		last[length - 5] = '\0';
	return last;
}

static void compare(const char *name, double share)
{
	struct domain_rules *rules;
	FILE *file = open_data(name);
	char *columns[COLUMNS_MAX];
	char line[2048];
	unsigned rows = 0;
	unsigned agreed = 0;
	unsigned unexplained = 0;

	if (!file)
		skip();
	rules = rules_with(false, false, NULL);
	while (read_row(file, line, sizeof(line), columns) >= 2) {
		const char *service = service_of_prefix(columns[1]);
		char domain[DOMAIN_MAX];
		const char *got = domain;

		rows++;
		if (domain_of(rules, columns[0], domain) == DOMAIN_INVALID)
			got = columns[0];
		else
			domain[strcspn(domain, ".")] = '\0';
		if (strcmp(got, service) == 0) {
			agreed++;
		} else if (!is_explained(service, got)) {
			print_error("%s: expected %s, got %s\n", columns[0], service, got);
			unexplained++;
		}
	}
	fclose(file);
	domain_rules_free(rules);
	print_message("# %s: %u of %u agree by rule (%.2f %%)\n", name, agreed, rows, 100.0 * agreed / rows);
	assert_int_equal(unexplained, 0);
	assert_true(rows > 4000);
	assert_true(agreed >= share * rows);
}

static void endpoints_of_the_data(void **state)
{
	(void)state;
	compare("aws/endpoints.tsv", 0.99);
}

static void endpoint_tests_of_the_data(void **state)
{
	(void)state;
	compare("aws/endpoint-tests.tsv", 0.99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_drop_the_region),
		cmocka_unit_test(regions_and_zones_of_tomorrow),
		cmocka_unit_test(stores_are_one),
		cmocka_unit_test(hosts_of_customers),
		cmocka_unit_test(variants_group_with_their_service),
		cmocka_unit_test(partitions_stay_apart),
		cmocka_unit_test(others_are_no_service),
		cmocka_unit_test(tenants_stay_apart_when_asked),
		cmocka_unit_test(a_tenant_without_room_falls_back),
		cmocka_unit_test(endpoints_of_the_data),
		cmocka_unit_test(endpoint_tests_of_the_data),
	};

	return cmocka_run_group_tests_name("domain/aws", tests, NULL, NULL);
}
