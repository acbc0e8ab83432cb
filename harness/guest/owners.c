// SPDX-License-Identifier: GPL-2.0-only
/*
 * owners KIND NODE PAGES COMMAND: has several processes map PAGES pages of a node in
 * a way that is hard on those who move them, runs the command, and checks that each
 * process sees what it saw: contents, and per page what /proc/self/pagemap says of
 * it (soft-dirty, exclusive, write-protected by userfaultfd), in other places.
 *
 *	fork	anonymous memory that a process shares with its children; each of
 *		them writes a part of it afterwards, which the others must not see
 *	woven	each has memory of its own, faulted in by turns: neighbours in memory
 *		have different owners
 *	views	a file mapped shared, shared at another offset, and private, by all
 *	marks	one process; pages that are clean and dirty, read-only, unreadable,
 *		write-protected
 *
 * Exits with the command's code, or 200 where something is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pagemap.h"

#define PAGE		4096UL
#define TASKS		16
#define WRONG		200

static size_t pages;
static char *area;
static uint64_t *before;
static volatile unsigned long *turn;

static void die(const char *what)
{
	fprintf(stderr, "owners: %s: %s\n", what, strerror(errno));
	exit(WRONG);
}

static char *map(size_t n, int flags, int fd, off_t at)
{
	char *mem = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, flags, fd, at);

	if (mem == MAP_FAILED)
		die("mmap");
	return mem;
}

static char *map_anon(size_t n, int flags)
{
	char *mem = map(n, MAP_ANONYMOUS | flags, -1, 0);

	madvise(mem, n * PAGE, MADV_NOHUGEPAGE);
	return mem;
}

static void fill(char *mem, size_t page, uint64_t salt)
{
	uint64_t *word = (uint64_t *)(mem + page * PAGE);

	for (size_t i = 0; i < PAGE / 8; i++)
		word[i] = (salt << 48) ^ (page << 16) ^ i;
}

static bool check(const char *mem, size_t page, uint64_t salt)
{
	const uint64_t *word = (const uint64_t *)(mem + page * PAGE);

	for (size_t i = 0; i < PAGE / 8; i++) {
		if (word[i] == ((salt << 48) ^ (page << 16) ^ i))
			continue;
		printf("page %zu of %d: word %zu is %#lx\n", page, getpid(), i, (unsigned long)word[i]);
		return false;
	}
	return true;
}

static bool check_all(const char *mem, size_t n, uint64_t salt)
{
	for (size_t page = 0; page < n; page++) {
		if (!check(mem, page, salt))
			return false;
	}
	return true;
}

static void read_marks(const char *mem, size_t n, uint64_t *marks)
{
	if (!pagemap_read(mem, n, marks))
		die("pagemap");
}

/* All have moved, and are marked as before. */
static bool check_marks(const char *mem, size_t n)
{
	uint64_t *now = malloc(n * 8);
	bool good = true;

	read_marks(mem, n, now);
	for (size_t page = 0; page < n && good; page++) {
		if ((now[page] & PM_PFN) == (before[page] & PM_PFN)) {
			printf("page %zu has not moved: %#lx\n", page, (unsigned long)now[page]);
			good = false;
		} else if ((now[page] ^ before[page]) & PM_MARKS) {
			printf("page %zu was marked %#lx, is %#lx\n", page,
			       (unsigned long)before[page], (unsigned long)now[page]);
			good = false;
		}
	}
	free(now);
	return good;
}

/* A child that does something, waits for the pipe to close, and says how its check came out. */
static pid_t start_child(int pipe_end[2], void (*begin)(int task), bool (*fn)(int task), int task)
{
	pid_t child = fork();
	char byte;

	if (child < 0)
		die("fork");
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pipe_end[1]);
	begin(task);
	if (read(pipe_end[0], &byte, 1))
		_exit(WRONG);
	bool good = fn(task);
	fflush(stdout);
	_exit(good ? 0 : WRONG);
}

static void begin_nothing(int task)
{
	(void)task;
}

/* In turn, so that one sees what another has written, where it must not. */
static bool check_forked(int task)
{
	size_t part = pages / (TASKS + 1);

	if (!check_all(area, pages, 1))
		return false;
	for (size_t page = task * part; page < (task + 1) * part; page++)
		fill(area, page, 2 + task);
	for (size_t page = 0; page < pages; page++) {
		if (!check(area, page, page / part == (size_t)task ? 2 + task : 1))
			return false;
	}
	return true;
}

static char *woven(int task)
{
	return area + task * (pages / TASKS) * PAGE;
}

static bool check_woven(int task)
{
	return check_all(woven(task), pages / TASKS, 3 + task);
}

static char *shifted, *private;

