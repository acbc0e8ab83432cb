// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring COMMAND: has the kernel allocate one page, for a queue of io_uring, and runs
 * the command, which finds its pfn in $PFN. The page is mapped by nobody then and has
 * the kernel's reference alone, until the command has ended.
 *
 * Exits with the command's code, or 200 where something is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pagemap.h"

#define PAGE		4096UL
#define WRONG		200

static void die(const char *what)
{
	fprintf(stderr, "ring: %s: %s\n", what, strerror(errno));
	exit(WRONG);
}

static uint64_t pfn_of(const char *page)
{
	uint64_t entry;

	if (!pagemap_read(page, 1, &entry) || !(entry & PM_PFN))
		die("pagemap");
	return entry & PM_PFN;
}

int main(int argc, char **argv)
{
	struct io_uring_params params = { };
	char pfn[32], *page;
	int ring, status;

	if (argc != 2) {
		fprintf(stderr, "usage: ring COMMAND\n");
		return WRONG;
	}
	ring = syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0)
		die("io_uring_setup");
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (page == MAP_FAILED)
		die("mmap");
	snprintf(pfn, sizeof(pfn), "%#llx", (unsigned long long)pfn_of(page));
	munmap(page, PAGE);
	setenv("PFN", pfn, 1);
	status = system(argv[1]);
	close(ring);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}
