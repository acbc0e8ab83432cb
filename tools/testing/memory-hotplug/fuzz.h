/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Targets of a fuzzer: each makes a case of any bytes, runs it through a pure
 * file and through a model that is slow and plain, and fails where they differ.
 * fuzz_main.c has them run by libFuzzer, test_corpus.c over inputs that were saved.
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include "test.h"

/**
 * struct fuzz_input - bytes that a case is made of
 * @at: The next one.
 * @end: After the last one.
 */
struct fuzz_input {
	const unsigned char *at;
	const unsigned char *end;
};

/* Each of these forgets what earlier inputs did. */
void fuzz_range(struct fuzz_input *in);
void fuzz_span(struct fuzz_input *in);
void fuzz_policy(struct fuzz_input *in);
void fuzz_step(struct fuzz_input *in);
void fuzz_block_state(struct fuzz_input *in);
void fuzz_outcome(struct fuzz_input *in);
void fuzz_class(struct fuzz_input *in);
void fuzz_zone_movable(struct fuzz_input *in);

static inline bool fuzz_left(const struct fuzz_input *in)
{
	return in->at < in->end;
}

/* Zeros follow what there is. */
static inline u64 fuzz_bytes(struct fuzz_input *in, int nr)
{
	u64 value = 0;

	for (int i = 0; i < nr; i++)
		value |= (u64)(fuzz_left(in) ? *in->at++ : 0) << 8 * i;
	return value;
}

/* Below @end, which is 256 at most */
static inline unsigned int fuzz_below(struct fuzz_input *in, unsigned int end)
{
	return fuzz_bytes(in, 1) % end;
}

/* Of any magnitude: near a power of two, near the end, some bits anywhere, all bits. */
static inline u64 fuzz_number(struct fuzz_input *in)
{
	unsigned int how = fuzz_bytes(in, 1), shift = how & 63;

	switch (how >> 6) {
	case 0:
		return ((u64)1 << shift) + fuzz_bytes(in, 1) - 128;
	case 1:
		return fuzz_bytes(in, 2) << shift;
	case 2:
		return ~(fuzz_bytes(in, 2) << shift);
	default:
		return fuzz_bytes(in, 8);
	}
}

#endif /* _FUZZ_H */
