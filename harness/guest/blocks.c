// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints what a guest says of its memory blocks, a line each:
 *
 *	size BYTES
 *	NUMBER STATE NODE(-1: none) REMOVABLE USED SAMPLED VALID_ZONES...
 *
 * USED of SAMPLED pages looked at are not free, as /proc/kpageflags has it. It
 * looks at one page in 61 (prime, so that no buddy order hides between), which
 * is close enough to draw and a hundred times cheaper than reading all.
 * The host's side: harness/blocks.py.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY		"/sys/devices/system/memory"
#define FLAG_BUDDY	10
#define FLAG_NOPAGE	20
#define STRIDE		61

static bool read_line(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	text[0] = '\0';
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static bool read_attr(unsigned long number, const char *name, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), MEMORY "/memory%lu/%s", number, name);
	return read_line(path, text, size);
}

static int node_of(unsigned long number)
{
	char path[128];
	struct dirent *entry;
	int node = -1;
	DIR *dir;

	snprintf(path, sizeof(path), MEMORY "/memory%lu", number);
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "node%d", &node) == 1)
			break;
	closedir(dir);
	return node;
}

static void sample(int flags, unsigned long number, unsigned long pages,
		   unsigned long *used, unsigned long *seen)
{
	unsigned long pfn = number * pages, end = pfn + pages;
	uint64_t word;

	for (; pfn < end; pfn += STRIDE) {
		if (pread(flags, &word, 8, pfn * 8) != 8)
			return;
		if (word & (1ULL << FLAG_NOPAGE))
			continue;
		(*seen)++;
		if (!(word & (1ULL << FLAG_BUDDY)))
			(*used)++;
	}
}

static void print_block(int flags, unsigned long number, unsigned long pages)
{
	char state[32], removable[32], zones[128];
	unsigned long used = 0, seen = 0;

	if (!read_attr(number, "state", state, sizeof(state)))
		return;		/* it went while we looked */
	read_attr(number, "removable", removable, sizeof(removable));
	read_attr(number, "valid_zones", zones, sizeof(zones));
	if (flags >= 0 && strcmp(state, "offline"))
		sample(flags, number, pages, &used, &seen);
	printf("%lu %s %d %s %lu %lu %s\n", number, state, node_of(number),
	       removable[0] ? removable : "-", used, seen, zones);
}

static int compare(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static unsigned long numbers[1 << 16];
	unsigned long size;
	size_t n = 0;
	struct dirent *entry;
	char text[32];
	int flags = -1;
	DIR *dir;

	if (argc < 2 || strcmp(argv[1], "--states"))
		flags = open("/proc/kpageflags", O_RDONLY);
	if (!read_line(MEMORY "/block_size_bytes", text, sizeof(text))) {
		fprintf(stderr, "blocks: no memory blocks here\n");
		return 1;
	}
	size = strtoul(text, NULL, 16);
	printf("size %lu\n", size);

	dir = opendir(MEMORY);
	if (!dir)
		return 1;
	while (n < sizeof(numbers) / sizeof(*numbers) && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "memory%lu", &numbers[n]) == 1)
			n++;
	closedir(dir);
	qsort(numbers, n, sizeof(*numbers), compare);
	for (size_t i = 0; i < n; i++)
		print_block(flags, numbers[i], size / 4096);
	return 0;
}
