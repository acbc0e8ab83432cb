# SPDX-License-Identifier: GPL-2.0-only
# The face of the harness. "make help" says what there is.

PYTHON ?= /usr/bin/python3
CONFIG ?= plain
export ONLY SECONDS
# The kernel trees have makefiles of their own: none of our flags belong there.
HARNESS = MAKEFLAGS= MFLAGS= MAKELEVEL= PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m harness

.PHONY: help run test test-all fuzz torture bench matrix shell tree kernel series check-series check clean

help:
	@echo 'make run             plug a DIMM into a guest, use it under load, give it back (the main job)'
	@echo 'make test            every test that is not long; the last line reads "N passed, N failed"'
	@echo 'make test-all        all of them, with arm64, then the build matrix'
	@echo 'make matrix          other architectures and each option off; ONLY=NAME,NAME for some'
	@echo 'make fuzz            libFuzzer over the pure files, in user space; SECONDS=n for each of them'
	@echo 'make shell           the same guest, interactive'
	@echo 'make torture         random operations from all sides at once, judged; MINUTES=5 SEED= CONFIG=debug, torture, plain, kcsan, stock'
	@echo 'make bench           what memory hotplug costs, the stock kernel beside ours; ROWS=NAME,NAME for some, PROFILE=NAME by function'
	@echo 'make tree            assemble the tree in build/linux'
	@echo 'make kernel          build the kernel: CONFIG=plain (default), debug or stock, in build/$$CONFIG'
	@echo 'make series          write the patch series to build/series'
	@echo 'make check-series    prove that it applies, equals build/linux and builds step by step'
	@echo 'make check           checkpatch, W=1, sparse, kernel-doc, exports, order of the series, likeness'
	@echo 'make clean           remove what was built; the pristine tree stays'

run test test-all fuzz matrix tree series check-series check: | python
	@$(HARNESS) $@

shell kernel: | python
	@$(HARNESS) $@ $(CONFIG)

# Without a word about it, the kernel with all checks.
torture: | python
	@$(HARNESS) $@ $(if $(filter file,$(origin CONFIG)),debug,$(CONFIG)) '$(MINUTES)' '$(SEED)'

bench: | python
	@$(HARNESS) $@ '$(ROWS)' '$(PROFILE)'

# A bare machine may have make and nothing else.
.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || \
	{ s=; [ "$$(id -u)" = 0 ] || s=sudo; $$s apt-get -q update && $$s apt-get -q -y install python3; }

clean:
	@if [ -d build ]; then \
	find build -mindepth 1 -maxdepth 1 ! -name pristine ! -name .pristine-version -exec rm -rf {} +; fi
