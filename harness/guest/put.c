// SPDX-License-Identifier: GPL-2.0-only
/*
 * put [-f NTH] PATH VALUE: one write of the value to a file, as a driver's file
 * wants it. The exit code is the errno of what failed, 0 when all was taken; the
 * errno's name goes to the output, where a shell would hide it. SIGUSR1 interrupts
 * the write without ending the program, so that EINTR can be seen.
 *
 * With -f the kernel fails the NTH allocation of the write, from 1 (see
 * Documentation/fault-injection); "spared" says that there were not so many.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void interrupt(int sig)
{
	(void)sig;
}

/* The write alone is to fail: everything is opened, and printed, outside of it. */
static ssize_t write_failing(int fd, const char *value, const char *nth)
{
	int faults = open("/proc/thread-self/fail-nth", O_RDWR);
	char left[16] = "";
	ssize_t n;
	int error;

	if (faults < 0)
		return -1;
	if (pwrite(faults, nth, strlen(nth), 0) < 0)
		return -1;
	n = write(fd, value, strlen(value));
	error = errno;
	if (pread(faults, left, sizeof(left) - 1, 0) < 0 || pwrite(faults, "0", 1, 0) < 0)
		return -1;
	if (atoi(left))
		printf("spared\n");
	errno = error;
	return n;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = interrupt };
	const char *what = "open", *nth = NULL;
	ssize_t n = -1;
	int fd;

	if (argc == 5 && !strcmp(argv[1], "-f")) {
		nth = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: put [-f NTH] PATH VALUE\n");
		return 255;
	}
	sigaction(SIGUSR1, &action, NULL);
	fd = open(argv[1], O_WRONLY | O_TRUNC);
	if (fd >= 0) {
		what = "write";
		n = nth ? write_failing(fd, argv[2], nth) :
			  write(fd, argv[2], strlen(argv[2]));
	}
	if (n < 0) {
		int error = errno;

		printf("%s %s: %s\n", strerrorname_np(error), what, argv[1]);
		return error;
	}
	if ((size_t)n != strlen(argv[2])) {
		printf("short write: %s\n", argv[1]);
		return 255;
	}
	return 0;
}
