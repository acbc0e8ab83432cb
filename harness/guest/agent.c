// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of a guest: runs commands for the host.
 *
 * One virtio-serial port carries frames both ways. Every command is a job with
 * a number that the host chose; jobs run side by side, each in a process group
 * of its own, with its output and errors in one stream. As process 1 it also
 * reaps whatever a job left behind, and switches off when poweroff or reboot
 * signal it. One thread, one poll loop, nothing blocks.
 *
 * Started by: init, with the port's device as the only argument.
 * The host's side: harness/channel.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum frame_type {
	FRAME_RUN = 1,		/* to the guest: u32 timeout in ms (0: none), command */
	FRAME_STDIN = 2,	/* to the guest: bytes; none at all closes it */
	FRAME_SIGNAL = 3,	/* to the guest: u32 signal for the job's group */
	FRAME_LOG = 4,		/* to the guest: a line for the kernel's log */
	FRAME_HELLO = 16,	/* to the host: the agent is there */
	FRAME_STARTED = 17,	/* to the host: u32 pid */
	FRAME_OUTPUT = 18,	/* to the host: bytes */
	FRAME_TIMEOUT = 19,	/* to the host: the job's time is up, it was killed */
	FRAME_EXIT = 20,	/* to the host: u32 code, u64 run time in ns */
};

struct frame {
	uint32_t len;		/* bytes that follow */
	uint32_t job;
	uint32_t type;
};

#define FRAME_MAX	0x100000
#define OUT_HIGH	0x100000	/* stop reading from jobs above this */
#define JOBS_MAX	64

struct buffer {
	char *data;
	size_t start, end, room;
};

struct job {
	bool used;
	bool exited;
	bool stdin_done;	/* the host has sent all of it */
	uint32_t id;
	pid_t pid;
	int out;		/* the read end of its output, -1 when closed */
	int in;			/* the write end of its input, -1 when closed */
	int code;
	int64_t started;	/* ns */
	int64_t deadline;	/* ns, 0: none */
	struct buffer input;
};

static struct job jobs[JOBS_MAX];
static struct buffer to_host;
static struct buffer from_host;
static int port;

static void die(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static size_t buffer_used(const struct buffer *b)
{
	return b->end - b->start;
}

/* Makes room for len more bytes; what is there moves to the front first. */
static char *buffer_grow(struct buffer *b, size_t len)
{
	size_t used = buffer_used(b);

	if (b->start) {
		memmove(b->data, b->data + b->start, used);
		b->start = 0;
		b->end = used;
	}
	if (b->room < used + len) {
		b->room = (used + len) * 2;
		b->data = realloc(b->data, b->room);
		if (!b->data)
			die("no memory");
	}
	return b->data + b->end;
}

static void buffer_add(struct buffer *b, const void *data, size_t len)
{
	if (!len)
		return;
	memcpy(buffer_grow(b, len), data, len);
	b->end += len;
}

static void buffer_free(struct buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

/* Writes what the descriptor takes now. False when it will never take more. */
static bool buffer_drain(struct buffer *b, int fd)
{
	while (buffer_used(b)) {
		size_t len = buffer_used(b);
		ssize_t n = write(fd, b->data + b->start, len < 16384 ? len : 16384);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR || errno == ENOMEM;
		b->start += n;
	}
	return true;
}

static void send_frame(uint32_t type, uint32_t job, const void *data, size_t len)
{
	struct frame f = { .len = len, .job = job, .type = type };

	buffer_add(&to_host, &f, sizeof(f));
	buffer_add(&to_host, data, len);
}

static struct job *find_job(uint32_t id)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (jobs[i].used && jobs[i].id == id)
			return &jobs[i];
	return NULL;
}

static struct job *new_job(uint32_t id)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs[i];

		if (j->used)
			continue;
		memset(j, 0, sizeof(*j));
		j->used = true;
		j->id = id;
		j->in = -1;
		j->out = -1;
		return j;
	}
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_input(struct job *j)
{
	close_fd(&j->in);
	buffer_free(&j->input);
}

