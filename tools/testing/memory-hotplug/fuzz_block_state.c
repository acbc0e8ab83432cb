// SPDX-License-Identifier: GPL-2.0-only
/* mm/hotplug/block_state.c: blocks led about at random, against the documented diagram. */
#include <string.h>

#include "block_state.h"
#include "fuzz.h"

/* Documentation/mm/memory-hotplug.rst, and that boot's blocks start as online */
static const char *const diagram[] = {
	"absent>offline", "absent>online", "offline>absent",
	"offline>going-online", "going-online>online", "going-online>offline",
	"online>going-offline", "going-offline>offline", "going-offline>online",
};

static bool model_allowed(const char *from, const char *to)
{
	char change[64];

	snprintf(change, sizeof(change), "%s>%s", from, to);
	for (size_t i = 0; i < ARRAY_SIZE(diagram); i++)
		if (!strcmp(change, diagram[i]))
			return true;
	return false;
}

static const char *model_name(unsigned int state)
{
	static const char *const names[] = {
		"absent", "offline", "going-online", "online", "going-offline",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static bool check_change(unsigned int from, unsigned int to)
{
	bool allowed = mhp_block_state_allowed(from, to);

	CHECK_MSG(allowed == model_allowed(model_name(from), model_name(to)),
		  ": %u to %u", from, to);
	CHECK(!strcmp(mhp_block_state_name(to), model_name(to)));
	return allowed;
}

void fuzz_block_state(struct fuzz_input *in)
{
	unsigned int state = MHP_BLOCK_ABSENT;

	for (unsigned int i = 0; i <= NR_MHP_BLOCK_STATES; i++)
		for (unsigned int k = 0; k <= NR_MHP_BLOCK_STATES; k++)
			check_change(i, k);

	while (fuzz_left(in)) {
		unsigned int wanted = fuzz_below(in, NR_MHP_BLOCK_STATES + 1);

		if (wanted == NR_MHP_BLOCK_STATES)
			wanted = fuzz_number(in);	/* that no block has, mostly */
		if (check_change(state, wanted))
			state = wanted;
		else if (wanted >= NR_MHP_BLOCK_STATES)
			check_change(wanted, state);
	}
}
