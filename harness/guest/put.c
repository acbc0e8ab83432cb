// SPDX-License-Identifier: GPL-2.0-only
/*
 * put [-f NTH | -m] PATH VALUE: one write of the value to a file, as a driver's file
 * wants it. The exit code is the errno of what failed, 0 when all was taken; the
 * errno's name goes to the output, where a shell would hide it. SIGUSR1 interrupts
 * the write without ending the program, so that EINTR can be seen.
 *
 * With -f the kernel fails the NTH allocation of the write, from 1 (see
 * Documentation/fault-injection); "spared" says that there were not so many.
 * With -m the write is open to the failures that a task filter restricts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
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

static ssize_t write_exposed(int fd, const char *value)
{
	int exposed = open("/proc/self/make-it-fail", O_WRONLY);
	ssize_t n;
	int error;

	if (exposed < 0 || pwrite(exposed, "1", 1, 0) < 0)
		return -1;
	n = write(fd, value, strlen(value));
	error = errno;
	if (pwrite(exposed, "0", 1, 0) < 0)
		return -1;
	errno = error;
	return n;
}

static ssize_t write_once(int fd, const char *value, const char *nth, bool exposed)
{
	if (nth)
		return write_failing(fd, value, nth);
	return exposed ? write_exposed(fd, value) : write(fd, value, strlen(value));
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = interrupt };
	const char *what = "open", *nth = NULL;
	bool exposed = false;
	ssize_t n = -1;
	int fd;

	if (argc == 5 && !strcmp(argv[1], "-f")) {
		nth = argv[2];
		argv += 2;
		argc -= 2;
	} else if (argc == 4 && !strcmp(argv[1], "-m")) {
		exposed = true;
		argv++;
		argc--;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: put [-f NTH | -m] PATH VALUE\n");
		return 255;
	}
	sigaction(SIGUSR1, &action, NULL);
	fd = open(argv[1], O_WRONLY | O_TRUNC);
	if (fd >= 0) {
		what = "write";
		n = write_once(fd, argv[2], nth, exposed);
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
