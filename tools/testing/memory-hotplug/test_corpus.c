// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inputs that a fuzzer found, run once more: corpus/NAME has them in hexadecimal,
 * one a line. "make corpus" writes these files.
 */
#include <string.h>

#include <sanitizer/common_interface_defs.h>

#include "fuzz.h"

#define MOST_BYTES	4096
#define FEWEST		4	/* fewer are as good as none */

static unsigned int line_nr;
static const char *file_name;

/* Where a sanitizer or a check ends the process */
static void say_where(void)
{
	printf("# corpus/%s, line %u\n", file_name, line_nr);
	fflush(stdout);
}

static size_t from_hex(const char *line, unsigned char *bytes)
{
	size_t nr = strspn(line, "0123456789abcdef");

	CHECK(nr % 2 == 0 && nr / 2 <= MOST_BYTES && line[nr] == '\n');
	for (size_t i = 0; i < nr / 2; i++) {
		const char digits[] = { line[2 * i], line[2 * i + 1], '\0' };

		bytes[i] = strtoul(digits, NULL, 16);
	}
	return nr / 2;
}

static void replay(const char *name, void (*target)(struct fuzz_input *in))
{
	char path[64], line[2 * MOST_BYTES + 2];
	FILE *file;

	file_name = name;
	__sanitizer_set_death_callback(say_where);
	snprintf(path, sizeof(path), "corpus/%s", name);
	file = fopen(path, "r");
	CHECK_MSG(file, " for %s", path);
	for (line_nr = 1; fgets(line, sizeof(line), file); line_nr++) {
		unsigned char input[MOST_BYTES], *bytes;
		size_t size = from_hex(line, input);
		struct fuzz_input in;

		/* On the heap, just as long: what is read beyond it is seen. */
		bytes = malloc(size + !size);
		CHECK(bytes);
		memcpy(bytes, input, size);
		in = (struct fuzz_input){ .at = bytes, .end = bytes + size };
		target(&in);
		free(bytes);
	}
	fclose(file);
	CHECK_MSG(line_nr > FEWEST, ": %u lines are too few", line_nr - 1);
}

#define REPLAY(name) static void replay_##name(void) { replay(#name, fuzz_##name); }
REPLAY(range)
REPLAY(span)
REPLAY(policy)
REPLAY(step)
REPLAY(block_state)
REPLAY(outcome)
REPLAY(class)
REPLAY(zone_movable)

const struct test corpus_tests[] = {
	{ "corpus: range", replay_range },
	{ "corpus: span", replay_span },
	{ "corpus: policy", replay_policy },
	{ "corpus: step", replay_step },
	{ "corpus: block_state", replay_block_state },
	{ "corpus: outcome", replay_outcome },
	{ "corpus: class", replay_class },
	{ "corpus: zone_movable", replay_zone_movable },
	{ }
};
