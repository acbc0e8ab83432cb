// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failpoints: every step of every operation that may be refused, and every part
 * of one that works block by block, can be told to fail, by name.
 *
 * In debugfs, for root, memory_hotplug/fail/ has the files that all of the
 * kernel's fault injection has (Documentation/fault-injection/), and:
 *
 *	point	Which ones, as glob patterns with spaces between them. A point is
 *		OPERATION:STEP@PFN, where PFN is the first page of what is worked on:
 *		"online:join-zone@0x100000", "add:*", "*@0x108000". None at first.
 *	error	The errno that it fails with, as a positive number; "panic" to
 *		crash the machine there, also in a step that cannot fail. 12
 *		(ENOMEM) at first.
 *	nth	0, as at first: a point fails before anything is done. N: what is done
 *		there is begun, and its Nth allocation fails, whichever task that is in.
 *		For steps alone. What may fail is for failslab/ and fail_page_alloc/
 *		beside this folder to say (ignore-gfp-wait and the like).
 *	left	How many allocations too few the last such step had; 0: one failed.
 *	hits	The points that were passed, the oldest first; of many, the first
 *		ones. A write, of whatever, empties it.
 *
 * For example, to have the second block of a DIMM at 4 GiB fail to appear:
 *
 *	cd /sys/kernel/debug/memory_hotplug/fail
 *	echo 100 > probability; echo 1 > times; echo 'add:block@0x108000' > point
 *
 * Called by step.c and by the steps, with whatever locks these hold. Takes a
 * spinlock.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/glob.h>
#include <linux/init.h>
#include <linux/limits.h>
#include <linux/panic.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "hotplug.h"
#include "failpoint.h"

#define MHP_MOST_HITS		4096
#define MHP_PATTERN_BYTES	256
#define MHP_POINT_BYTES		80
#define MHP_PANIC		0

/**
 * struct mhp_hit - a point that was passed
 * @op: Of which operation.
 * @step: Which step or part of one.
 * @pfn: The first page of what was worked on.
 */
struct mhp_hit {
	const char *op;
	const char *step;
	unsigned long pfn;
};

static struct fault_attr mhp_fail = {
	.interval = 1,
	.times = ATOMIC_INIT(1),
	.require_end = ULONG_MAX,
	.ratelimit_state = RATELIMIT_STATE_INIT_DISABLED,
	.verbose = 1,
};

/* All below, and what is behind the files */
static DEFINE_SPINLOCK(mhp_fail_lock);
static char mhp_fail_patterns[MHP_PATTERN_BYTES];
static int mhp_fail_error = ENOMEM;
static u32 mhp_fail_nth;
static u32 mhp_fail_left;
static struct mhp_hit mhp_hits[MHP_MOST_HITS];
static unsigned int mhp_nr_hits;

static void mhp_note_hit(const char *op, const char *step, unsigned long pfn)
{
	if (mhp_nr_hits < MHP_MOST_HITS)
		mhp_hits[mhp_nr_hits++] = (struct mhp_hit) {
			.op = op,
			.step = step,
			.pfn = pfn,
		};
}

/* The patterns stand one after the other, each with a 0 behind it; an empty one ends them. */
static bool mhp_fail_wanted(const char *point)
{
	const char *pattern;

	for (pattern = mhp_fail_patterns; *pattern; pattern += strlen(pattern) + 1)
		if (glob_match(pattern, point))
			return true;
	return false;
}

static bool mhp_fails_here(const char *op, const char *step, unsigned long pfn)
{
	char point[MHP_POINT_BYTES];
	bool wanted;

	snprintf(point, sizeof(point), "%s:%s@%#lx", op, step, pfn);
	scoped_guard(spinlock, &mhp_fail_lock)
		wanted = mhp_fail_wanted(point);
	return wanted && should_fail(&mhp_fail, 1);
}

/**
 * mhp_failpoint() - is this the place that is to fail?
 * @op: The operation's name. Constant strings, this and the next.
 * @step: The step's, or that of a part of it.
 * @pfn: The first page of what is worked on.
 *
 * Does not return where a crash was asked for.
 *
 * Context: any that may not be in an interrupt.
 * Return: 0: go on; else the negative errno to fail with, before anything is done.
 */
int mhp_failpoint(const char *op, const char *step, unsigned long pfn)
{
	int error = READ_ONCE(mhp_fail_error);

	scoped_guard(spinlock, &mhp_fail_lock)
		mhp_note_hit(op, step, pfn);
	if (READ_ONCE(mhp_fail_nth) || !mhp_fails_here(op, step, pfn))
		return 0;
	if (error == MHP_PANIC)
		panic("memory_hotplug: failpoint %s:%s@%#lx", op, step, pfn);
	return -error;
}

/**
 * mhp_crashpoint() - is this the place that is to crash?
 * @op: The operation's name. Constant strings, this and the next.
 * @step: The step's, one that cannot fail.
 * @pfn: The first page of what is worked on.
 *
 * Context: any that may not be in an interrupt.
 */
