// SPDX-License-Identifier: GPL-2.0-only
/*
 * put PATH VALUE: one write of the value to a file, as a driver's file wants it.
 * The exit code is the errno of what failed, 0 when all was taken; the errno's
 * name goes to the output, where a shell would hide it. SIGUSR1 interrupts the
 * write without ending the program, so that EINTR can be seen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void interrupt(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = interrupt };
	const char *what = "open";
	ssize_t n = -1;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: put PATH VALUE\n");
		return 255;
	}
	sigaction(SIGUSR1, &action, NULL);
	fd = open(argv[1], O_WRONLY | O_TRUNC);
	if (fd >= 0) {
		what = "write";
		n = write(fd, argv[2], strlen(argv[2]));
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
