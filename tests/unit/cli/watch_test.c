/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/watch_line.h"
#include "cli/watch_screen.h"

static const char flow_text[] =
	"{\"type\":\"flow\",\"time\":\"2026-03-01T12:00:00.250Z\",\"flow\":\"00000000000000aa\",\"pid\":123,"
	"\"user_id\":1000,\"comm\":\"curl\",\"application\":\"/usr/bin/"
	"curl\",\"hostname\":\"www.example.com\","
	"\"domain\":\"example.com\",\"address\":\"198.51.100.10\",\"port\":443,\"protocol\":\"tcp\","
	"\"verdict\":\"new\",\"method\":\"dns\"}";
static const char closed_text[] =
	"{\"type\":\"closed\",\"time\":\"2026-03-01T12:00:01Z\",\"flow\":\"00000000000000aa\",\"pid\":123,"
	"\"address\":\"198.51.100.10\",\"port\":443,\"protocol\":\"tcp\",\"bytes_out\":100,\"bytes_in\":2048,"
	"\"outcome\":\"established\"}";
static const char alert_text[] =
	"{\"type\":\"alert\",\"time\":\"2026-03-01T12:00:00.250Z\",\"uid\":\"0195-uid\",\"kind\":\"new_"
	"domain\","
	"\"severity\":\"Medium\",\"update\":false,\"pid\":123,\"application\":\"/usr/bin/curl\","
	"\"hostname\":\"www.example.com\",\"domain\":\"example.com\",\"address\":\"198.51.100.10\",\"port\":"
	"443,"
	"\"protocol\":\"tcp\",\"method\":\"dns\",\"bytes_out\":0,\"bytes_in\":0,\"outcome\":\"unknown\"}";

static struct watch_event read_event(const char *text)
{
	struct watch_event event;
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_int_equal(watch_event_read(copy, strlen(copy), &event), 0);
	return event;
}

/* --- events --------------------------------------------------------------------------- */

static void an_event_is_read_and_its_texts_are_harmless(void **state)
{
	struct watch_event event = read_event(flow_text);
	char damaged[] = "{\"type\":\"flow\",";

	(void)state;
	assert_int_equal(event.type, WATCH_FLOW);
	assert_int_equal(event.time_ns, INT64_C(1772366400250000000));
	assert_int_equal(event.pid, 123);
	assert_int_equal(event.user_id, 1000);
	assert_string_equal(event.hostname, "www.example.com");
	assert_int_equal(event.port, 443);
	event = read_event(
		"{\"type\":\"flow\",\"application\":\"/tmp/\\u001b[31m\\n\\tx\\u202ey\",\"pid\":-1,"
		"\"hostname\":7,\"nested\":{\"a\":[1]},\"user_id\":null}");
	assert_string_equal(event.application, "/tmp/\\x1b[31m\\x0a\\x09x\\xe2\\x80\\xaey");
	assert_string_equal(event.hostname, "");
	assert_int_equal(event.user_id, -1);
	assert_int_equal(read_event("{\"type\":\"later\"}").type, WATCH_OTHER);
	assert_int_equal(read_event("{\"type\":\"notice\",\"message\":\"x\"}").type,
			 WATCH_OTHER); /* ours alone */
	assert_int_equal(watch_event_read(damaged, strlen(damaged), &event), -EINVAL);
}

static void a_filter_is_words_that_must_all_be_there(void **state)
{
	struct watch_event event = read_event(flow_text);

	(void)state;
	assert_true(watch_event_fits(&event, ""));
	assert_true(watch_event_fits(&event, "CURL"));
	assert_true(watch_event_fits(&event, "  curl example.com  dns "));
	assert_false(watch_event_fits(&event, "curl example.org"));
	assert_true(watch_event_fits(&event, "443"));
	assert_false(watch_event_fits(&event, "44")); /* a number is meant whole */
	assert_true(watch_event_fits(&event, "123"));
	assert_true(watch_event_is_new(&event));
	strcpy(event.verdict, "known");
	assert_false(watch_event_is_new(&event));
}

