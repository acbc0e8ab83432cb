// SPDX-License-Identifier: GPL-2.0-only
/*
 * Callbacks on the memory notifier chain that record what they hear and veto on
 * demand, for the tests of memory hotplug.
 *
 * In debugfs, for root, below memory_notifier_test/:
 *
 *	callbacks	Name and priority of each, in the order they are called.
 *	events		What they heard, the oldest first, one call a line:
 *
 *			  SEQ CALLBACK EVENT pid=N pfn=0xN nr=N altmap=0xN
 *			  altmap_nr=N nid_normal=N nid=N answer=N
 *
 *			SEQ counts from 0; a gap at the start tells how many were
 *			overwritten. The middle is all of struct memory_notify.
 *			answer is 0, or minus the errno of the veto. A write, of
 *			whatever, empties it.
 *	vetoes		A write of "CALLBACK EVENT NTH ERRNO" has that callback
 *			refuse EVENT when it hears it the NTH time from now on, with
 *			that errno, once; "NTH+": and each time after. EVENT is one
 *			that can be refused. Several may be set; a write of "off"
 *			drops them all. Reads as those that are set, with how often
 *			each was heard and how often it refused at the end.
 *	crash		A write of an EVENT has the machine crash when all but the
 *			last of them have heard it.
 *	add		A write of "START SIZE NODE", in bytes, adds that memory as
 *			drivers do; with "memmap" behind it, blocks are to hold their
 *			own memmap where that is enabled.
 *	withdraw	A write of "START SIZE", in bytes, takes that memory offline
 *			and removes it, as drivers do: one operation over many
 *			blocks, here by a task that can get a signal. With "worker"
 *			behind it, a kernel thread does it, which gets none.
 *
 * For example "high MEM_GOING_OFFLINE 3 16" refuses the third block of a DIMM.
 *
 * Called by notify.c with the locks of a hotplug operation held. Callbacks take a
 * spinlock and allocate nothing; the module may be unloaded whenever it is not in
 * one.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/panic.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#define RECORDS		4096
#define VETOES		32
#define WISH_BYTES	80

/**
 * struct record - one call of a callback
 * @seq: Its number.
 * @callback: Whose, an index into callbacks[].
 * @event: What it was told.
 * @pid: Of the task that told.
 * @answer: What it returned: 0 or a negative errno.
 * @notify: The event's data.
 */
struct record {
	u64 seq;
	unsigned int callback;
	unsigned long event;
	pid_t pid;
	int answer;
	struct memory_notify notify;
};

/**
 * struct veto - what a callback is to refuse
 * @callback: Which, an index into callbacks[].
 * @event: What it refuses.
 * @nth: The first one of these that it refuses, from 1.
 * @ever: All later ones, too.
 * @error: What it says, a negative errno.
 * @heard: How many it has heard.
 * @refused: How many it has refused.
 */
struct veto {
	unsigned int callback;
	unsigned long event;
	unsigned long nth;
	bool ever;
	int error;
	unsigned long heard;
	unsigned long refused;
};

static const char * const event_names[] = {
	[MEM_ONLINE]		= "MEM_ONLINE",
	[MEM_GOING_OFFLINE]	= "MEM_GOING_OFFLINE",
	[MEM_OFFLINE]		= "MEM_OFFLINE",
	[MEM_GOING_ONLINE]	= "MEM_GOING_ONLINE",
	[MEM_CANCEL_ONLINE]	= "MEM_CANCEL_ONLINE",
	[MEM_CANCEL_OFFLINE]	= "MEM_CANCEL_OFFLINE",
	[MEM_PREPARE_ONLINE]	= "MEM_PREPARE_ONLINE",
	[MEM_FINISH_OFFLINE]	= "MEM_FINISH_OFFLINE",
};

static int hear(struct notifier_block *nb, unsigned long event, void *data);