static bool check_views(int task)
{
	size_t half = pages / 2;

	(void)task;
	for (size_t page = 0; page < pages; page++) {
		if (!check(area, page, 1) || !check(private, page, page % 4 ? 1 : 9))
			return false;
	}
	for (size_t page = 0; page < pages - half; page++) {
		if (memcmp(shifted + page * PAGE, area + (page + half) * PAGE, PAGE)) {
			printf("page %zu differs by view\n", page);
			return false;
		}
	}
	return true;
}

/* Each child touches its own part of the parent's mapping: they take turns. */
static void weave(int task)
{
	for (size_t page = 0; page < pages / TASKS; page++) {
		while (*turn != page * TASKS + task)
			sched_yield();
		fill(woven(task), page, 3 + task);
		*turn += 1;
	}
}

static void write_protect(char *mem, size_t n)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)mem, .len = n * PAGE }, .mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = {
		.range = reg.range, .mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg) ||
	    ioctl(fd, UFFDIO_WRITEPROTECT, &wp))
		die("userfaultfd");
}

static void make_marks(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	size_t part = pages / 4;

	for (size_t page = 0; page < pages; page++)
		fill(area, page, 1);
	if (fd >= 0 && write(fd, "4", 1) != 1)
		fprintf(stderr, "owners: soft-dirty is not tracked\n");
	for (size_t page = 0; page < part; page += 2)
		fill(area, page, 1);
	if (mprotect(area + part * PAGE, part * PAGE, PROT_READ) ||
	    mprotect(area + 2 * part * PAGE, part * PAGE, PROT_NONE))
		die("mprotect");
	write_protect(area + 3 * part * PAGE, part);
}

static bool check_single(void)
{
	bool good = check_marks(area, pages);

	if (mprotect(area + pages / 2 * PAGE, pages / 4 * PAGE, PROT_READ))
		die("mprotect");
	return check_all(area, pages, 1) && good;
}

static void make_views(void)
{
	int fd = memfd_create("owners", MFD_CLOEXEC);
	size_t half = pages / 2;

	if (fd < 0 || ftruncate(fd, pages * PAGE))
		die("memfd");
	area = map(pages, MAP_SHARED, fd, 0);
	for (size_t page = 0; page < pages; page++)
		fill(area, page, 1);
	shifted = map(pages - half, MAP_SHARED, fd, half * PAGE);
	private = map(pages, MAP_PRIVATE, fd, 0);
	for (size_t page = 0; page < pages; page++) {
		(void)*(volatile char *)(private + page * PAGE);
		if (page % 4 == 0)
			fill(private, page, 9);
	}
	for (size_t page = 0; page < pages - half; page++)
		(void)*(volatile char *)(shifted + page * PAGE);
}

static void bind_to(unsigned long node)
{
	unsigned long mask = 1UL << node;

	if (syscall(SYS_set_mempolicy, MPOL_PREFERRED, &mask, 8 * sizeof(mask)))
		die("set_mempolicy");
}

int main(int argc, char **argv)
{
	bool good = true, marks, weaves;
	bool (*fn)(int task) = NULL;
	pid_t children[TASKS];
	int ends[2], code;

	if (argc != 5) {
		fprintf(stderr, "usage: owners KIND NODE PAGES COMMAND\n");
		return WRONG;
	}
	marks = !strcmp(argv[1], "marks");
	weaves = !strcmp(argv[1], "woven");
	pages = strtoul(argv[3], NULL, 0);
	before = malloc(pages * 8);
	turn = (unsigned long *)map_anon(1, MAP_SHARED);
	*turn = 0;
	if (pipe(ends))
		die("pipe");
	bind_to(strtoul(argv[2], NULL, 0));

	if (!strcmp(argv[1], "views")) {
		make_views();
		fn = check_views;
	} else {
		area = map_anon(pages, MAP_PRIVATE);
	}
	if (!strcmp(argv[1], "fork")) {
		for (size_t page = 0; page < pages; page++)
			fill(area, page, 1);
		fn = check_forked;
	}
	if (weaves)
		fn = check_woven;
	if (marks)
		make_marks();
	else if (!fn)
		die(argv[1]);
	for (int task = 0; task < TASKS && !marks; task++)
		children[task] = start_child(ends, weaves ? weave : begin_nothing, fn, task);
	while (weaves && *turn < pages / TASKS * TASKS)
		sched_yield();

	if (!weaves)
		read_marks(area, pages, before);
	code = system(argv[4]);
	if (marks)
		good = check_single();
	else if (!weaves)
		good = check_marks(area, pages) && check_all(area, pages, 1);
	close(ends[1]);
	for (int task = 0; task < TASKS && !marks; task++) {
		int status = -1;

		waitpid(children[task], &status, 0);
		good = good && !status;
	}
	if (!good)
		return WRONG;
	return WIFEXITED(code) ? WEXITSTATUS(code) : WRONG;
}