static void lines_for_a_pipe_are_whole(void **state)
{
	struct watch_event event = read_event(flow_text);
	char line[WATCH_LINE_MAX];

	(void)state;
	strcpy(event.user, "alice");
	watch_event_line(&event, line, sizeof(line));
	assert_string_equal(line, "2026-03-01T12:00:00.250Z   flow   /usr/bin/curl pid 123 user alice -> "
				  "www.example.com (example.com) 198.51.100.10 port 443/tcp by dns: new");
	watch_event_tsv(&event, line, sizeof(line));
	assert_string_equal(line,
			    "2026-03-01T12:00:00.250Z\tflow\t00000000000000aa\t/usr/bin/curl\t123\talice\t"
			    "www.example.com\texample.com\t198.51.100.10\t443\ttcp\tdns\tnew\t\t\t\t\t\t\t");
	event = read_event(alert_text);
	watch_event_line(&event, line, sizeof(line));
	assert_string_equal(line,
			    "2026-03-01T12:00:00.250Z ! ALERT new_domain Medium: www.example.com "
			    "(example.com) 198.51.100.10 port 443/tcp by /usr/bin/curl pid 123 [0195-uid]");
	watch_event_line(&event, line, 40); /* cut, not overrun */
	assert_int_equal(strlen(line), 39);
	memset(event.application, 'a', sizeof(event.application) - 1);
	memset(event.message, 'm', sizeof(event.message) - 1);
	memset(event.hostname, 'h', sizeof(event.hostname) - 1);
	memset(event.domain, 'd', sizeof(event.domain) - 1);
	watch_event_line(&event, line, sizeof(line));
	assert_non_null(strstr(line, "[0195-uid]")); /* the longest fit */
}

/* What an event does not tell is left out of its line, and stays a column of the values. */
static void each_type_has_its_line(void **state)
{
	struct watch_event event = read_event(closed_text);
	char line[WATCH_LINE_MAX];

	(void)state;
	watch_event_line(&event, line, sizeof(line));
	assert_string_equal(line,
			    "2026-03-01T12:00:01.000Z   closed ? pid 123 -> 198.51.100.10 198.51.100.10 port "
			    "443/tcp, 100 bytes out, 2048 in, established");
	watch_event_tsv(&event, line, sizeof(line));
	assert_string_equal(
		line, "2026-03-01T12:00:01.000Z\tclosed\t00000000000000aa\t\t123\t\t\t\t198.51.100.10\t443\t"
		      "tcp\t\t\t100\t2048\testablished\t\t\t\t");
	event = read_event(
		"{\"type\":\"bytes\",\"comm\":\"curl\",\"domain\":\"example.com\",\"bytes_out\":7}");
	watch_event_line(&event, line, sizeof(line));
	assert_string_equal(line, "-   bytes  curl -> example.com, 7 bytes out, 0 in, unknown");
	event = read_event("{\"type\":\"later\"}"); /* of a newer daemon */
	watch_event_line(&event, line, sizeof(line));
	assert_string_equal(line, "-   ?      ? -> ?, 0 bytes out, 0 in, unknown");
	event = (struct watch_event){.type = WATCH_NOTICE, .message = "the daemon ended"};
	watch_event_line(&event, line, sizeof(line));
	assert_string_equal(line, "-   notice the daemon ended");
	event = read_event(alert_text);
	event.update = true;
	event.bytes_in = 9;
	strcpy(event.message, "it went on");
	watch_event_line(&event, line, sizeof(line));
	assert_string_equal(
		line, "2026-03-01T12:00:00.250Z ! ALERT new_domain Medium (update): www.example.com "
		      "(example.com) 198.51.100.10 port 443/tcp by /usr/bin/curl pid 123: it went on, 0 "
		      "bytes out, 9 in, unknown [0195-uid]");
}

static void what_is_new_is_told_by_verdict_or_kind(void **state)
{
	static const char *const news[] = {"new_domain", "new_address", "threat_domain", "crawler_digest"};
	static const char *const others[] = {"coverage_gap", "heartbeat", "renewed", ""};
	struct watch_event event = {.type = WATCH_ALERT};

	(void)state;
	for (size_t i = 0; i < sizeof(news) / sizeof(news[0]); i++) {
		strcpy(event.kind, news[i]);
		assert_true(watch_event_is_new(&event));
		strcpy(event.kind, others[i]);
		assert_false(watch_event_is_new(&event));
	}
	event = (struct watch_event){.type = WATCH_NOTICE};
	assert_true(watch_event_is_new(&event)); /* what the program itself says is always shown */
	assert_true(watch_event_fits(&event, "anything"));
}

