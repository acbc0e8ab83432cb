// SPDX-License-Identifier: GPL-2.0-only
/* Has libFuzzer run the target that the Makefile names, FUZZ_TARGET. */
#include "fuzz.h"

unsigned int nr_warnings;

/* So that libFuzzer keeps the input */
void check_failed(void)
{
	fflush(stdout);
	abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct fuzz_input in = { .at = data, .end = data + size };

	FUZZ_TARGET(&in);
	return 0;
}
