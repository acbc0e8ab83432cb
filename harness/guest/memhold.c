// SPDX-License-Identifier: GPL-2.0-only
/*
 * memhold: holds memory of a chosen kind with a pattern that it verifies.
 *
 * Each 8-byte word depends on where it stands and on how often its page was
 * written, so a page that was lost, swapped with another, or brought back in an
 * older state is found. It verifies all the time, and on demand; with --busy it
 * rewrites every page it verified, so that offlining meets a running load. --rest
 * says how long it rests after each piece of 1 MiB.
 *
 *	SIGUSR1	verify all now and report	SIGUSR2	let go of pinned pages; the
 *						first one with --late: pin them
 *	SIGHUP	print the blocks the pages are in
 *	SIGTERM	verify all, report, give back, exit 0, or 1 when anything was wrong
 *
 * Reports are lines: "ready", "verify", "bad", "blocks", "unpinned", "done",
 * each with name=value words. The host's side: harness/holder.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "memhold.h"
#include "pagemap.h"

#define STEP	256UL			/* pages between two looks at the signals */
#define GOLDEN	0x9e3779b97f4a7c15ULL

static const char *const kinds[] = {
	"anon", "thp", "hugetlb", "shared", "memfd", "file", "locked", "ksm",
};

static uint32_t *generation;		/* how often each page was written */
static uint64_t bad_count;		/* wrong words since the start */
static enum hold_pin late;		/* the pin that waits for its signal */
static unsigned long passes;

__noreturn void fail(const char *what)
{
	fprintf(stderr, "memhold: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t first_word(size_t page)
{
	uint64_t x = (page + 1) * GOLDEN ^ (uint64_t)generation[page] << 32;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return x ^ x >> 32;
}

static void write_page(struct hold *h, size_t page)
{
	uint64_t *word = (uint64_t *)(h->area + page * PAGE), value;

	generation[page]++;
	value = first_word(page);
	for (size_t i = 0; i < PAGE_WORDS; i++, value += GOLDEN)
		word[i] = value;
}

/* Looks for the first wrong word of a page and says which. */
static void report_bad(struct hold *h, size_t page)
{
	uint64_t *word = (uint64_t *)(h->area + page * PAGE), value = first_word(page);

	for (size_t i = 0; i < PAGE_WORDS; i++, value += GOLDEN) {
		uint64_t got = word[i];

		if (got == value)
			continue;
		if (!bad_count++)
			printf("bad offset=0x%zx at=0x%lx want=0x%016llx got=0x%016llx\n",
			       page * PAGE + i * 8, (unsigned long)&word[i],
			       (unsigned long long)value, (unsigned long long)got);
	}
}

static bool page_is_good(struct hold *h, size_t page)
{
	const uint64_t *word = (const uint64_t *)(h->area + page * PAGE);
	uint64_t value = first_word(page), wrong = 0;

	for (size_t i = 0; i < PAGE_WORDS; i++, value += GOLDEN)
		wrong |= word[i] ^ value;
	return !wrong;
}

static void check_pages(struct hold *h, size_t from, size_t to, bool rewrite)
{
	for (size_t page = from; page < to; page++) {
		if (!page_is_good(h, page))
			report_bad(h, page);
		if (rewrite)
			write_page(h, page);
	}
}

static void verify_all(struct hold *h, const char *name)
{
	check_pages(h, 0, h->bytes / PAGE, false);
	passes++;
	printf("%s ok=%d bytes=%zu wrong=%llu passes=%lu\n", name, !bad_count, h->bytes,
	       (unsigned long long)bad_count, passes);
}

static unsigned long block_pages(void)
{
	FILE *f = fopen("/sys/devices/system/memory/block_size_bytes", "r");
	unsigned long bytes = 0;

	if (!f || fscanf(f, "%lx", &bytes) != 1)
		fail("block_size_bytes");
	fclose(f);
	return bytes / PAGE;
}

/* Prints how many pages lie in which memory block, "?" for those in none. */
static void print_blocks(struct hold *h)
{
	static unsigned long count[1 << 16];
	unsigned long per_block = block_pages(), absent = 0;
	uint64_t entry[512];

	memset(count, 0, sizeof(count));
	for (size_t page = 0; page < h->bytes / PAGE; page += 512) {
		size_t n = h->bytes / PAGE - page < 512 ? h->bytes / PAGE - page : 512;

		if (!pagemap_read(h->area + page * PAGE, n, entry))
			fail("pagemap");
		for (size_t i = 0; i < n; i++) {
			uint64_t block = (entry[i] & PM_PFN) / per_block;

			if (!(entry[i] & PM_PRESENT) || block >= 1 << 16)
				absent++;
			else
				count[block]++;
		}
	}
	printf("blocks");
	for (size_t i = 0; i < 1 << 16; i++)
		if (count[i])
			printf(" %zu=%lu", i, count[i]);
	if (absent)
		printf(" ?=%lu", absent);
	printf("\n");
}

static unsigned long huge_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long kib = 0;
	char line[160];

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "AnonHugePages: %lu", &kib);
	if (f)
		fclose(f);
	return kib;
}

