// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the same small thing over and over, and says on SIGUSR1 how long the longest
 * one took since the last time, and how many there were: "longest NANOSECONDS of N".
 * It answers when the one that is under way has ended, which is counted in.
 *
 *	stalls fault			maps memory, writes to each page, unmaps it
 *	stalls bind DRIVER DEVICE	binds a device to a driver, DRIVER being its
 *					folder in sysfs; that it is unbound again is
 *					not timed
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096UL
#define PAGES	16

static volatile sig_atomic_t asked;

static void ask(int number)
{
	(void)number;
	asked = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "stalls: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static uint64_t fault(void)
{
	uint64_t start = now();
	char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		fail("mmap");
	for (size_t page = 0; page < PAGES; page++)
		*(volatile char *)(area + page * PAGE) = 1;
	if (munmap(area, PAGES * PAGE))
		fail("munmap");
	return now() - start;
}

static int control(const char *driver, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", driver, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	return fd;
}

static uint64_t bind(int in, int out, const char *device)
{
	ssize_t length = strlen(device);
	uint64_t start, took;

	if (write(out, device, length) != length)
		fail("unbind");
	start = now();
	if (write(in, device, length) != length)
		fail("bind");
	took = now() - start;
	return took;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = ask, .sa_flags = SA_RESTART };
	bool binds = argc == 4 && !strcmp(argv[1], "bind");
	uint64_t longest = 0, count = 0;
	int in = -1, out = -1;

	if (!binds && !(argc == 2 && !strcmp(argv[1], "fault"))) {
		fprintf(stderr, "usage: stalls fault | stalls bind DRIVER DEVICE\n");
		return 2;
	}
	if (binds) {
		in = control(argv[2], "bind");
		out = control(argv[2], "unbind");
	}
	sigaction(SIGUSR1, &action, NULL);
	for (;;) {
		uint64_t took = binds ? bind(in, out, argv[3]) : fault();

		if (took > longest)
			longest = took;
		count++;
		if (!asked)
			continue;
		asked = 0;
		printf("longest %" PRIu64 " of %" PRIu64 "\n", longest, count);
		fflush(stdout);
		longest = count = 0;
	}
}
