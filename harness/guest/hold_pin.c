// SPDX-License-Identifier: GPL-2.0-only
/*
 * memhold's pins: keeps up to sixteen pages, spread over the area, from moving.
 * A page in a pipe has a reference that nothing accounts for, which is what a
 * stuck offline looks like; a buffer of io_uring is a long-term pin, which the
 * kernel takes only after it moved the page out of movable memory. The kernel's
 * gup_test takes such a pin of the whole area, by one of two ways.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memhold.h"

#define PINS	16

/* Of the kernel's mm/gup_test.h */
struct pin_longterm_test {
	__u64 addr;
	__u64 size;
	__u32 flags;
};

#define PIN_LONGTERM_TEST_START	_IOW('g', 7, struct pin_longterm_test)
#define PIN_FOR_WRITING		1
#define PIN_FAST		2

static int pinned[2] = { -1, -1 };

static int choose_pages(const struct hold *h, struct iovec *iov)
{
	size_t pages = h->bytes / PAGE;
	int n = pages < PINS ? (int)pages : PINS;

	for (int i = 0; i < n; i++) {
		iov[i].iov_base = h->area + pages * i / n * PAGE;
		iov[i].iov_len = PAGE;
	}
	return n;
}

static void pin_by_pipe(struct iovec *iov, int n)
{
	if (pipe2(pinned, O_CLOEXEC))
		fail("pipe");
	for (int i = 0; i < n; i++)
		if (vmsplice(pinned[1], &iov[i], 1, SPLICE_F_NONBLOCK) != (ssize_t)PAGE)
			fail("vmsplice");
}

static void pin_by_uring(struct iovec *iov, int n)
{
	struct io_uring_params params;

	memset(&params, 0, sizeof(params));
	pinned[0] = syscall(SYS_io_uring_setup, 4, &params);
	if (pinned[0] < 0)
		fail("io_uring_setup");
	if (syscall(SYS_io_uring_register, pinned[0], IORING_REGISTER_BUFFERS, iov, n))
		fail("io_uring_register");
}

static void pin_by_gup_test(const struct hold *h, __u32 flags)
{
	struct pin_longterm_test test = {
		.addr = (uintptr_t)h->area,
		.size = h->bytes,
		.flags = PIN_FOR_WRITING | flags,
	};

	pinned[0] = open("/sys/kernel/debug/gup_test", O_RDONLY | O_CLOEXEC);
	if (pinned[0] < 0)
		fail("gup_test");
	if (ioctl(pinned[0], PIN_LONGTERM_TEST_START, &test))
		fail("PIN_LONGTERM_TEST_START");
}

/* Pins pages of the filled area. */
void hold_pin(const struct hold *h, enum hold_pin how)
{
	struct iovec iov[PINS];
	int n = choose_pages(h, iov);

	if (how == PIN_VMSPLICE)
		pin_by_pipe(iov, n);
	else if (how == PIN_URING)
		pin_by_uring(iov, n);
	else if (how == PIN_GUP || how == PIN_GUP_FAST)
		pin_by_gup_test(h, how == PIN_GUP_FAST ? PIN_FAST : 0);
}

/* Lets go of them; harmless when there are none. */
void hold_unpin(void)
{
	for (int i = 0; i < 2; i++) {
		if (pinned[i] >= 0)
			close(pinned[i]);
		pinned[i] = -1;
	}
}
