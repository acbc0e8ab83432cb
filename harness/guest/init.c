// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of a guest until it becomes the agent: mounts what the tests look at.
 *
 * A program of its own and no script: under emulation, on a kernel with all
 * checks, each program that a script starts takes a tenth of a second. With
 * mhp.shell on the kernel's command line there is a shell on the serial console
 * as well.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORTS	"/sys/class/virtio-ports"
#define SHELL	"while :; do setsid -c sh -l </dev/ttyS0 >/dev/ttyS0 2>&1; done"

static const struct {
	const char *type, *where;
} mounts[] = {
	{ "proc", "/proc" },
	{ "devtmpfs", "/dev" },
	{ "sysfs", "/sys" },
	{ "devpts", "/dev/pts" },
	{ "tmpfs", "/dev/shm" },
	{ "tmpfs", "/tmp" },
	{ "tmpfs", "/run" },
	{ "hugetlbfs", "/dev/hugepages" },
	{ "debugfs", "/sys/kernel/debug" },
	{ "tracefs", "/sys/kernel/tracing" },
	{ "configfs", "/sys/kernel/config" },
	{ "cgroup2", "/sys/fs/cgroup" },
	{ "securityfs", "/sys/kernel/security" },
};

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		/* Most folders are there, and not every kernel has all of these. */
		mkdir(mounts[i].where, 0755);
		mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, NULL);
	}
}

static void read_line(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, room - 1);

	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static int shell_is_wanted(void)
{
	char words[4096], *rest = words, *word;

	read_line("/proc/cmdline", words, sizeof(words));
	while ((word = strsep(&rest, " ")))
		if (!strcmp(word, "mhp.shell"))
			return 1;
	return 0;
}

/* The name of the port to the host, of those that the machine has; NULL: none. */
static const char *agent_port(char *path, size_t room)
{
	char name[64];
	DIR *dir = opendir(PORTS);

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		snprintf(path, room, PORTS "/%s/name", entry->d_name);
		read_line(path, name, sizeof(name));
		if (strcmp(name, "mhp.agent"))
			continue;
		snprintf(path, room, "/dev/%s", entry->d_name);
		closedir(dir);
		return path;
	}
	return NULL;
}

static void speak_to_the_console(int input)
{
	int fd = open("/dev/console", O_RDWR);

	for (int to = input ? 0 : 1; fd >= 0 && to < 3; to++)
		dup2(fd, to);
	if (fd > 2)
		close(fd);
}

int main(void)
{
	char path[512];
	const char *port;

	setenv("PATH", "/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "linux", 1);
	mount_all();
	if (sethostname("memhp", 5) || setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, RLIM_INFINITY }))
		perror("init");
	if (shell_is_wanted() && !fork()) {
		execl("/bin/sh", "sh", "-c", SHELL, NULL);
		_exit(127);
	}

	port = agent_port(path, sizeof(path));
	speak_to_the_console(!port);
	if (port)
		execl("/bin/agent", "agent", port, NULL);
	fprintf(stderr, "init: %s\n", port ? "no agent" : "no port to the host");
	execl("/bin/sh", "sh", NULL);
	return 1;
}