/* What came later is the flow's: its name, or its bytes and end; of an alert its severity and sentence, too.
 */
static void a_later_event_brings_the_first_one_up_to_date(void **state)
{
	struct watch_event event = read_event(flow_text);
	struct watch_event name =
		read_event("{\"type\":\"name\",\"hostname\":\"a.example.org\",\"domain\":\"example.org\","
			   "\"method\":\"tls\","
			   "\"verdict\":\"known\",\"bytes_out\":5,\"since\":\"2026-03-01T11:00:00Z\"}");
	struct watch_event closed = read_event(closed_text), alert = read_event(alert_text);

	(void)state;
	assert_int_equal(name.since_ns, INT64_C(1772362800000000000));
	watch_event_update(&event, &name);
	assert_string_equal(event.hostname, "a.example.org");
	assert_string_equal(event.domain, "example.org");
	assert_string_equal(event.method, "tls");
	assert_string_equal(event.verdict, "known");
	assert_int_equal(event.bytes_out, 0); /* a name says nothing of them */
	watch_event_update(&event, &closed);
	assert_string_equal(event.hostname, "a.example.org"); /* nor an end of the name */
	assert_int_equal(event.bytes_out, 100);
	assert_int_equal(event.bytes_in, 2048);
	assert_string_equal(event.outcome, "established");
	assert_string_equal(event.severity, "");
	strcpy(alert.message, "it went on");
	watch_event_update(&event, &alert);
	assert_string_equal(event.severity, "Medium");
	assert_string_equal(event.message, "it went on");
}

/* --- lines of a terminal ----------------------------------------------------------------- */

static void lines_are_as_wide_as_the_terminal_at_most(void **state)
{
	struct watch_event flow = read_event(flow_text), alert = read_event(alert_text);
	char text[WATCH_TEXT_MAX];

	(void)state;
	strcpy(flow.application, "/opt/日本語/日本語日本語日本語日本語日本語日本語日本語日本語日本語");
	strcpy(flow.hostname, "e\xcc\x81.example.com"); /* a mark that takes no column */
	strcpy(alert.domain, flow.application);
	for (size_t width = 1; width <= 400; width++) {
		struct watch_layout layout;

		watch_layout(&layout, width);
		watch_headings(&layout, text);
		assert_in_range(watch_width(text), 1, width);
		watch_line(&layout, &flow, text);
		assert_in_range(watch_width(text), 1, width);
		watch_line(&layout, &alert, text);
		assert_in_range(watch_width(text), 1, width);
	}
}

static void columns_go_and_come_with_the_width(void **state)
{
	struct watch_layout layout;
	char text[WATCH_TEXT_MAX];

	(void)state;
	watch_layout(&layout, 40);
	watch_headings(&layout, text);
	assert_string_equal(text, "TIME       APPLICATION HOST             ");
	watch_layout(&layout, 80);
	watch_headings(&layout, text);
	assert_non_null(strstr(text, "PID"));
	assert_non_null(strstr(text, "STATE"));
	assert_non_null(strstr(text, "OUT/IN"));
	assert_null(strstr(text, "DOMAIN"));
	watch_layout(&layout, 130);
	watch_headings(&layout, text);
	assert_non_null(strstr(text, "DOMAIN"));
	assert_non_null(strstr(text, "OUTCOME"));
	watch_layout(&layout, 100000);
	assert_int_equal(layout.width, WATCH_WIDTH_MAX);
}

static const char *fitted(const char *text, struct watch_fit fit)
{
	static char out[WATCH_TEXT_MAX];

	out[0] = '\0';
	watch_append(out, text, fit);
	return out;
}

