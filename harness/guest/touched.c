// SPDX-License-Identifier: GPL-2.0-only
/*
 * touched PAGES ROUNDS: has so many pages of anonymous memory faulted in, one by one, and
 * gives them back; says how long each round took: "ticks N", see timed.c. Each round
 * stands between two marks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mark.h"

#define PAGE	4096UL

static int touch(size_t pages, uint64_t *ticks)
{
	char *area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t start;

	if (area == MAP_FAILED || madvise(area, pages * PAGE, MADV_NOHUGEPAGE))
		return errno;
	MARK(1);
	start = now();
	for (size_t page = 0; page < pages; page++)
		area[page * PAGE] = 1;
	munmap(area, pages * PAGE);
	*ticks = now() - start;
	MARK(2);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc == 3 ? strtoul(argv[2], NULL, 0) : 0;
	uint64_t ticks[64];
	int error = 0;

	if (!rounds || rounds > 64) {
		fprintf(stderr, "usage: touched PAGES ROUNDS\n");
		return 255;
	}
	for (unsigned long n = 0; n < rounds && !error; n++)
		error = touch(strtoul(argv[1], NULL, 0), &ticks[n]);
	if (error) {
		fprintf(stderr, "touched: %s\n", strerror(error));
		return error;
	}
	for (unsigned long n = 0; n < rounds; n++)
		printf("ticks %" PRIu64 "\n", ticks[n]);
	return 0;
}