static void send_exit(uint32_t id, uint32_t code, uint64_t ns)
{
	char payload[12];

	memcpy(payload, &code, 4);
	memcpy(payload + 4, &ns, 8);
	send_frame(FRAME_EXIT, id, payload, sizeof(payload));
}

static void finish_job(struct job *j)
{
	close_input(j);
	close_fd(&j->out);
	send_exit(j->id, j->code, now_ns() - j->started);
	j->used = false;
}

/* cat, the commonest command of all. */
static void show(const char *path)
{
	static char piece[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : 0;

	while (fd >= 0 && (got = read(fd, piece, sizeof(piece))) > 0)
		for (ssize_t at = 0, put; at < got; at += put) {
			put = write(1, piece + at, got - at);
			if (put < 0)
				_exit(1);
		}
	if (got < 0)
		dprintf(2, "cat: %s: %s\n", path, strerror(errno));
	_exit(got < 0);
}

/*
 * Runs what is a program and its words, without a shell: to start that one takes
 * longer than most programs do. Returns when only a shell can.
 */
static void become_program(const char *command)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 /._:=,+-@%";
	char *rest = strdup(command), *words[64], *word;
	int n = 0;

	if (!rest || command[strspn(command, plain)])
		return;
	while (n < 63 && (word = strsep(&rest, " ")))
		if (*word && (n || strcmp(word, "exec")))
			words[n++] = word;
	words[n] = NULL;
	if (rest || !n || strchr(words[0], '='))
		return;
	if (n == 2 && !strcmp(words[0], "cat") && words[1][0] == '/')
		show(words[1]);
	execvp(words[0], words);	/* fails for what is built into the shell */
}

/* In the child: never returns. */
static void become(const char *command, int in, int out)
{
	sigset_t none;
	int fd;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	/* The agent is exempt from the OOM killer, what it runs is not. */
	fd = open("/proc/self/oom_score_adj", O_WRONLY);
	if (fd >= 0) {
		if (write(fd, "0", 1) != 1)
			_exit(126);
		close(fd);
	}
	become_program(command);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static void run_job(uint32_t id, uint32_t timeout_ms, const char *command)
{
	struct job *j = new_job(id);
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	uint32_t pid;

	if (!j || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		goto refuse;
	j->started = now_ns();
	if (timeout_ms)
		j->deadline = j->started + timeout_ms * 1000000LL;
	j->pid = fork();
	if (j->pid < 0)
		goto refuse;
	if (!j->pid)
		become(command, in[0], out[1]);
	setpgid(j->pid, j->pid);
	close(in[0]);
	close(out[1]);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	j->in = in[1];
	j->out = out[0];
	pid = j->pid;
	send_frame(FRAME_STARTED, id, &pid, sizeof(pid));
	return;

refuse:
	for (int i = 0; i < 2; i++) {
		close_fd(&in[i]);
		close_fd(&out[i]);
	}
	if (j)
		j->used = false;
	send_frame(FRAME_OUTPUT, id, "agent: cannot start it\n", 23);
	send_exit(id, 125, 0);
}

/* By the agent itself: each test begins and ends with one. The host waits to see it. */
static void log_line(const char *text, size_t len)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, len) < 0)
		fprintf(stderr, "agent: kmsg: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void take_frame(const struct frame *f, char *data)
{
	struct job *j = find_job(f->job);
	uint32_t number = 0;

	if (f->len >= 4)
		memcpy(&number, data, 4);
	switch (f->type) {
	case FRAME_RUN: {
		char *command = strndup(data + 4, f->len - 4);

		if (!command)
			die("no memory");
		run_job(f->job, number, command);
		free(command);
		break;
	}
	case FRAME_STDIN:
		if (!j || j->in < 0)
			break;
		buffer_add(&j->input, data, f->len);
		if (!f->len)
			j->stdin_done = true;
		break;
	case FRAME_SIGNAL:
		if (j && !j->exited)
			kill(-j->pid, number);
		break;
	case FRAME_LOG:
		log_line(data, f->len);
		break;
	}
}

static void read_port(void)
{
	ssize_t n = read(port, buffer_grow(&from_host, 65536), 65536);

	if (n <= 0)
		return;
	from_host.end += n;
	for (;;) {
		struct frame f;

		if (buffer_used(&from_host) < sizeof(f))
			return;
		memcpy(&f, from_host.data + from_host.start, sizeof(f));
		if (f.len > FRAME_MAX) {
			errno = EPROTO;
			die("frame");
		}
		if (buffer_used(&from_host) < sizeof(f) + f.len)
			return;
		take_frame(&f, from_host.data + from_host.start + sizeof(f));
		from_host.start += sizeof(f) + f.len;
	}
}

/* False at the end of the job's output. */
static bool read_output(struct job *j)
{
	char data[16384];
	ssize_t n;

	while (buffer_used(&to_host) < OUT_HIGH) {
		n = read(j->out, data, sizeof(data));
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (!n)
			return false;
		send_frame(FRAME_OUTPUT, j->id, data, n);
	}
	return true;
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < JOBS_MAX; i++) {
			struct job *j = &jobs[i];

			if (!j->used || j->exited || j->pid != pid)
				continue;
			j->exited = true;
			j->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
							WEXITSTATUS(status);
		}
	}
}

