/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/compose.h"

#include "base/text.h"

static int render_both(enum render_format format, const struct alert *alert, const struct dossier *dossier,
		       struct composed *out)
{
	int64_t length = render_alert(format, alert, dossier, out->line, sizeof(out->line));

	out->short_line[0] = '\0';
	if (length >= (int64_t)sizeof(out->short_line))
		length = render_alert(format, alert, dossier, out->short_line, sizeof(out->short_line));
	return length < 0 ? (int)length : 0;
}

/* What an alert can not do without. */
static void strip(const struct alert *alert, struct alert *bare)
{
	*bare = (struct alert){
		.kind = alert->kind,
		.severity = alert->severity,
		.revision = alert->revision,
		.time_ns = alert->time_ns,
		.subject = alert->subject,
		.remote = alert->remote,
		.remote_port = alert->remote_port,
		.protocol = alert->protocol,
		.outcome = alert->outcome,
		.bytes_out = alert->bytes_out,
		.bytes_in = alert->bytes_in,
		.process = {.owner = {.uid = FS_UID_UNKNOWN}, .login_uid = FS_UID_UNKNOWN},
		.seen = alert->seen,
		.window_seconds = alert->window_seconds,
		.coverage = -1,
	};
	text_copy(bare->uid, sizeof(bare->uid), alert->uid);
	text_copy(bare->domain, sizeof(bare->domain), alert->domain);
	text_copy(bare->attribution.hostname, sizeof(bare->attribution.hostname),
		  alert->attribution.hostname);
	text_copy(bare->message, sizeof(bare->message), alert->message);
}

int compose_alert(enum render_format format, const struct alert *alert, const struct dossier *dossier,
		  struct composed *out)
{
	struct dossier little = {0};
	struct alert bare;
	int error = render_both(format, alert, dossier, out);

	if (!error) {
		render_message(alert, dossier, out->message);
		return COMPOSED;
	}
	strip(alert, &bare);
	text_copy(little.host, sizeof(little.host), dossier->host);
	text_copy(little.product_version, sizeof(little.product_version), dossier->product_version);
	error = render_both(format, &bare, &little, out);
	if (error)
		return error;
	render_message(&bare, &little, out->message);
	return COMPOSED_SMALLEST;
}
