// SPDX-License-Identifier: GPL-2.0-only
/*
 * fill BYTES [N]: takes that much anonymous memory, a word of each page written, and
 * keeps every Nth page of it, all by default; says "filled PAGES" and stays until it
 * is killed. What it gives back is spread evenly over the memory that it got.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	4096UL

int main(int argc, char **argv)
{
	size_t pages, kept = 0, every = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	char *area;

	if (argc < 2 || !every) {
		fprintf(stderr, "usage: fill BYTES [N]\n");
		return 2;
	}
	pages = strtoul(argv[1], NULL, 0) / PAGE;
	area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || madvise(area, pages * PAGE, MADV_NOHUGEPAGE)) {
		perror("fill");
		return 2;
	}
	for (size_t page = 0; page < pages; page++)
		*(volatile size_t *)(area + page * PAGE) = page + 1;
	for (size_t page = 0; page < pages; page++) {
		if (!(page % every))
			kept++;
		else if (madvise(area + page * PAGE, PAGE, MADV_DONTNEED)) {
			perror("fill: MADV_DONTNEED");
			return 2;
		}
	}
	printf("filled %zu\n", kept);
	fflush(stdout);
	for (;;)
		pause();
}