static void texts_are_cut_and_filled_by_columns(void **state)
{
	(void)state;
	assert_string_equal(fitted("abc", (struct watch_fit){.width = 5, .pad = true}), "abc  ");
	assert_string_equal(fitted("abc", (struct watch_fit){.width = 5, .pad = true, .right = true}),
			    "  abc");
	assert_string_equal(fitted("abcdef", (struct watch_fit){.width = 4}), "abc…");
	assert_string_equal(fitted("abcdef", (struct watch_fit){.width = 4, .tail = true}), "…def");
	assert_string_equal(fitted("日本語", (struct watch_fit){.width = 6}), "日本語");
	assert_string_equal(fitted("日本語", (struct watch_fit){.width = 5, .pad = true}), "日本…");
	assert_string_equal(fitted("日本語", (struct watch_fit){.width = 4, .pad = true}), "日… ");
	assert_string_equal(fitted("日本語", (struct watch_fit){.width = 4, .pad = true, .tail = true}),
			    "…語 ");
	assert_string_equal(fitted("a\xff"
				   "b\x01",
				   (struct watch_fit){.width = 9}),
			    "a?b?");
	assert_string_equal(fitted("abc", (struct watch_fit){.width = 0}), "");
	setlocale(LC_CTYPE, "C");
	assert_string_equal(fitted("日本語x", (struct watch_fit){.width = 9}), "???x");
	assert_string_equal(fitted("abcdef", (struct watch_fit){.width = 4}), "abc~");
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* --- rows ----------------------------------------------------------------------------------- */

static struct watch_rows rows;

static int begin(void **state)
{
	(void)state;
	return watch_rows_new(&rows);
}

static int end(void **state)
{
	(void)state;
	watch_rows_free(&rows);
	return 0;
}

static void add_rows(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		struct watch_event event = read_event(flow_text);

		event.pid = i;
		snprintf(event.flow, sizeof(event.flow), "%016llx", (unsigned long long)i);
		strcpy(event.verdict, i % 10 ? "known" : "new");
		watch_rows_add(&rows, &event);
	}
}

static struct watch_window window;

static void look(size_t height)
{
	watch_rows_window(&rows, height, &window);
}

static void what_comes_later_changes_its_row(void **state)
{
	struct watch_event flow = read_event(flow_text), closed = read_event(closed_text),
			   alert = read_event(alert_text), named = flow;

	(void)state;
	look(10);
	assert_int_equal(window.count, 0);
	assert_null(watch_rows_selected(&rows));
	watch_rows_add(&rows, &closed); /* of a flow that was never told */
	watch_rows_add(&rows, &flow);
	watch_rows_add(&rows, &alert);
	watch_rows_add(&rows, &closed);
	named.type = WATCH_NAME;
	strcpy(named.hostname, "sni.example.org");
	watch_rows_add(&rows, &named);
	alert.update = true;
	strcpy(alert.severity, "High");
	watch_rows_add(&rows, &alert);
	look(10);
	assert_int_equal(window.count, 2);
	assert_int_equal(window.events[0]->bytes_in, 2048);
	assert_string_equal(window.events[0]->outcome, "established");
	assert_string_equal(window.events[0]->hostname, "sni.example.org");
	assert_string_equal(window.events[0]->application, "/usr/bin/curl");
	assert_string_equal(window.events[1]->severity, "High");
}

static void the_newest_are_shown_until_it_is_paused(void **state)
{
	(void)state;
	add_rows(0, 100);
	look(10);
	assert_int_equal(window.count, 10);
	assert_int_equal(window.events[0]->pid, 90);
	assert_int_equal(window.events[9]->pid, 99);
	assert_int_equal(window.selected, window.count);
	watch_rows_pause(&rows, true);
	add_rows(100, 120);
	look(10);
	assert_int_equal(window.events[9]->pid, 99);
	assert_int_equal(window.newer, 20);
	assert_int_equal(window.selected, 9);
	watch_rows_move(&rows, -12);
	look(10);
	assert_int_equal(window.events[0]->pid, 87);
	assert_int_equal(window.selected, 0);
	watch_rows_move(&rows, 3);
	look(10);
	assert_int_equal(window.events[0]->pid, 87); /* the selection moves first */
	assert_int_equal(window.selected, 3);
	watch_rows_move(&rows, 1000);
	look(10);
	assert_int_equal(window.events[9]->pid, 119);
	watch_rows_move(&rows, -1000);
	look(10);
	assert_int_equal(window.events[0]->pid, 0);
	assert_int_equal(window.count, 10);
	watch_rows_pause(&rows, false);
	look(10);
	assert_int_equal(window.events[9]->pid, 119);
	assert_int_equal(window.newer, 0);
}

