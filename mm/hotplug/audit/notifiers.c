// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit of what the notifiers hear: two listeners, the first and the last of the
 * chain, follow each block's events. Whatever was asked ends with what it came to,
 * for the same pages and from the same task, before the next block's begins; blocks
 * that went offline are finished with before any comes online.
 *
 * Called by notify.c with the memory hotplug lock held for writing, which protects
 * what the listeners keep.
 */
#include <linux/init.h>
#include <linux/limits.h>
#include <linux/notifier.h>
#include <linux/sched.h>

#include "audit.h"

#define MHP_NR_EVENTS	(MEM_FINISH_OFFLINE + 1)
#define MHP_NEXT(state)	((state) + 1)	/* 0: the event must not come */

/* A listener that is behind the one who vetoed was not asked, and hears no cancellation. */
static const u8 mhp_next_heard[NR_MHP_HEARD][MHP_NR_EVENTS] = {
	[MHP_HEARD_NOTHING] = {
		[MEM_PREPARE_ONLINE] = MHP_NEXT(MHP_HEARD_PREPARE),
		[MEM_GOING_OFFLINE] = MHP_NEXT(MHP_HEARD_GOING_OFFLINE),
	},
	[MHP_HEARD_PREPARE] = {
		[MEM_GOING_ONLINE] = MHP_NEXT(MHP_HEARD_GOING_ONLINE),
		[MEM_FINISH_OFFLINE] = MHP_NEXT(MHP_HEARD_NOTHING),
	},
	[MHP_HEARD_GOING_ONLINE] = {
		[MEM_ONLINE] = MHP_NEXT(MHP_HEARD_NOTHING),
		[MEM_CANCEL_ONLINE] = MHP_NEXT(MHP_HEARD_CANCEL_ONLINE),
	},
	[MHP_HEARD_CANCEL_ONLINE] = {
		[MEM_FINISH_OFFLINE] = MHP_NEXT(MHP_HEARD_NOTHING),
	},
	[MHP_HEARD_GOING_OFFLINE] = {
		[MEM_OFFLINE] = MHP_NEXT(MHP_HEARD_NOTHING),
		[MEM_CANCEL_OFFLINE] = MHP_NEXT(MHP_HEARD_NOTHING),
	},
};

/**
 * struct mhp_listener - one end of the chain
 * @nb: How it listens.
 * @name: Which end.
 * @hearing: Where it is.
 * @task: From whom.
 * @nr_heard: Events, in all.
 * @nr_wrong: Those that must not have come.
 * @last_wrong: The last one of them.
 */
struct mhp_listener {
	struct notifier_block nb;
	const char *name;
	struct mhp_hearing hearing;
	const struct task_struct *task;
	unsigned long nr_heard;
	unsigned long nr_wrong;
	unsigned long last_wrong;
};

static bool mhp_heard_finish(struct mhp_hearing *hearing, unsigned long pfn)
{
	if (!hearing->nr_gone)
		return false;
	hearing->nr_gone--;
	hearing->pfns_gone ^= pfn;
	return hearing->nr_gone || !hearing->pfns_gone;
}

static bool mhp_heard_of_block(struct mhp_hearing *hearing, unsigned long event,
			       unsigned long pfn)
{
	u8 next = event < MHP_NR_EVENTS ? mhp_next_heard[hearing->heard][event] : 0;
	bool first = hearing->heard == MHP_HEARD_NOTHING;
	bool same = first || pfn == hearing->pfn;

	hearing->heard = next ? next - 1 : MHP_HEARD_NOTHING;
	hearing->pfn = pfn;
	return next && same;
}

/**
 * mhp_heard_event() - follow one event
 * @hearing: What was heard before, and afterwards. An event that must not come ends
 *	what was heard of a block.
 * @event: The event.
 * @pfn: Of which block.
 *
 * Return: false where it must not come.
 */
bool mhp_heard_event(struct mhp_hearing *hearing, unsigned long event, unsigned long pfn)
{
	if (hearing->heard == MHP_HEARD_NOTHING && event == MEM_FINISH_OFFLINE)
		return mhp_heard_finish(hearing, pfn);
	if (!mhp_heard_of_block(hearing, event, pfn))
		return false;
	if (event == MEM_OFFLINE) {
		hearing->nr_gone++;
		hearing->pfns_gone ^= pfn;
	}
	return event != MEM_PREPARE_ONLINE || !hearing->nr_gone;
}

/**
 * mhp_heard_all() - whether all that began has ended
 * @hearing: What was heard.
 *
 * Return: true where it has.
 */
bool mhp_heard_all(const struct mhp_hearing *hearing)
{
	return hearing->heard == MHP_HEARD_NOTHING && !hearing->nr_gone;
}

static int mhp_listen(struct notifier_block *nb, unsigned long event, void *data)
{
	struct mhp_listener *self = container_of(nb, struct mhp_listener, nb);
	const struct memory_notify *arg = data;
	bool same = mhp_heard_all(&self->hearing) || current == self->task;

	self->nr_heard++;
	if (!mhp_heard_event(&self->hearing, event, arg->start_pfn) || !same) {
		self->nr_wrong++;
		self->last_wrong = event;
	}
	self->task = current;
	return NOTIFY_OK;
}

static struct mhp_listener mhp_listeners[] = {
	{ { .notifier_call = mhp_listen, .priority = INT_MAX }, "first" },
	{ { .notifier_call = mhp_listen, .priority = INT_MIN }, "last" },
};

void mhp_audit_notifiers(struct mhp_audit *audit)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mhp_listeners); i++) {
		const struct mhp_listener *who = &mhp_listeners[i];

		if (!mhp_heard_all(&who->hearing))
			mhp_audit_broken(audit, "the %s listener was told no end of pfn %#lx",
					 who->name, who->hearing.pfn);
		if (who->nr_wrong)
			mhp_audit_broken(audit, "%s listener: %lu of %lu events wrong, last %lu",
					 who->name, who->nr_wrong, who->nr_heard,
					 who->last_wrong);
	}
}

static int __init mhp_listen_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mhp_listeners); i++)
		register_memory_notifier(&mhp_listeners[i].nb);
	return 0;
}
subsys_initcall(mhp_listen_init);
