// SPDX-License-Identifier: GPL-2.0-only
/*
 * stamp NODE TEXT: fills one page of a node's memory with repetitions of a text,
 * says where it lies, "stamped 0x<physical address>", and keeps it there.
 *
 * For looking up that page from elsewhere, such as in the dump of a crash.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pagemap.h"

static void die(const char *what)
{
	fprintf(stderr, "stamp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *page_on_node(unsigned long node, size_t size)
{
	unsigned long mask = 1UL << node;
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		die("mmap");
	if (syscall(SYS_mbind, page, size, MPOL_BIND, &mask, 8 * sizeof(mask), 0))
		die("mbind");
	if (mlock(page, size))
		die("mlock");
	return page;
}

static uint64_t physical_address(const char *page, size_t size)
{
	uint64_t entry;

	if (!pagemap_read(page, 1, &entry))
		die("pagemap");
	if (!(entry & PM_PRESENT) || !(entry & PM_PFN)) {
		errno = ENOENT;
		die("pagemap");
	}
	return (entry & PM_PFN) * size;
}

int main(int argc, char **argv)
{
	size_t size = sysconf(_SC_PAGESIZE), at;
	char *page;

	if (argc != 3 || !*argv[2]) {
		fprintf(stderr, "usage: stamp NODE TEXT\n");
		return 2;
	}
	page = page_on_node(strtoul(argv[1], NULL, 0), size);
	for (at = 0; at < size; at++)
		page[at] = argv[2][at % strlen(argv[2])];
	printf("stamped %#llx\n", (unsigned long long)physical_address(page, size));
	fflush(stdout);
	for (;;)
		pause();
}
