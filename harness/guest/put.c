// SPDX-License-Identifier: GPL-2.0-only
/*
 * put [-f NTH | -m] PATH VALUE: one write of the value to a file, as a driver's file
 * wants it. The exit code is the errno of what failed, 0 when all was taken; the
 * errno's name goes to the output, where a shell would hide it. SIGUSR1 interrupts
 * the write without ending the program, so that EINTR can be seen.
 *
 * With -f the kernel fails the NTH allocation of the write, from 1 (see
 * Documentation/fault-injection); "spared N" says that it was N short of so many.
 * With -m the write is open to the failures that a task filter restricts.
 *
 * put -s does so for each line "[-f NTH | -m] PATH VALUE" of its input, for those who
 * write a lot, and answers each with what it has to say and a line "code N".
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
		printf("spared %d\n", atoi(left));
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

/* The words of one write, without the program's name; returns the code. */
static int put(int argc, char **argv)
{
	const char *what = "open", *nth = NULL;
	bool exposed = false;
	ssize_t n = -1;
	int fd;

	if (argc == 4 && !strcmp(argv[0], "-f")) {
		nth = argv[1];
		argv += 2;
		argc -= 2;
	} else if (argc == 3 && !strcmp(argv[0], "-m")) {
		exposed = true;
		argv++;
		argc--;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: put [-f NTH | -m] PATH VALUE, or put -s\n");
		return 255;
	}
	fd = open(argv[0], O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd >= 0) {
		what = "write";
		n = write_once(fd, argv[1], nth, exposed);
	}
	if (n < 0) {
		int error = errno;

		printf("%s %s: %s\n", strerrorname_np(error), what, argv[0]);
		if (fd >= 0)
			close(fd);
		return error;
	}
	close(fd);
	if ((size_t)n != strlen(argv[1])) {
		printf("short write: %s\n", argv[0]);
		return 255;
	}
	return 0;
}

/* A line that a signal interrupted is read on. */
static char *next_line(char *line, int size)
{
	char *got;

	do {
		clearerr(stdin);
		errno = 0;
		got = fgets(line, size, stdin);
	} while (!got && errno == EINTR);
	return got;
}

/* The value, which may have spaces in it, is what stands behind the path. */
static int serve(void)
{
	char line[512];

	while (next_line(line, sizeof(line))) {
		char *rest = line, *words[5];
		int n = 0;

		line[strcspn(line, "\n")] = '\0';
		do {
			words[n++] = strsep(&rest, " ");
		} while (n < 3 && rest && words[n - 1][0] != '/');
		if (rest)
			words[n++] = rest;
		printf("code %d\n", put(n, words));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = interrupt };

	sigaction(SIGUSR1, &action, NULL);
	if (argc == 2 && !strcmp(argv[1], "-s"))
		return serve();
	return put(argc - 1, argv + 1);
}
