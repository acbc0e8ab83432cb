// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory notifiers: the only sender of MEM_*.
 *
 * A veto is followed by the matching cancellation for all who were called, the
 * one who vetoed included (virtio-mem relies on that), and for nobody else. All
 * events of a block come from one task with the memory hotplug lock held for
 * writing; virtio-mem and pseries CMM hold a mutex from MEM_GOING_* to the event
 * that ends it.
 *
 * Called by online.c and offline.c. Takes the chain's rwsem.
 */
#include <linux/export.h>
#include <linux/notifier.h>

#include "hotplug.h"

static BLOCKING_NOTIFIER_HEAD(memory_chain);

/**
 * register_memory_notifier() - be told what becomes of memory
 * @nb: Whom to call, and its priority.
 *
 * The data of a call is a &struct memory_notify.
 *
 * Context: may sleep.
 * Return: 0, or -EEXIST where @nb is registered already.
 */
int register_memory_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&memory_chain, nb);
}
EXPORT_SYMBOL(register_memory_notifier);

/**
 * unregister_memory_notifier() - do not be told any more
 * @nb: As registered.
 *
 * Context: may sleep; waits for a call in progress.
 */
void unregister_memory_notifier(struct notifier_block *nb)
{
	blocking_notifier_chain_unregister(&memory_chain, nb);
}
EXPORT_SYMBOL(unregister_memory_notifier);

static int mhp_ask(enum memory_block_event event, enum memory_block_event cancel,
		   struct memory_notify *arg)
{
	mhp_assert_write_locked();
	return notifier_to_errno(blocking_notifier_call_chain_undo(&memory_chain,
								   event, cancel,
								   arg));
}

/**
 * mhp_notify_prepare_online() - ask for memory to become accessible
 * @arg: The block, its own memmap apart.
 *
 * Where it was refused, those who were asked have heard MEM_FINISH_OFFLINE.
 *
 * Return: 0 or the errno of the veto.
 */
int mhp_notify_prepare_online(struct memory_notify *arg)
{
	return mhp_ask(MEM_PREPARE_ONLINE, MEM_FINISH_OFFLINE, arg);
}

/**
 * mhp_notify_going_online() - ask whether memory may come online
 * @arg: The pages, and the node changes they bring.
 *
 * Where it was refused, those who were asked have heard MEM_CANCEL_ONLINE.
 *
 * Return: 0 or the errno of the veto.
 */
int mhp_notify_going_online(struct memory_notify *arg)
{
	return mhp_ask(MEM_GOING_ONLINE, MEM_CANCEL_ONLINE, arg);
}

/**
 * mhp_notify_going_offline() - ask whether memory may go offline
 * @arg: The pages, and the node changes they bring.
 *
 * Where it was refused, those who were asked have heard MEM_CANCEL_OFFLINE.
 *
 * Return: 0 or the errno of the veto.
 */
int mhp_notify_going_offline(struct memory_notify *arg)
{
	return mhp_ask(MEM_GOING_OFFLINE, MEM_CANCEL_OFFLINE, arg);
}

/**
 * mhp_notify() - tell what has happened
 * @event: What; one that cannot be refused.
 * @arg: To which pages.
 */
void mhp_notify(enum memory_block_event event, struct memory_notify *arg)
{
	mhp_assert_write_locked();
	blocking_notifier_call_chain(&memory_chain, event, arg);
}