static void old_rows_go_also_under_a_paused_reader(void **state)
{
	(void)state;
	add_rows(0, 100);
	watch_rows_pause(&rows, true);
	add_rows(100, 100 + WATCH_ROWS_MAX);
	look(10);
	assert_int_equal(window.count, 1); /* the rest came behind the pause */
	assert_int_equal(window.events[0]->pid, 100);
	assert_int_equal(window.newer, WATCH_ROWS_MAX - 1);
	watch_rows_pause(&rows, false);
	look(600); /* more lines than a terminal has */
	assert_true(window.count >= 500);
	assert_int_equal(window.events[window.count - 1]->pid, 99 + WATCH_ROWS_MAX);
}

static void filters_hold_for_what_is_there_and_what_comes(void **state)
{
	struct watch_event alert = read_event(alert_text), lookup = read_event(flow_text);

	(void)state;
	add_rows(0, 50);
	watch_rows_add(&rows, &alert);
	strcpy(lookup.verdict, "resolver");
	watch_rows_add(&rows, &lookup);
	look(100);
	assert_int_equal(window.count, 51);
	rows.lookups = true;
	look(100);
	assert_int_equal(window.count, 52);
	rows.alerts_only = true;
	look(100);
	assert_int_equal(window.count, 1);
	rows.alerts_only = false;
	rows.new_only = true;
	look(100);
	assert_int_equal(window.count, 6);
	strcpy(rows.filter, "30");
	look(100);
	assert_int_equal(window.count, 1);
	assert_int_equal(watch_rows_selected(&rows)->pid, 30);
	strcpy(rows.filter, "nowhere");
	watch_rows_pause(&rows, true);
	watch_rows_move(&rows, -1);
	look(100);
	assert_int_equal(window.count, 0);
	assert_null(watch_rows_selected(&rows));
	rows.filter[0] = '\0';
	look(100);
	assert_int_equal(window.count, 6);
}

/* --- the screen --------------------------------------------------------------------------------- */

static struct watch_screen screen;
static char drawn[64][WATCH_TEXT_MAX];
static struct {
	size_t width, height;
} size;

static void draw(void *context, size_t y, const char *text, enum watch_style style)
{
	(void)context, (void)style;
	assert_true(y < size.height);
	assert_true(watch_width(text) <= size.width);
	if (y < 64)
		snprintf(drawn[y], sizeof(drawn[y]), "%s", text);
}

static void show(size_t width, size_t height)
{
	memset(drawn, 0, sizeof(drawn));
	size.width = width;
	size.height = height;
	watch_screen_draw(&screen, width, height, draw, NULL);
}

static bool press(enum watch_key_kind kind, const char *text)
{
	struct watch_key key = {.kind = kind};

	snprintf(key.text, sizeof(key.text), "%s", text);
	return watch_screen_key(&screen, &key);
}

static bool type(const char *text)
{
	char one[2] = "";
	bool go_on = true;

	for (; *text; text++) {
		one[0] = *text;
		go_on = press(KEY_KIND_CHARACTER, one);
	}
	return go_on;
}

static int begin_screen(void **state)
{
	struct watch_event flow = read_event(flow_text), alert = read_event(alert_text);

	(void)state;
	memset(&screen, 0, sizeof(screen));
	if (watch_rows_new(&screen.rows))
		return -1;
	strcpy(screen.host, "日本-host");
	screen.alerts_open = 3;
	screen.alerts_most = 1000;
	watch_rows_add(&screen.rows, &flow);
	watch_rows_add(&screen.rows, &alert);
	return 0;
}

static int end_screen(void **state)
{
	(void)state;
	watch_rows_free(&screen.rows);
	return 0;
}