/* In the order they are called; equal priorities: as they were registered. */
static struct callback {
	const char *name;
	struct notifier_block nb;
} callbacks[] = {
	{ "first",	{ .notifier_call = hear, .priority = INT_MAX } },
	{ "high",	{ .notifier_call = hear, .priority = 50 } },
	{ "default",	{ .notifier_call = hear, .priority = DEFAULT_CALLBACK_PRI } },
	{ "twin",	{ .notifier_call = hear, .priority = DEFAULT_CALLBACK_PRI } },
	{ "last",	{ .notifier_call = hear, .priority = INT_MIN } },
};

/* Protects all that follows. */
static DEFINE_SPINLOCK(test_lock);
static struct record records[RECORDS];	/* the one of @seq at seq % RECORDS */
static u64 first_seq;			/* the oldest that is kept */
static u64 next_seq;			/* the one to come */
static struct veto vetoes[VETOES];
static unsigned int nr_vetoes;
static int crash_event = -1;		/* none */

static const char *event_name(unsigned long event)
{
	return event < ARRAY_SIZE(event_names) && event_names[event] ?
	       event_names[event] : "unknown";
}

static bool may_be_refused(unsigned long event)
{
	return event == MEM_PREPARE_ONLINE || event == MEM_GOING_ONLINE ||
	       event == MEM_GOING_OFFLINE;
}

/* All that match count; the first one that is due decides. */
static int decide(unsigned int callback, unsigned long event)
{
	int answer = 0;
	unsigned int i;

	lockdep_assert_held(&test_lock);
	for (i = 0; i < nr_vetoes; i++) {
		struct veto *veto = &vetoes[i];

		if (veto->callback != callback || veto->event != event)
			continue;
		veto->heard++;
		if (answer || veto->heard < veto->nth)
			continue;
		if (veto->heard > veto->nth && !veto->ever)
			continue;
		veto->refused++;
		answer = veto->error;
	}
	return answer;
}

static void keep(unsigned int callback, unsigned long event,
		 const struct memory_notify *notify, int answer)
{
	lockdep_assert_held(&test_lock);
	records[next_seq % RECORDS] = (struct record) {
		.seq = next_seq,
		.callback = callback,
		.event = event,
		.pid = task_pid_nr(current),
		.answer = answer,
		.notify = *notify,
	};
	next_seq++;
	if (next_seq - first_seq > RECORDS)
		first_seq = next_seq - RECORDS;
}

static int hear(struct notifier_block *nb, unsigned long event, void *data)
{
	unsigned int callback = container_of(nb, struct callback, nb) - callbacks;
	bool crash;
	int answer;

	spin_lock(&test_lock);
	answer = decide(callback, event);
	keep(callback, event, data, answer);
	crash = event == crash_event && callback == ARRAY_SIZE(callbacks) - 1;
	spin_unlock(&test_lock);
	if (crash)
		panic("memory_notifier_test: %s\n", event_name(event));
	return notifier_from_errno(answer);
}

static int callbacks_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(callbacks); i++)
		seq_printf(m, "%s %d\n", callbacks[i].name, callbacks[i].nb.priority);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(callbacks);

/*
 * A position is a record's number plus one, 0 being the oldest one's, wherever
 * that is. Records may come and be overwritten while they are read.
 */
static void *events_find(loff_t *pos)
{
	void *found = NULL;

	spin_lock(&test_lock);
	if (*pos <= first_seq)
		*pos = first_seq + 1;
	if (*pos <= next_seq)
		found = pos;
	spin_unlock(&test_lock);
	return found;
}

static void *events_start(struct seq_file *m, loff_t *pos)
{
	return events_find(pos);
}

static void *events_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return events_find(pos);
}

static void events_stop(struct seq_file *m, void *v)
{
}

static int events_show(struct seq_file *m, void *v)
{
	u64 seq = *(loff_t *)v - 1;
	const struct memory_notify *notify;
	struct record record;

	spin_lock(&test_lock);
	record = records[seq % RECORDS];
	spin_unlock(&test_lock);
	if (record.seq != seq)		/* overwritten since it was found */
		return SEQ_SKIP;

	notify = &record.notify;
	seq_printf(m, "%llu %s %s pid=%d pfn=%#lx nr=%lu altmap=%#lx altmap_nr=%lu nid_normal=%d nid=%d answer=%d\n",
		   record.seq, callbacks[record.callback].name, event_name(record.event),
		   record.pid, notify->start_pfn, notify->nr_pages,
		   notify->altmap_start_pfn, notify->altmap_nr_pages,
		   notify->status_change_nid_normal, notify->status_change_nid,
		   record.answer);
	return 0;
}