void mhp_crashpoint(const char *op, const char *step, unsigned long pfn)
{
	if (READ_ONCE(mhp_fail_error) == MHP_PANIC)
		mhp_failpoint(op, step, pfn);
}

/**
 * mhp_fail_allocation() - is one of this step's allocations to fail?
 * @op: As for mhp_failpoint().
 * @step: The same.
 * @pfn: The same.
 *
 * Where it is, the task fails it by itself: others that allocate are left alone.
 *
 * Return: for mhp_fail_allocation_end(), after the step.
 */
bool mhp_fail_allocation(const char *op, const char *step, unsigned long pfn)
{
	u32 nth = READ_ONCE(mhp_fail_nth);

	if (!nth || !mhp_fails_here(op, step, pfn))
		return false;
	WRITE_ONCE(current->fail_nth, nth);
	return true;
}

/**
 * mhp_fail_allocation_end() - let allocations be, after a step
 * @armed: What mhp_fail_allocation() returned.
 */
void mhp_fail_allocation_end(bool armed)
{
	if (!armed)
		return;
	WRITE_ONCE(mhp_fail_left, READ_ONCE(current->fail_nth));
	WRITE_ONCE(current->fail_nth, 0);
}

static ssize_t mhp_point_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	char text[MHP_PATTERN_BYTES];
	size_t used = 0;

	scoped_guard(spinlock, &mhp_fail_lock)
		memcpy(text, mhp_fail_patterns, sizeof(text));
	while (text[used]) {
		used += strlen(text + used);
		text[used++] = ' ';
	}
	if (used)
		text[used - 1] = '\n';
	return simple_read_from_buffer(to, len, pos, text, used);
}

static ssize_t mhp_point_write(struct file *file, const char __user *from, size_t len,
			       loff_t *pos)
{
	/* One 0 ends a pattern, a second one ends them all. */
	char text[MHP_PATTERN_BYTES - 1] = "", patterns[MHP_PATTERN_BYTES] = "";
	char *rest = text, *word;
	size_t used = 0;

	if (len >= sizeof(text))
		return -E2BIG;
	if (copy_from_user(text, from, len))
		return -EFAULT;

	while ((word = strsep(&rest, "\n ")))
		if (*word)
			used += strscpy(patterns + used, word, sizeof(patterns) - used) + 1;
	scoped_guard(spinlock, &mhp_fail_lock)
		memcpy(mhp_fail_patterns, patterns, sizeof(patterns));
	return len;
}

static const struct file_operations mhp_point_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = mhp_point_read,
	.write = mhp_point_write,
};

static int mhp_error_show(struct seq_file *m, void *unused)
{
	int error = READ_ONCE(mhp_fail_error);

	if (error == MHP_PANIC)
		seq_puts(m, "panic\n");
	else
		seq_printf(m, "%d\n", error);
	return 0;
}

static ssize_t mhp_error_write(struct file *file, const char __user *from, size_t len,
			       loff_t *pos)
{
	char text[16] = "";
	int error;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, len))
		return -EFAULT;
	if (sysfs_streq(text, "panic"))
		error = MHP_PANIC;
	else if (kstrtoint(strim(text), 0, &error) || error <= 0 || error > MAX_ERRNO)
		return -EINVAL;
	scoped_guard(spinlock, &mhp_fail_lock)
		mhp_fail_error = error;
	return len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(mhp_error);

static int mhp_hits_show(struct seq_file *m, void *unused)
{
	unsigned int i, nr;

	scoped_guard(spinlock, &mhp_fail_lock)
		nr = mhp_nr_hits;
	/* What is emptied meanwhile reads as what it is overwritten with. */
	for (i = 0; i < nr; i++)
		seq_printf(m, "%s:%s@%#lx\n", mhp_hits[i].op, mhp_hits[i].step,
			   mhp_hits[i].pfn);
	return 0;
}

static ssize_t mhp_hits_write(struct file *file, const char __user *from, size_t len,
			      loff_t *pos)
{
	scoped_guard(spinlock, &mhp_fail_lock)
		mhp_nr_hits = 0;
	return len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(mhp_hits);

static int __init mhp_failpoint_init(void)
{
	struct dentry *dir = fault_create_debugfs_attr("fail", mhp_debugfs(), &mhp_fail);

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	debugfs_create_file("point", 0600, dir, NULL, &mhp_point_fops);
	debugfs_create_file("error", 0600, dir, NULL, &mhp_error_fops);
	debugfs_create_u32("nth", 0600, dir, &mhp_fail_nth);
	debugfs_create_u32("left", 0400, dir, &mhp_fail_left);
	debugfs_create_file("hits", 0600, dir, NULL, &mhp_hits_fops);
	return 0;
}
late_initcall(mhp_failpoint_init);
