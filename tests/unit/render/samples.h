/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* samples.h - alerts to be rendered: usual ones, each kind, and the worst that can be. */
#ifndef RENDER_SAMPLES_H
#define RENDER_SAMPLES_H

#include "render/render.h"

#define SAMPLE_TIME_NS INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */

struct sample {
	struct alert alert;
	struct dossier dossier;
};

void sample_plain(struct sample *sample); /* no more than a flow, its name and its pid */
void sample_full(struct sample *sample);  /* everything, of usual length */
void sample_worst(struct sample *sample, enum alert_kind kind, char byte); /* every text full of `byte` */

struct sample_row {
	const char *name;
	void (*make)(struct sample *sample);
};

/* All of them; the last one has no name. */
extern const struct sample_row sample_rows[];

#endif