static const struct seq_operations events_ops = {
	.start = events_start,
	.next = events_next,
	.stop = events_stop,
	.show = events_show,
};

static int events_open(struct inode *inode, struct file *file)
{
	return seq_open(file, &events_ops);
}

static ssize_t events_write(struct file *file, const char __user *buf, size_t count,
			    loff_t *ppos)
{
	spin_lock(&test_lock);
	first_seq = next_seq;
	spin_unlock(&test_lock);
	return count;
}

static const struct file_operations events_fops = {
	.owner = THIS_MODULE,
	.open = events_open,
	.read = seq_read,
	.write = events_write,
	.llseek = seq_lseek,
	.release = seq_release,
};

static int vetoes_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	spin_lock(&test_lock);
	for (i = 0; i < nr_vetoes; i++) {
		const struct veto *veto = &vetoes[i];

		seq_printf(m, "%s %s %lu%s %d heard=%lu refused=%lu\n",
			   callbacks[veto->callback].name, event_name(veto->event),
			   veto->nth, veto->ever ? "+" : "", -veto->error,
			   veto->heard, veto->refused);
	}
	spin_unlock(&test_lock);
	return 0;
}

static int vetoes_open(struct inode *inode, struct file *file)
{
	return single_open(file, vetoes_show, NULL);
}

static int find_callback(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(callbacks); i++)
		if (!strcmp(callbacks[i].name, name))
			return i;
	return -EINVAL;
}

static int parse_veto(char *wish, struct veto *veto)
{
	char *name = strsep(&wish, " "), *event = strsep(&wish, " ");
	char *nth = strsep(&wish, " "), *error = strsep(&wish, " ");
	int callback, value;
	size_t length;

	if (!error || wish)
		return -EINVAL;
	callback = find_callback(name);
	value = match_string(event_names, ARRAY_SIZE(event_names), event);
	if (callback < 0 || value < 0 || !may_be_refused(value))
		return -EINVAL;
	veto->callback = callback;
	veto->event = value;

	length = strlen(nth);
	veto->ever = length && nth[length - 1] == '+';
	if (veto->ever)
		nth[length - 1] = '\0';
	if (kstrtoul(nth, 0, &veto->nth) || !veto->nth)
		return -EINVAL;
	if (kstrtoint(error, 0, &value) || value < 1 || value > MAX_ERRNO)
		return -EINVAL;
	veto->error = -value;
	return 0;
}

static int add_veto(const struct veto *veto)
{
	int error = -ENOSPC;

	spin_lock(&test_lock);
	if (nr_vetoes < VETOES) {
		vetoes[nr_vetoes++] = *veto;
		error = 0;
	}
	spin_unlock(&test_lock);
	return error;
}

static int copy_wish(char wish[WISH_BYTES], const char __user *buf, size_t count)
{
	if (count >= WISH_BYTES)
		return -EINVAL;
	if (copy_from_user(wish, buf, count))
		return -EFAULT;
	wish[count] = '\0';
	return 0;
}

static ssize_t vetoes_write(struct file *file, const char __user *buf, size_t count,
			    loff_t *ppos)
{
	struct veto veto = { };
	char wish[WISH_BYTES];
	int error;

	error = copy_wish(wish, buf, count);
	if (error)
		return error;

	if (!strcmp(strim(wish), "off")) {
		spin_lock(&test_lock);
		nr_vetoes = 0;
		spin_unlock(&test_lock);
		return count;
	}
	error = parse_veto(strim(wish), &veto);
	if (!error)
		error = add_veto(&veto);
	return error ?: count;
}

