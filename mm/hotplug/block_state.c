// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which states a memory block may go through, and their names. Pure.
 *
 *	absent -> offline -> going-online -> online -> going-offline -> offline
 *
 * The two "going" states may fall back to where they came from. Blocks that boot
 * found are online from the start.
 */
#include <linux/bits.h>

#include "block_state.h"

static const unsigned long mhp_block_next[NR_MHP_BLOCK_STATES] = {
	[MHP_BLOCK_ABSENT] = BIT(MHP_BLOCK_OFFLINE) | BIT(MHP_BLOCK_ONLINE),
	[MHP_BLOCK_OFFLINE] = BIT(MHP_BLOCK_GOING_ONLINE) | BIT(MHP_BLOCK_ABSENT),
	[MHP_BLOCK_GOING_ONLINE] = BIT(MHP_BLOCK_ONLINE) | BIT(MHP_BLOCK_OFFLINE),
	[MHP_BLOCK_ONLINE] = BIT(MHP_BLOCK_GOING_OFFLINE),
	[MHP_BLOCK_GOING_OFFLINE] = BIT(MHP_BLOCK_OFFLINE) | BIT(MHP_BLOCK_ONLINE),
};

static const char * const mhp_block_state_names[NR_MHP_BLOCK_STATES] = {
	[MHP_BLOCK_ABSENT] = "absent",
	[MHP_BLOCK_OFFLINE] = "offline",
	[MHP_BLOCK_GOING_ONLINE] = "going-online",
	[MHP_BLOCK_ONLINE] = "online",
	[MHP_BLOCK_GOING_OFFLINE] = "going-offline",
};

/**
 * mhp_block_state_allowed() - may a block go from one state to another?
 * @from: Its state.
 * @to: The state it would have.
 *
 * Return: true where it may; no state may follow itself.
 */
bool mhp_block_state_allowed(enum mhp_block_state from, enum mhp_block_state to)
{
	if (from >= NR_MHP_BLOCK_STATES || to >= NR_MHP_BLOCK_STATES)
		return false;
	return mhp_block_next[from] & BIT(to);
}

/**
 * mhp_block_state_name() - what a state is called
 * @state: The state.
 *
 * Return: a constant string.
 */
const char *mhp_block_state_name(enum mhp_block_state state)
{
	if (state >= NR_MHP_BLOCK_STATES)
		return "unknown";
	return mhp_block_state_names[state];
}
