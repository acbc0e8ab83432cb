// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring [-n NODE] COMMAND: has the kernel allocate one page, on that node alone, for a
 * ring of buffers of io_uring's, and runs the command, which finds its pfn in $PFN. The
 * page is mapped by nobody then and has the kernel's reference alone, until the command
 * has ended. All else that the kernel allocates for this is wherever it likes.
 *
 * Exits with the command's code, or 200 where something is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
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

/* These came with 6.4: headers may be older. */
#define KERNEL_ALLOCATES	1		/* IOU_PBUF_RING_MMAP */
#define OFFSET_OF_RING		0x80000000UL	/* IORING_OFF_PBUF_RING, of group 0 */

/* struct io_uring_buf_reg */
struct buffers {
	uint64_t address;
	uint32_t entries;
	uint16_t group;
	uint16_t flags;
	uint64_t reserved[3];
};

static void die(const char *what)
{
	fprintf(stderr, "ring: %s: %s\n", what, strerror(errno));
	exit(WRONG);
}

static void set_policy(int mode, unsigned long nodes)
{
	if (syscall(SYS_set_mempolicy, mode, nodes ? &nodes : NULL, nodes ? 64UL : 0UL))
		die("set_mempolicy");
}

static void allocate(int ring)
{
	struct buffers buffers = { .entries = PAGE / 16, .flags = KERNEL_ALLOCATES };

	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_PBUF_RING, &buffers, 1))
		die("IORING_REGISTER_PBUF_RING");
}

static void release(int ring)
{
	struct buffers buffers = { };

	if (syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_PBUF_RING, &buffers, 1))
		die("IORING_UNREGISTER_PBUF_RING");
}

static uint64_t pfn_of_page(int ring)
{
	uint64_t entry;
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, OFFSET_OF_RING);

	if (page == MAP_FAILED)
		die("mmap");
	if (!pagemap_read(page, 1, &entry) || !(entry & PM_PFN))
		die("pagemap");
	munmap(page, PAGE);
	return entry & PM_PFN;
}

int main(int argc, char **argv)
{
	struct io_uring_params params = { };
	unsigned long nodes = 0;
	int ring, status, option;
	char pfn[32];

	while ((option = getopt(argc, argv, "+n:")) == 'n')
		nodes = 1UL << atoi(optarg);
	if (option != -1 || optind != argc - 1) {
		fprintf(stderr, "usage: ring [-n NODE] COMMAND\n");
		return WRONG;
	}
	ring = syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0)
		die("io_uring_setup");
	/* Once for what is allocated beside it: there is some left of that then. */
	allocate(ring);
	release(ring);
	if (nodes)
		set_policy(MPOL_BIND, nodes);
	allocate(ring);
	set_policy(MPOL_DEFAULT, 0);
	snprintf(pfn, sizeof(pfn), "%#llx", (unsigned long long)pfn_of_page(ring));
	setenv("PFN", pfn, 1);
	status = system(argv[optind]);
	release(ring);
	close(ring);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}
