/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "render/parts.h"

static const struct {
	void (*render)(struct rendering *rendering);
} formats[] = {
	[RENDER_OCSF] = {render_ocsf},
	[RENDER_ECS] = {render_ecs},
};

#define WHOLE SIZE_MAX

/*
 * For texts, once no optional part is left. A hostname of 253 usual characters is whole
 * but in the last two rows, which only names full of control characters come to.
 */
static const struct bounds bounds[] = {
	{WHOLE, WHOLE, PART_WORD_MOST},
	{WHOLE, 512, PART_WORD_MOST},
	{WHOLE, 256, PART_WORD_MOST},
	{WHOLE, 128, 128},
	{WHOLE, 64, 64},
	{768, 64, 64},
	{256, 48, 48},
	{256, 24, 24},
	{64, 32, 32},
	{48, 24, 24},
};

#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

int64_t render_alert(enum render_format format, const struct alert *alert, const struct dossier *dossier,
		     char *line, size_t size)
{
	int64_t length = -1;

	/* Attempt by attempt one part less, then one row of the bounds further. */
	for (unsigned attempt = 0; attempt < PARTS + BOUNDS && length < 0; attempt++) {
		unsigned omitted = attempt < PARTS ? attempt : PARTS;
		struct rendering rendering = {
			.alert = alert,
			.dossier = dossier,
			.omitted = omitted,
			.bounds = bounds[attempt - omitted],
		};

		json_begin(&rendering.json, line, size);
		formats[format].render(&rendering);
		length = json_end(&rendering.json);
	}
	return length;
}
