/* SPDX-License-Identifier: GPL-2.0-only */
/* What /proc/self/pagemap says; Documentation/admin-guide/mm/pagemap.rst has its bits. */
#ifndef PAGEMAP_H
#define PAGEMAP_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#define PM_PRESENT	(1ULL << 63)
#define PM_PFN		((1ULL << 55) - 1)
#define PM_MARKS	(7ULL << 55 | 1ULL << 61)	/* soft-dirty, exclusive, uffd-wp; file */

/* The entries of nr pages from an address on; false: errno says why. */
static inline bool pagemap_read(const void *address, size_t nr, uint64_t *entries)
{
	off_t at = (uintptr_t)address / sysconf(_SC_PAGESIZE) * sizeof(*entries);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return false;
	errno = EIO;
	got = pread(fd, entries, nr * sizeof(*entries), at);
	close(fd);
	return got == (ssize_t)(nr * sizeof(*entries));
}

#endif /* PAGEMAP_H */