static void every_page_fits_every_size(void **state)
{
	static const enum watch_mode modes[] = {MODE_LIST, MODE_FILTER, MODE_DETAILS, MODE_HELP};

	(void)state;
	strcpy(screen.rows.filter, "");
	screen.detail = *watch_rows_selected(&screen.rows);
	memset(screen.detail.message, 'm', sizeof(screen.detail.message) - 1);
	for (size_t i = 0; i < 4; i++) {
		screen.mode = modes[i];
		for (size_t width = 0; width < 200; width += 3)
			for (size_t height = 0; height < 40; height++)
				show(width, height);
		show(5000, 300);
	}
	show(80, 24);
	screen.mode = MODE_LIST;
	show(40, 12);
	assert_string_equal(drawn[0], "firstseen  3 open alerts  lost 0");
	assert_non_null(strstr(drawn[3], "/curl www.example"));
	assert_non_null(strstr(drawn[4], "! ALERT new_domain"));
	assert_non_null(strstr(drawn[11], "q quit"));
}

static void keys_do_what_they_say(void **state)
{
	(void)state;
	assert_true(type("/nowhere"));
	show(80, 24);
	assert_string_equal(drawn[1], "filter: nowhere_");
	assert_string_equal(drawn[3], "");
	press(KEY_KIND_BACKSPACE, "");
	press(KEY_KIND_CHARACTER, "語");
	press(KEY_KIND_BACKSPACE, ""); /* a whole character */
	assert_string_equal(screen.rows.filter, "nowher");
	press(KEY_KIND_ESCAPE, "");
	assert_string_equal(screen.rows.filter, "");
	assert_true(type("/"));
	for (int i = 0; i < 300; i++)
		press(KEY_KIND_CHARACTER, "語");
	assert_in_range(strlen(screen.rows.filter), WATCH_FILTER_MAX - 4, WATCH_FILTER_MAX - 1);
	press(KEY_KIND_ESCAPE, "");
	assert_true(type("a"));
	show(80, 24);
	assert_string_equal(drawn[1], "alerts only  ");
	assert_non_null(strstr(drawn[3], "ALERT"));
	assert_string_equal(drawn[4], "");
	assert_true(press(KEY_KIND_ENTER, ""));
	show(80, 24);
	assert_string_equal(drawn[0], "Alert");
	assert_non_null(strstr(drawn[2], "new_domain"));
	assert_true(type("q")); /* back, not out */
	assert_int_equal(screen.mode, MODE_LIST);
	assert_true(screen.rows.paused);
	assert_true(type("ap"));
	assert_false(screen.rows.paused);
	press(KEY_KIND_UP, "");
	assert_true(screen.rows.paused);
	assert_true(type("?"));
	show(80, 24);
	assert_string_equal(drawn[0], "Keys");
	assert_true(type("x"));
	assert_false(type("q"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_read_and_its_texts_are_harmless),
		cmocka_unit_test(a_filter_is_words_that_must_all_be_there),
		cmocka_unit_test(lines_for_a_pipe_are_whole),
		cmocka_unit_test(each_type_has_its_line),
		cmocka_unit_test(what_is_new_is_told_by_verdict_or_kind),
		cmocka_unit_test(a_later_event_brings_the_first_one_up_to_date),
		cmocka_unit_test(lines_are_as_wide_as_the_terminal_at_most),
		cmocka_unit_test(columns_go_and_come_with_the_width),
		cmocka_unit_test(texts_are_cut_and_filled_by_columns),
		cmocka_unit_test_setup_teardown(what_comes_later_changes_its_row, begin, end),
		cmocka_unit_test_setup_teardown(the_newest_are_shown_until_it_is_paused, begin, end),
		cmocka_unit_test_setup_teardown(old_rows_go_also_under_a_paused_reader, begin, end),
		cmocka_unit_test_setup_teardown(filters_hold_for_what_is_there_and_what_comes, begin, end),
		cmocka_unit_test_setup_teardown(every_page_fits_every_size, begin_screen, end_screen),
		cmocka_unit_test_setup_teardown(keys_do_what_they_say, begin_screen, end_screen),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
