// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz SEED OPS THREADS [UID]: opens, reads and writes the files that standard input
 * names, from several threads, as another user if one is named. What each thread
 * does is a matter of the seed alone. A line of input:
 *
 *	PATH TAB HOW [TAB WORD]...
 *
 * HOW is "any": what is written is a word of the file, a word that was spoilt, one
 * of another file, or noise; or "words": never a number that is not a word.
 *
 * Prints a line "COUNT PATH OPERATION ERRNO EXAMPLE" for each way that something
 * ended, 0 where it went well. A call that takes more than two seconds gets a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILES	200
#define MAX_WORDS	40
#define MAX_THREADS	16
#define MAX_ENDS	4000
#define MAX_VALUE	9000
#define PATIENCE_MS	2000

struct file {
	char *path;
	bool words_only;
	char *words[MAX_WORDS];
	unsigned int nr_words;
};

struct end {
	const char *path;
	const char *what;
	int error;
	unsigned long count;
	char example[49];
};

struct worker {
	pthread_t thread;
	uint64_t random;
	_Atomic int64_t since;		/* ms, of the call that it is in; 0: in none */
};

static struct file files[MAX_FILES];
static unsigned int nr_files;
static unsigned long nr_ops;

static struct worker workers[MAX_THREADS];
static unsigned int nr_workers;
static _Atomic unsigned int nr_running;

static struct end ends[MAX_ENDS];
static unsigned int nr_ends;
static pthread_mutex_t ends_lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *why)
{
	fprintf(stderr, "fuzz: %s\n", why);
	exit(2);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static uint64_t rnd(struct worker *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1dULL;
}

static unsigned int below(struct worker *w, unsigned int end)
{
	return (rnd(w) >> 16) % end;
}

/* What is written */

static size_t take_word(struct worker *w, const struct file *file, char *value)
{
	if (!file->nr_words)
		return 0;
	strcpy(value, file->words[below(w, file->nr_words)]);
	return strlen(value);
}

static size_t noise(struct worker *w, char *value, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		value[i] = rnd(w) >> 24;
	return nr;
}

static size_t spoil(struct worker *w, char *value, size_t nr)
{
	size_t at = below(w, nr + 1);

	switch (below(w, 6)) {
	case 0:			/* a byte is another */
		if (at < nr)
			value[at] ^= 1 << below(w, 8);
		return nr;
	case 1:			/* cut off */
		return at;
	case 2:			/* twice */
		memcpy(value + nr, value, nr);
		return 2 * nr;
	case 3:			/* a byte more, before or within */
		memmove(value + at + 1, value + at, nr - at);
		value[at] = "\n \t\0-+x0"[below(w, 8)];
		return nr + 1;
	case 4:			/* a newline more */
		value[nr] = '\n';
		return nr + 1;
	default:		/* longer than a page */
		memset(value + nr, ' ', 4500);
		return nr + 4500;
	}
}

/* Nothing that can be read as a number */
static size_t harmless(struct worker *w, char *value)
{
	size_t nr = noise(w, value, 1 + below(w, 100));

	value[0] = "xyz \n-"[below(w, 6)];
	for (size_t i = 0; i < nr; i++)
		if (value[i] >= '0' && value[i] <= '9')
			value[i] = '?';
	return nr;
}

static size_t make_value(struct worker *w, const struct file *file, char *value)
{
	unsigned int how = below(w, 20);

	if (how < 12)
		return take_word(w, file, value);
	if (file->words_only)
		return harmless(w, value);
	if (how < 16)
		return spoil(w, value, take_word(w, file, value));
	if (how < 18)
		return take_word(w, &files[below(w, nr_files)], value);
	return noise(w, value, below(w, how == 18 ? 12 : 5000));
}

/* How it ended */

static void show(char *to, size_t room, const char *value, size_t nr)
{
	size_t used = 0;

	for (size_t i = 0; i < nr && used + 5 < room; i++) {
		unsigned char c = value[i];

		if (c > ' ' && c < 127 && c != '\\')
			to[used++] = c;
		else
			used += sprintf(to + used, "\\x%02x", c);
	}
	to[used] = '\0';
}

static void note(const struct file *file, const char *what, int error, const char *value, size_t nr)
{
	unsigned int i;

	pthread_mutex_lock(&ends_lock);
	for (i = 0; i < nr_ends; i++)
		if (ends[i].path == file->path && ends[i].what == what && ends[i].error == error)
			break;
	if (i == nr_ends) {
		if (nr_ends == MAX_ENDS)
			die("too many ways to end");
		ends[nr_ends++] = (struct end){ .path = file->path, .what = what, .error = error };
		show(ends[i].example, sizeof(ends[i].example), value, nr);
	}
	ends[i].count++;
	pthread_mutex_unlock(&ends_lock);
}

static void write_file(struct worker *w, const struct file *file)
{
	static const int flags[] = { O_WRONLY, O_WRONLY, O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_WRONLY | O_APPEND };
	char value[MAX_VALUE] = "";
	size_t nr = make_value(w, file, value);
	int fd = open(file->path, flags[below(w, 6)] | O_CLOEXEC), error;

	if (fd < 0) {
		note(file, "open-write", errno, value, 0);
		return;
	}
	w->since = now_ms();
	error = pwrite(fd, value, nr, below(w, 8) ? 0 : below(w, 5000)) < 0 ? errno : 0;
	w->since = 0;
	note(file, "write", error, value, nr);
	close(fd);
}

static void read_file(struct worker *w, const struct file *file)
{
	char value[MAX_VALUE];
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		note(file, "open-read", errno, "", 0);
		return;
	}
	w->since = now_ms();
	n = pread(fd, value, below(w, 4) ? sizeof(value) : below(w, 20), below(w, 8) ? 0 : below(w, 5000));
	w->since = 0;
	note(file, "read", n < 0 ? errno : 0, value, n < 0 ? 0 : n);
	close(fd);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned long i = 0; i < nr_ops; i++) {
		const struct file *file = &files[below(w, nr_files)];

		if (below(w, 3))
			write_file(w, file);
		else
			read_file(w, file);
	}
	nr_running--;
	return NULL;
}

