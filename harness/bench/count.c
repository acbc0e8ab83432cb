// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU's emulation: counts what the guest executes while a window is open.
 *
 *	-plugin file=count.so,out=FILE[,window=NAME:ENTER:LEAVE][,aside=NAME:ENTER:LEAVE]...
 *
 * A window opens when the guest comes to the address ENTER and closes when it comes to
 * LEAVE; the window "mark" opens and closes at two instructions that do nothing, see
 * MARK_OPEN, wherever a program has them. One is open at a time. When it closes, what
 * was executed meanwhile goes to FILE, a line for each run of instructions that ends in
 * a branch:
 *
 *	window NAME
 *	ADDRESS TIMES INSTRUCTIONS
 *	...
 *	end
 *
 * What is executed aside, from an ENTER to a LEAVE, is left out of the window that is
 * open: work that others left to be done later, and that comes along by chance.
 *
 * The guest notices nothing: no instruction of it is added, and its clock under -icount
 * goes on as it would. One virtual CPU only. The host's side: harness/bench/counter.py.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As much of QEMU's plugin interface, version 1, as is needed; Debian has no header of it. */
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { INLINE_ADD_U64 };
enum { NO_REGISTERS };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*seen)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *counter, uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*reached)(unsigned int cpu, void *data),
					    int registers, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

#define BUCKETS		(1 << 16)
#define WINDOWS		16

/* nopl MARK(%rax,%rax,1), as harness/guest/timed.c has it. */
static const uint8_t mark_open[] = { 0x0f, 0x1f, 0x84, 0x00, 0x01, 0x70, 0x68, 0x6d };
static const uint8_t mark_close[] = { 0x0f, 0x1f, 0x84, 0x00, 0x02, 0x70, 0x68, 0x6d };

/* A run of instructions as it was translated; stays, and so does its address. */
struct run {
	uint64_t times;
	uint64_t times_before;		/* what is executed aside now */
	uint64_t address;
	uint64_t instructions;
	struct run *next;
};

struct window {
	char name[32];
	uint64_t enter, leave;
	bool aside;
};

static struct run *buckets[BUCKETS];
static struct window windows[WINDOWS] = { { .name = "mark" } };
static int nr_windows = 1;
static struct window *open_window, *open_aside;
static FILE *out;

static struct run *find_run(uint64_t address, uint64_t instructions)
{
	struct run **bucket = &buckets[(address ^ address >> 16 ^ instructions) % BUCKETS], *run;

	for (run = *bucket; run; run = run->next)
		if (run->address == address && run->instructions == instructions)
			return run;
	run = calloc(1, sizeof(*run));
	if (!run)
		abort();
	run->address = address;
	run->instructions = instructions;
	run->next = *bucket;
	*bucket = run;
	return run;
}

static void enter(unsigned int cpu, void *data)
{
	struct run *run;

	(void)cpu;
	if (open_window)
		return;
	open_window = data;
	for (int i = 0; i < BUCKETS; i++)
		for (run = buckets[i]; run; run = run->next)
			run->times = run->times_before = 0;
}

static void leave(unsigned int cpu, void *data)
{
	struct run *run;

	(void)cpu;
	if (open_window != data)
		return;
	open_window = NULL;
	fprintf(out, "window %s\n", ((struct window *)data)->name);
	for (int i = 0; i < BUCKETS; i++)
		for (run = buckets[i]; run; run = run->next)
			if (run->times)
				fprintf(out, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", run->address, run->times,
					run->times * run->instructions);
	fprintf(out, "end\n");
	fflush(out);
}

static void enter_aside(unsigned int cpu, void *data)
{
	(void)cpu;
	if (open_aside)
		return;
	open_aside = data;
	for (int i = 0; i < BUCKETS; i++)
		for (struct run *run = buckets[i]; run; run = run->next)
			run->times_before = run->times;
}

/* A run that was translated meanwhile was not executed before. */
static void leave_aside(unsigned int cpu, void *data)
{
	(void)cpu;
	if (open_aside != data)
		return;
	open_aside = NULL;
	for (int i = 0; i < BUCKETS; i++) {
		for (struct run *run = buckets[i]; run; run = run->next) {
			run->times = run->times_before;
			run->times_before = 0;
		}
	}
}

static void watch(struct qemu_plugin_insn *insn)
{
	uint64_t address = qemu_plugin_insn_vaddr(insn);
	const void *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);

	if (size == sizeof(mark_open) && !memcmp(code, mark_open, size))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, enter, NO_REGISTERS, &windows[0]);
	if (size == sizeof(mark_close) && !memcmp(code, mark_close, size))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, leave, NO_REGISTERS, &windows[0]);
	for (int i = 1; i < nr_windows; i++) {
		struct window *window = &windows[i];

		if (address == window->enter)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, window->aside ? enter_aside : enter,
							       NO_REGISTERS, window);
		if (address == window->leave)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, window->aside ? leave_aside : leave,
							       NO_REGISTERS, window);
	}
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);
	struct run *run = find_run(qemu_plugin_tb_vaddr(tb), count);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &run->times, 1);
	for (size_t i = 0; i < count; i++)
		watch(qemu_plugin_tb_get_insn(tb, i));
}

static bool take_window(const char *words, bool aside)
{
	struct window *window = &windows[nr_windows];

	if (nr_windows == WINDOWS ||
	    sscanf(words, "%31[^:]:%" SCNx64 ":%" SCNx64, window->name, &window->enter, &window->leave) != 3)
		return false;
	window->aside = aside;
	nr_windows++;
	return true;
}

static bool take(const char *word)
{
	if (!strncmp(word, "window=", 7))
		return take_window(word + 7, false);
	if (!strncmp(word, "aside=", 6))
		return take_window(word + 6, true);
	if (strncmp(word, "out=", 4))
		return false;
	out = fopen(word + 4, "w");
	return out;
}

/* What QEMU says of itself is of no use here. */
__attribute__((visibility("default")))
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!take(argv[i])) {
			fprintf(stderr, "count: no good: %s\n", argv[i]);
			return -1;
		}
	}
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