/* Ends jobs whose time is up; returns ms until the next deadline, or -1. */
static int check_deadlines(void)
{
	int64_t now = now_ns(), left = -1;

	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs[i];

		if (!j->used || j->exited || !j->deadline)
			continue;
		if (j->deadline <= now) {
			kill(-j->pid, SIGKILL);
			send_frame(FRAME_TIMEOUT, j->id, NULL, 0);
			j->deadline = 0;
			continue;
		}
		if (left < 0 || j->deadline - now < left)
			left = j->deadline - now;
	}
	return left < 0 ? -1 : (int)(left / 1000000) + 1;
}

static void serve_jobs(void)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs[i];

		if (!j->used)
			continue;
		if (j->in >= 0 && !buffer_drain(&j->input, j->in))
			close_input(j);
		if (j->in >= 0 && j->stdin_done && !buffer_used(&j->input))
			close_input(j);
		if (j->out >= 0 && !read_output(j))
			close_fd(&j->out);
		/* What its orphans may still print is not part of the job. */
		if (j->exited && buffer_used(&to_host) < OUT_HIGH)
			finish_job(j);
	}
}

/* A child's end only has to wake the loop; the rest is what an init is sent to end it all. */
static void take_signals(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) > 0) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		sync();
		reboot(info.ssi_signo == SIGTERM ? RB_AUTOBOOT : RB_POWER_OFF);
	}
}

static void wait_for_work(int signals, int timeout)
{
	struct pollfd fds[2 + 2 * JOBS_MAX];
	nfds_t n = 2;

	fds[0] = (struct pollfd){ .fd = port, .events = POLLIN };
	if (buffer_used(&to_host))
		fds[0].events |= POLLOUT;
	fds[1] = (struct pollfd){ .fd = signals, .events = POLLIN };
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs[i];

		if (!j->used)
			continue;
		if (j->in >= 0 && buffer_used(&j->input))
			fds[n++] = (struct pollfd){ .fd = j->in, .events = POLLOUT };
		if (j->out >= 0 && buffer_used(&to_host) < OUT_HIGH)
			fds[n++] = (struct pollfd){ .fd = j->out, .events = POLLIN };
	}
	if (poll(fds, n, timeout) < 0 && errno != EINTR)
		die("poll");
	if (fds[0].revents & POLLIN)
		read_port();
	else if (fds[0].revents & POLLHUP)
		usleep(100000);		/* the host is not there */
	take_signals(signals);
}

int main(int argc, char **argv)
{
	sigset_t mask;
	int signals, fd;

	if (argc != 2) {
		fprintf(stderr, "usage: agent PORT\n");
		return 2;
	}
	port = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (port < 0)
		die(argv[1]);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "-1000", 5) != 5)
			die("oom_score_adj");
		close(fd);
	}
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals < 0)
		die("signalfd");

	send_frame(FRAME_HELLO, 0, NULL, 0);
	for (;;) {
		int timeout = check_deadlines();

		serve_jobs();
		if (!buffer_drain(&to_host, port))
			usleep(100000);
		wait_for_work(signals, timeout);
		reap();
	}
}
