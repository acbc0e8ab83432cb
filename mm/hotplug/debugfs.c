// SPDX-License-Identifier: GPL-2.0-only
/*
 * The folder memory_hotplug in debugfs: failpoints and the audit put their files
 * there. Built where one of them is.
 */
#include <linux/debugfs.h>

#include "hotplug.h"

/**
 * mhp_debugfs() - the folder of memory hotplug in debugfs
 *
 * Context: late in boot, one caller at a time.
 * Return: it, or what debugfs makes of an error.
 */
struct dentry *__init mhp_debugfs(void)
{
	static struct dentry *dir __initdata;

	if (!dir)
		dir = debugfs_create_dir("memory_hotplug", NULL);
	return dir;
}