static const struct file_operations vetoes_fops = {
	.owner = THIS_MODULE,
	.open = vetoes_open,
	.read = seq_read,
	.write = vetoes_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static ssize_t crash_write(struct file *file, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	char wish[WISH_BYTES];
	int event;
	int error;

	error = copy_wish(wish, buf, count);
	if (error)
		return error;
	event = match_string(event_names, ARRAY_SIZE(event_names), strim(wish));
	if (event < 0)
		return -EINVAL;
	spin_lock(&test_lock);
	crash_event = event;
	spin_unlock(&test_lock);
	return count;
}

static const struct file_operations crash_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = crash_write,
	.llseek = noop_llseek,
};

struct withdrawal {
	struct work_struct work;
	u64 start;
	u64 size;
	int error;
};

static void withdraw(struct work_struct *work)
{
	struct withdrawal *wd = container_of(work, struct withdrawal, work);

	wd->error = offline_and_remove_memory(wd->start, wd->size);
}

static void withdraw_by_worker(struct withdrawal *wd)
{
	INIT_WORK_ONSTACK(&wd->work, withdraw);
	schedule_work(&wd->work);
	flush_work(&wd->work);
	destroy_work_on_stack(&wd->work);
}

static ssize_t withdraw_write(struct file *file, const char __user *buf, size_t count,
			      loff_t *ppos)
{
	char wish[WISH_BYTES], who[WISH_BYTES] = "";
	struct withdrawal wd = { };
	int error;

	error = copy_wish(wish, buf, count);
	if (error)
		return error;
	if (sscanf(wish, "%lli %lli %s", &wd.start, &wd.size, who) < 2)
		return -EINVAL;
	if (strcmp(who, "worker"))
		withdraw(&wd.work);
	else
		withdraw_by_worker(&wd);
	return wd.error ?: count;
}

static ssize_t add_write(struct file *file, const char __user *buf, size_t count,
			 loff_t *ppos)
{
	char wish[WISH_BYTES], where[WISH_BYTES] = "";
	u64 start, size;
	int nid, error;

	error = copy_wish(wish, buf, count);
	if (error)
		return error;
	if (sscanf(wish, "%lli %lli %i %s", &start, &size, &nid, where) < 3)
		return -EINVAL;
	error = add_memory(nid, start, size,
			   strcmp(where, "memmap") ? MHP_NONE : MHP_MEMMAP_ON_MEMORY);
	return error ?: count;
}

static const struct file_operations add_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = add_write,
	.llseek = noop_llseek,
};

static const struct file_operations withdraw_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = withdraw_write,
	.llseek = noop_llseek,
};

static struct dentry *test_dir;

static void unregister_first(unsigned int nr)
{
	while (nr--)
		unregister_memory_notifier(&callbacks[nr].nb);
}

static int __init memory_notifier_test_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(callbacks); i++) {
		int error = register_memory_notifier(&callbacks[i].nb);

		if (error) {
			unregister_first(i);
			return error;
		}
	}
	test_dir = debugfs_create_dir("memory_notifier_test", NULL);
	debugfs_create_file("callbacks", 0400, test_dir, NULL, &callbacks_fops);
	debugfs_create_file("events", 0600, test_dir, NULL, &events_fops);
	debugfs_create_file("vetoes", 0600, test_dir, NULL, &vetoes_fops);
	debugfs_create_file("crash", 0200, test_dir, NULL, &crash_fops);
	debugfs_create_file("add", 0200, test_dir, NULL, &add_fops);
	debugfs_create_file("withdraw", 0200, test_dir, NULL, &withdraw_fops);
	return 0;
}
module_init(memory_notifier_test_init);

/* Each waits for a call that is under way, and so none comes after the last. */
static void __exit memory_notifier_test_exit(void)
{
	debugfs_remove_recursive(test_dir);
	unregister_first(ARRAY_SIZE(callbacks));
}
module_exit(memory_notifier_test_exit);

MODULE_DESCRIPTION("Records and refuses the events of memory hotplug, for tests");
MODULE_LICENSE("GPL");
