/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The time, and marks in a program that QEMU's emulation can be told to look for; see
 * harness/bench/count.c.
 */
#ifndef MARK_H
#define MARK_H

#include <stdint.h>

#if defined(__x86_64__)
/* Instructions that do nothing: nopl MARK(%rax,%rax,1). */
#define MARK(number)	asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00; .long 0x6d687000 + " #number ::: "memory")

static inline uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}
#else
#include <time.h>

#define MARK(number)	((void)0)

static inline uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}
#endif

#endif /* MARK_H */