/* Nobody waits for long: a signal ends it, time and again if need be. */
static void watch(void)
{
	while (nr_running) {
		usleep(50000);
		for (unsigned int i = 0; i < nr_workers; i++) {
			int64_t since = workers[i].since;

			if (since && now_ms() - since > PATIENCE_MS)
				pthread_kill(workers[i].thread, SIGUSR1);
		}
	}
}

static void read_spec(void)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		struct file *file = &files[nr_files];
		char *at = strdup(line), *word;

		if (nr_files == MAX_FILES || !at)
			die("too many files");
		at[strcspn(at, "\n")] = '\0';
		file->path = strsep(&at, "\t");
		word = strsep(&at, "\t");
		if (!word)
			die("a line without words");
		file->words_only = !strcmp(word, "words");
		while ((word = strsep(&at, "\t")) && file->nr_words < MAX_WORDS)
			file->words[file->nr_words++] = word;
		nr_files++;
	}
	if (!nr_files)
		die("no files");
}

static void become(const char *user)
{
	uid_t uid = atoi(user);

	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		die("cannot become another user");
}

static void interrupt(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = interrupt };	/* without SA_RESTART */

	if (argc < 4)
		die("usage: fuzz SEED OPS THREADS [UID]");
	nr_ops = strtoul(argv[2], NULL, 0);
	nr_workers = strtoul(argv[3], NULL, 0);
	if (nr_workers > MAX_THREADS)
		die("too many threads");
	read_spec();
	if (argc > 4)
		become(argv[4]);
	sigaction(SIGUSR1, &action, NULL);

	nr_running = nr_workers;
	for (unsigned int i = 0; i < nr_workers; i++) {
		workers[i].random = (strtoull(argv[1], NULL, 0) + 1) * 0x9e3779b97f4a7c15ULL + i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("no thread");
	}
	watch();
	for (unsigned int i = 0; i < nr_workers; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned int i = 0; i < nr_ends; i++)
		printf("%lu %s %s %s %s\n", ends[i].count, ends[i].path, ends[i].what,
		       ends[i].error ? strerrorname_np(ends[i].error) : "0", ends[i].example);
	return 0;
}
