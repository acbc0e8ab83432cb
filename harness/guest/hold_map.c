// SPDX-License-Identifier: GPL-2.0-only
/*
 * memhold's mappings: gets memory of a kind from a node, and gives it back.
 * The placing rule is in force while the area is filled and then lifted, since
 * a task bound to a node whose memory leaves would be killed at its next fault.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memhold.h"

#define POOL	"/proc/sys/vm/nr_hugepages"

static void policy(int mode, int node)
{
	unsigned long mask = node < 0 ? 0 : 1UL << node;

	if (syscall(SYS_set_mempolicy, mode, node < 0 ? NULL : &mask, node < 0 ? 0 : 64UL))
		fail("set_mempolicy");
}

static void area_policy(struct hold *h, int mode, int node)
{
	unsigned long mask = node < 0 ? 0 : 1UL << node;

	if (syscall(SYS_mbind, h->area, h->bytes, mode, node < 0 ? NULL : &mask,
		    node < 0 ? 0 : 64UL, 0))
		fail("mbind");
}

static long pool_path_read(const char *path)
{
	FILE *f = fopen(path, "r");
	long n = 0;

	if (!f || fscanf(f, "%ld", &n) != 1)
		fail(path);
	fclose(f);
	return n;
}

static void pool_path_write(const char *path, long n)
{
	FILE *f = fopen(path, "w");

	if (!f || fprintf(f, "%ld", n) < 0 || fclose(f))
		fail(path);
}

static void pool_path(char *path, size_t size, int node)
{
	if (node < 0)
		snprintf(path, size, POOL);
	else
		snprintf(path, size,
			 "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages",
			 node);
}

/* Grows the pool on the node by what the area takes. */
static void pool_grow(struct hold *h)
{
	long want = h->bytes / HUGE, before, after;
	char path[128];

	pool_path(path, sizeof(path), h->node);
	before = pool_path_read(path);
	pool_path_write(path, before + want);
	after = pool_path_read(path);
	h->hugetlb_added = after - before;
	if (h->hugetlb_added < want) {
		fprintf(stderr, "memhold: the pool took %ld of %ld huge pages\n",
			h->hugetlb_added, want);
		hold_unmap(h);
		exit(2);
	}
}

/* Bytes that can be taken from a node without pressing it: free less a margin. */
size_t hold_free_bytes(int node)
{
	char path[96], line[160];
	unsigned long kb = 0, margin;
	FILE *f;

	if (node < 0)
		snprintf(path, sizeof(path), "/proc/meminfo");
	else
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
	f = fopen(path, "r");
	if (!f)
		fail(path);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "MemFree:");

		if (at)
			kb = strtoul(at + strlen("MemFree:"), NULL, 10);
	}
	fclose(f);
	margin = kb / 16 > 24576 ? kb / 16 : 24576;
	return kb > margin ? (size_t)(kb - margin) * 1024 : 0;
}

static int open_backing(const struct hold *h)
{
	int fd;

	if (h->kind == HOLD_MEMFD)
		fd = memfd_create("memhold", MFD_CLOEXEC);
	else
		fd = open(h->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		fail(h->path ? h->path : "memfd_create");
	if (ftruncate(fd, h->bytes))
		fail("ftruncate");
	return fd;
}

static char *map_anon(size_t bytes, int flags)
{
	char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (area == MAP_FAILED)
		fail("mmap");
	return area;
}

/* Anonymous memory that starts on a huge page's boundary. */
static char *map_aligned(size_t bytes)
{
	char *area = map_anon(bytes + HUGE, MAP_PRIVATE);
	size_t head = -(uintptr_t)area & (HUGE - 1);

	if (head)
		munmap(area, head);
	munmap(area + head + bytes, HUGE - head);
	return area + head;
}

static char *map_backing(struct hold *h)
{
	int fd = open_backing(h);
	char *area = mmap(NULL, h->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (area == MAP_FAILED)
		fail("mmap");
	close(fd);
	return area;
}

/*
 * Maps the area, unfilled. Huge kinds round the size down to whole huge pages.
 * Until hold_policy_off() all that it faults in comes from the wanted node.
 */
void hold_map(struct hold *h)
{
	int mode = h->prefer ? MPOL_PREFERRED : MPOL_BIND;
	size_t unit = h->kind == HOLD_THP || h->kind == HOLD_HUGETLB ? HUGE : PAGE;

	h->bytes -= h->bytes % unit;
	if (!h->bytes) {
		fprintf(stderr, "memhold: nothing to hold\n");
		exit(2);
	}
	switch (h->kind) {
	case HOLD_ANON:
	case HOLD_LOCKED:
	case HOLD_THP:
	case HOLD_KSM:
		h->area = map_aligned(h->bytes);
		madvise(h->area, h->bytes,
			h->kind == HOLD_THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		/* Two holders of one size have the same in each page. */
		if (h->kind == HOLD_KSM && madvise(h->area, h->bytes, MADV_MERGEABLE))
			fail("MADV_MERGEABLE");
		break;
	case HOLD_HUGETLB:
		pool_grow(h);
		h->area = map_anon(h->bytes, MAP_PRIVATE | MAP_HUGETLB);
		break;
	case HOLD_SHARED:
		h->area = map_anon(h->bytes, MAP_SHARED);
		break;
	case HOLD_MEMFD:
	case HOLD_FILE:
		h->area = map_backing(h);
		break;
	}
	if (h->node >= 0) {
		policy(mode, h->node);
		area_policy(h, mode, h->node);
	}
	if (h->kind == HOLD_LOCKED && mlock(h->area, h->bytes))
		fail("mlock");
}

/* To be called once the area is filled. */
void hold_policy_off(struct hold *h)
{
	if (h->node < 0)
		return;
	policy(MPOL_DEFAULT, -1);
	area_policy(h, MPOL_DEFAULT, -1);
}

/* Gives everything back: the memory, the file, what the hugetlb pool was grown by. */
void hold_unmap(struct hold *h)
{
	if (h->area)
		munmap(h->area, h->bytes);
	h->area = NULL;
	if (h->kind == HOLD_FILE)
		unlink(h->path);
	/* Migration may have carried pages of the pool to another node, or others shrunk it. */
	if (h->hugetlb_added) {
		long left = pool_path_read(POOL) - h->hugetlb_added;

		pool_path_write(POOL, left > 0 ? left : 0);
	}
	h->hugetlb_added = 0;
}