/* False once it is to end. */
static bool obey(struct hold *h, int sig)
{
	switch (sig) {
	case SIGUSR1:
		verify_all(h, "verify");
		return true;
	case SIGUSR2:
		if (late)
			hold_pin(h, late);
		else
			hold_unpin();
		printf("%spinned\n", late ? "" : "un");
		late = PIN_NONE;
		return true;
	case SIGHUP:
		print_blocks(h);
		return true;
	default:
		return false;
	}
}

static void hold_on(struct hold *h, bool busy, long rest_ms, const sigset_t *mask)
{
	struct timespec rest = { .tv_sec = rest_ms / 1000, .tv_nsec = rest_ms % 1000 * 1000000 };
	size_t at = 0, pages = h->bytes / PAGE;

	for (;;) {
		size_t to = at + STEP < pages ? at + STEP : pages;
		int sig = sigtimedwait(mask, NULL, &rest);

		if (sig > 0 && !obey(h, sig))
			return;
		check_pages(h, at, to, busy);
		if (to == pages)
			passes++;
		at = to == pages ? 0 : to;
	}
}

static size_t parse_size(const char *text)
{
	char *end;
	size_t size = strtoull(text, &end, 0);

	for (const char *unit = "KMG"; *end && *unit; unit++) {
		size <<= 10;
		if (*end == *unit)
			end++;
	}
	if (*end || !size) {
		fprintf(stderr, "memhold: not a size: %s\n", text);
		exit(2);
	}
	return size;
}

static int index_of(const char *word, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(word, list[i]))
			return i;
	fprintf(stderr, "memhold: unknown: %s\n", word);
	exit(2);
}

static void fill(struct hold *h, long corrupt)
{
	size_t pages = h->bytes / PAGE;

	generation = mmap(NULL, pages * sizeof(*generation), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (generation == MAP_FAILED)
		fail("mmap");
	for (size_t page = 0; page < pages; page++)
		write_page(h, page);
	hold_policy_off(h);
	if (corrupt >= 0)
		h->area[(size_t)corrupt % h->bytes] ^= 0x10;
}

/* It gives way, to the OOM killer and to what runs beside it. */
static void be_humble(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0 || write(fd, "1000", 4) != 4)
		fail("oom_score_adj");
	close(fd);
	setpriority(PRIO_PROCESS, 0, 5);
}

static const struct option options[] = {
	{ "kind", required_argument, NULL, 'k' },
	{ "size", required_argument, NULL, 's' },
	{ "node", required_argument, NULL, 'n' },
	{ "path", required_argument, NULL, 'f' },
	{ "pin", required_argument, NULL, 'p' },
	{ "corrupt", required_argument, NULL, 'c' },
	{ "prefer", no_argument, NULL, 'P' },
	{ "fit", no_argument, NULL, 'F' },
	{ "busy", no_argument, NULL, 'b' },
	{ "late", no_argument, NULL, 'l' },
	{ "rest", required_argument, NULL, 'r' },
	{ }
};

static __noreturn void explain(void)
{
	fprintf(stderr,
		"usage: memhold --size N[K|M|G] [--kind anon|thp|hugetlb|shared|memfd|file|locked|ksm]\n"
		"               [--node N [--prefer]] [--fit] [--busy] [--rest MS] [--path FILE]\n"
		"               [--pin vmsplice|uring|gup|gup-fast [--late]] [--corrupt OFFSET]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static const char *const pins[] = { "none", "vmsplice", "uring", "gup", "gup-fast" };
	struct hold h = { .kind = HOLD_ANON, .node = -1 };
	bool busy = false, fit = false, is_late = false;
	long rest = -1;		/* ms */
	enum hold_pin pin = PIN_NONE;
	long corrupt = -1;
	sigset_t mask;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'k':
			h.kind = index_of(optarg, kinds, 8);
			break;
		case 's':
			h.bytes = parse_size(optarg);
			break;
		case 'n':
			h.node = atoi(optarg);
			break;
		case 'f':
			h.path = optarg;
			break;
		case 'p':
			pin = index_of(optarg, pins, 5);
			break;
		case 'c':
			corrupt = strtol(optarg, NULL, 0);
			break;
		case 'P':
			h.prefer = true;
			break;
		case 'F':
			fit = true;
			break;
		case 'b':
			busy = true;
			break;
		case 'l':
			is_late = true;
			break;
		case 'r':
			rest = strtol(optarg, NULL, 0);
			break;
		default:
			explain();
		}
	}
	if (!h.bytes || (h.kind == HOLD_FILE && !h.path))
		explain();

	setvbuf(stdout, NULL, _IOLBF, 0);
	be_humble();
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);

	if (fit && hold_free_bytes(h.node) < h.bytes)
		h.bytes = hold_free_bytes(h.node);
	hold_map(&h);
	fill(&h, corrupt);
	if (is_late)
		late = pin;
	else
		hold_pin(&h, pin);
	printf("ready kind=%s bytes=%zu node=%d huge_kib=%lu\n", kinds[h.kind], h.bytes, h.node,
	       huge_kib());

	/* An idle holder looks at a piece now and then; a busy one never rests. */
	hold_on(&h, busy, rest >= 0 ? rest : busy ? 0 : 20, &mask);
	verify_all(&h, "done");
	hold_unpin();
	hold_unmap(&h);
	return bad_count ? 1 : 0;
}
