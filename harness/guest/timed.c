// SPDX-License-Identifier: GPL-2.0-only
/*
 * timed VALUE PATH...: writes the value to each file, one straight after the other, and
 * says how long each write took: prints "ticks N", by the time-stamp counter, which
 * counts instructions in a guest under icount. Ends at the first that fails; the exit
 * code is its errno.
 *
 * Each write stands between two marks that QEMU's emulation can be told to look for;
 * see harness/bench/count.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mark.h"

static int write_timed(const char *path, const char *value, uint64_t *ticks)
{
	size_t length = strlen(value);
	uint64_t start;
	int fd, error = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	MARK(1);
	start = now();
	if (write(fd, value, length) != (ssize_t)length)
		error = errno ?: EIO;
	*ticks = now() - start;
	MARK(2);
	close(fd);
	return error;
}

/* Printed at the end: that, too, takes time. */
int main(int argc, char **argv)
{
	uint64_t ticks[512];
	int n, error = 0;

	if (argc < 3 || argc > 512) {
		fprintf(stderr, "usage: timed VALUE PATH...\n");
		return 255;
	}
	for (n = 2; n < argc && !error; n++)
		error = write_timed(argv[n], argv[1], &ticks[n]);
	for (int i = 2; i < n; i++)
		printf("ticks %" PRIu64 "\n", ticks[i]);
	if (error)
		fprintf(stderr, "%s: %s\n", argv[n - 1], strerror(error));
	return error;
}
