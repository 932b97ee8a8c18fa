# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make            build the daemon and the command (no root needed)
# make run        install what is missing, build, watch this host in the foreground
# make check      install what is missing, build, run every test
# make install    DESTDIR= PREFIX=/usr/local; make uninstall
# make deb, rpm   a package of it, in .output/deb or .output/rpm; make dist: its sources
# make bench      what an event costs, and what watching costs this host (bench-cost) and loses (bench-loss)
# make bench-scale  how the cost grows with flows, processes, names, domains, lists; BENCH_OPTIONS=--count: why (valgrind)
# make bench-peers  beside tcpconnect, bpftrace, OpenSnitch, tcpdump on the same traffic
# make soak       under full load for long, SOAK_SECONDS=600: what is told, memory, losses
# make faults     the daemon killed, starved, its disk failing, its programs taken away, all under load
# make analyse    static analysis: cppcheck, clang-tidy, clang, gcc
# make accuracy   how often a flow gets the right name, on real captures
# make check-report  the report in Chromium, which has to be there; screenshots in .output/report
# make check-kernels  the daemon on Debian's kernels, emulated (KERNELS="amd64-6.12 arm64-6.1": only those)
# make format     lay the sources out as `make check` wants them
#
# make fuzz       hostile input to every reader, FUZZ_SECONDS=600 for all of them together, or FUZZ_RUNS=1000000 for each
# make coverage   how much of the readers the unit tests and the fuzz targets' own inputs run
#
# FLAVOUR=gcc (default), clang, asan (clang with ASan and UBSan), tsan, fuzz (asan for libFuzzer), coverage

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
FLAVOUR ?= gcc

# make V=1 prints whole commands.
quiet := $(if $(V),,@)
say = $(if $(V),@:,@echo "  $(1)")

out := .output/$(FLAVOUR)
bpf_out := .output/bpf
multiarch := $(shell gcc -print-multiarch 2>/dev/null)
bpf_arch := $(patsubst aarch64%,arm64,$(patsubst x86_64%,x86,$(shell uname -m)))

CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool) bpftool)
LLVM_STRIP ?= llvm-strip
CLANG_FORMAT ?= clang-format

warnings := -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wpointer-arith -Wcast-qual -Wundef -Wvla \
	-Wformat=2 -Wnull-dereference -Wimplicit-fallthrough
# Checked jumps and returns, where the processor knows them.
target := $(if $(filter arm64,$(FLAVOUR)),aarch64,$(multiarch))
branches := $(if $(filter x86_64%,$(target)),-fcf-protection,$(if $(filter aarch64%,$(target)),-mbranch-protection=standard))
hardening := -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 $(branches)

ifeq ($(FLAVOUR),gcc)
compiler := $(if $(filter default,$(origin CC)),gcc,$(CC))
flavour_flags := -O2 -g $(hardening) -Wduplicated-cond -Wlogical-op
else ifeq ($(FLAVOUR),clang)
compiler := $(CLANG)
flavour_flags := -O2 -g $(hardening)
else ifeq ($(FLAVOUR),asan)
compiler := $(CLANG)
flavour_flags := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
else ifeq ($(FLAVOUR),arm64)
# Cross-built, with the headers and libraries of a Debian of that processor below SYSROOT.
compiler := aarch64-linux-gnu-gcc --sysroot=$(SYSROOT)
flavour_flags := -O2 -g $(hardening)
else ifeq ($(FLAVOUR),tsan)
compiler := $(CLANG)
flavour_flags := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
else ifeq ($(FLAVOUR),fuzz)
compiler := $(CLANG)
flavour_flags := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
else ifeq ($(FLAVOUR),coverage)
compiler := $(if $(filter default,$(origin CC)),gcc,$(CC))
flavour_flags := -O0 -g --coverage -fprofile-abs-path
else
$(error FLAVOUR is one of gcc, clang, asan, tsan, arm64, fuzz, coverage)
endif

cppflags := -Iinclude -Isrc -isystem $(bpf_out) -D_GNU_SOURCE -DFIRSTSEEN_VERSION='"$(VERSION)"' $(CPPFLAGS)
cflags := -std=gnu11 -pthread $(warnings) $(flavour_flags) $(CFLAGS)
ldflags := -pthread -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)
ifneq ($(filter asan tsan fuzz coverage,$(FLAVOUR)),)
ldflags := -pthread -Wl,--as-needed $(LDFLAGS)
endif
libs := -lsqlite3 -lpsl -lidn2 -ljansson -lpcap -lcap-ng -lseccomp -lcares -lbpf -lelf -lz $(LDLIBS)

daemon_sources := $(sort $(wildcard src/daemon/*.c))
cli_sources := $(sort $(wildcard src/cli/*.c))
library_sources := $(sort $(filter-out $(daemon_sources) $(cli_sources),$(wildcard src/*/*.c)))
test_sources := $(sort $(wildcard tests/unit/*/*_test.c))
test_helpers := $(sort $(filter-out $(test_sources),$(wildcard tests/unit/*/*.c)))

object = $(patsubst %.c,$(out)/obj/%.o,$(1))
tests := $(patsubst tests/unit/%.c,$(out)/tests/%,$(test_sources))
skeleton := $(bpf_out)/firstseen.skel.h

.PHONY: analyse all run check check-build check-report unit fuzz fuzz-targets coverage check-kernels accuracy install clean format deps
.PHONY: soak faults bench bench-core bench-cost bench-loss bench-history bench-peers bench-scale
all: $(out)/firstseend $(out)/firstseen
unit: $(tests) $(out)/tests/faults/load $(out)/tests/faults/connects $(out)/tests/faults/shim.so \
	$(addprefix $(out)/tests/bench/,connect_load dns_load birth_load) $(out)/tests/fuzz/prefixes

$(out)/libfirstseen.a: $(call object,$(library_sources))
	@rm -f $@
	$(call say,AR  $@)
	$(quiet)ar rcs $@ $^

$(out)/firstseend: $(call object,$(daemon_sources)) $(out)/libfirstseen.a
	$(call say,LINK $@)
	$(quiet)$(compiler) $(cflags) $(ldflags) -o $@ $^ $(libs)

$(out)/firstseen: $(call object,$(cli_sources)) $(out)/libfirstseen.a
	$(call say,LINK $@)
	$(quiet)$(compiler) $(cflags) $(ldflags) -o $@ $^ $(libs) -lncursesw -ltinfo

$(out)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC   $@)
	$(quiet)$(compiler) $(cppflags) $(cflags) -MMD -MP -c -o $@ $<

$(out)/tests/%: $(out)/obj/tests/unit/%.o $(call object,$(test_helpers)) $(out)/libfirstseen.a
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(quiet)$(compiler) $(cflags) $(ldflags) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(libs) -lcmocka -ljansson -lcares

$(out)/tests/bench/%: $(out)/obj/tests/bench/%.o $(out)/libfirstseen.a
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(quiet)$(compiler) $(cflags) $(ldflags) -o $@ $^ $(libs)

# The daemon without its kernel programs, to be killed and starved; a disk that is slow or fails, a clock that is set.
load := $(out)/tests/faults/load
shim := $(out)/tests/faults/shim.so
connects := $(out)/tests/faults/connects
$(load): $(out)/obj/tests/faults/load.o $(call object,$(filter-out src/daemon/main.c $(wildcard src/daemon/watch*.c),$(daemon_sources))) $(out)/libfirstseen.a
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(quiet)$(compiler) $(cflags) $(ldflags) -o $@ $^ $(libs)

$(connects): $(out)/obj/tests/faults/connects.o
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(quiet)$(compiler) $(cflags) $(ldflags) -o $@ $^

$(shim): tests/faults/shim.c Makefile
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(quiet)gcc -D_GNU_SOURCE -std=gnu11 $(warnings) -O2 -fPIC -shared -o $@ $< -ldl

# One program for each reader of hostile input: with libFuzzer in it, else with a main() that runs given inputs.
comma := ,
fuzz_helpers := tests/fuzz/support.c tests/fuzz/corpus.c tests/fuzz/prefixes.c
fuzz_targets := $(patsubst tests/fuzz/%.c,$(out)/tests/fuzz/%,$(sort $(filter-out $(fuzz_helpers),$(wildcard tests/fuzz/*.c))))
fuzz_main := $(if $(filter fuzz,$(FLAVOUR)),,$(out)/obj/tests/fuzz/corpus.o)
fuzz_link := $(if $(fuzz_main),$(addprefix -Wl$(comma)--wrap=,malloc calloc realloc aligned_alloc strdup),-fsanitize=fuzzer)
$(out)/tests/fuzz/history: fuzz_link += -Wl,--wrap=schema_create
$(fuzz_targets): $(out)/tests/fuzz/%: $(out)/obj/tests/fuzz/%.o $(out)/obj/tests/fuzz/support.o $(fuzz_main) \
		$(call object,src/cli/import_rows.c) $(out)/libfirstseen.a
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(quiet)$(compiler) $(cflags) $(ldflags) $(fuzz_link) -o $@ \
		$(filter-out $(if $(filter %/import,$@),,%/import_rows.o),$^) $(libs)

prefixes := $(out)/tests/fuzz/prefixes
$(prefixes): $(out)/obj/tests/fuzz/prefixes.o $(out)/obj/tests/fuzz/support.o $(out)/libfirstseen.a
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(quiet)$(compiler) $(cflags) $(ldflags) -o $@ $^ $(libs)

# Parts of the command that are no commands are tested by themselves.
$(filter $(out)/tests/cli/%,$(tests)): $(call object,$(addprefix src/cli/,options.c output.c table.c watch_event.c watch_line.c \
	watch_rows.c watch_screen.c width.c))

# Nor are those of the daemon that need no kernel. Its test of faults makes some calls fail.
$(filter $(out)/tests/daemon/%,$(tests)): $(call object,$(addprefix src/daemon/,asking.c compose.c dossier.c feed.c feed_event.c \
	held.c host.c metering.c notices.c outbox.c writer.c writer_batch.c))
$(out)/tests/daemon/writer_test: ldflags += -Wl,--wrap=render_alert,--wrap=history_write_alert,--wrap=clock_gettime,--wrap=review_load,--wrap=history_log_bytes
$(out)/tests/daemon/notices_test: ldflags += -Wl,--wrap=pipeline_notice

# What a test of errors can not have of this host: a wait that is cut short, a host with another list of suffixes.
$(out)/tests/control/control_test: ldflags += -Wl,--wrap=poll
$(out)/tests/domain/suffix_test: ldflags += -Wl,--wrap=psl_builtin,--wrap=psl_builtin_file_time,--wrap=psl_dist_filename
$(out)/tests/source/text_file_test: ldflags += -Wl,--wrap=malloc,--wrap=realloc

$(call object,$(test_sources) $(test_helpers)): cppflags += -Itests/unit

# The kernel programs: one object for all kernels (CO-RE), its skeleton in .output/.
bpf_headers := $(wildcard bpf/*.h) include/firstseen/record.h
$(bpf_out)/firstseen.bpf.o: bpf/firstseen.bpf.c $(bpf_headers) Makefile
	@mkdir -p $(@D)
	$(call say,BPF  $@)
	$(quiet)$(CLANG) -target bpf -mcpu=v3 -g -O2 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter \
		-D__TARGET_ARCH_$(bpf_arch) -idirafter /usr/include/$(multiarch) -Iinclude -Ibpf -c -o $@.full $<
	$(quiet)$(LLVM_STRIP) -g -o $@ $@.full

$(bpf_out)/empty.bpf.o: tests/bench/empty.bpf.c Makefile
	@mkdir -p $(@D)
	$(call say,BPF  $@)
	$(quiet)$(CLANG) -target bpf -mcpu=v3 -g -O2 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter \
		-idirafter /usr/include/$(multiarch) -c -o $@ $<

$(skeleton): $(bpf_out)/firstseen.bpf.o
	$(call say,SKEL $@)
	$(quiet)$(BPFTOOL) gen skeleton $< name firstseen_bpf > $@

$(call object,$(addprefix src/capture/,live.c load.c probe.c)): $(skeleton)

# Installs what is missing; where nothing is, it needs neither root nor a network.
deps:
	packaging/setup run

jobs := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))
run_dir := $(CURDIR)/.output/run
run: deps
	@+$(MAKE) --no-print-directory $(jobs) all
	@mkdir -p $(run_dir)
	@echo "Watching this host until Ctrl-C. From another terminal:"
	@echo "  $(out)/firstseen --db .output/run/history.db alerts"
	@$(if $(filter 0,$(shell id -u)),exec,exec sudo) $(out)/firstseend --set history.path=$(run_dir)/history.db \
		--set control.socket=$(run_dir)/control.sock --set service.user= \
		--set alert.sinks=stdout --set detect.learning=0s

fuzz-targets: $(fuzz_targets)

FUZZ_SECONDS ?= 600
fuzz:
	+$(MAKE) --no-print-directory $(jobs) FLAVOUR=fuzz fuzz-targets
	tests/fuzz/targets $(if $(FUZZ_RUNS),--runs=$(FUZZ_RUNS),--seconds=$(FUZZ_SECONDS)) --keep

coverage:
	packaging/setup check
	+$(MAKE) --no-print-directory $(jobs) FLAVOUR=coverage unit fuzz-targets
	tests/fuzz/coverage

check: check-build
	tests/run

check-build:
	packaging/setup check
	+$(MAKE) --no-print-directory $(jobs) FLAVOUR=gcc all unit
	+$(MAKE) --no-print-directory $(jobs) FLAVOUR=clang all unit
	+$(MAKE) --no-print-directory $(jobs) FLAVOUR=asan all unit
	+$(MAKE) --no-print-directory $(jobs) FLAVOUR=tsan all $(patsubst $(out)/%,.output/tsan/%,$(load))
	+$(MAKE) --no-print-directory $(jobs) FLAVOUR=fuzz fuzz-targets
	+$(MAKE) --no-print-directory $(jobs) FLAVOUR=coverage unit fuzz-targets

# Chromium is too large to be asked of everyone who runs the tests: 120 MB to fetch, 400 MB on the disk.
check-report: all
	tests/browser/report

# One after the other, whatever -j says: what an event costs, on one core, in memory; what a large history costs; what
# watching costs on live traffic, and whether it loses any (as root, in namespaces of their own: see tests/bench/cost;
# BENCH_OPTIONS="--doc docs/cost.md" keeps the tables).
bench:
	+$(MAKE) --no-print-directory bench-core
	+$(MAKE) --no-print-directory bench-history
	+$(MAKE) --no-print-directory bench-cost
	+$(MAKE) --no-print-directory bench-loss

bench-core: $(out)/tests/bench/core_bench
	$<

# About 2 GB in a folder of its own, which goes again.
bench-history: all $(out)/tests/bench/history_bench
	@folder=$$(mktemp -d $(CURDIR)/.output/bench-XXXXXX) && trap 'rm -rf "$$folder"' EXIT INT TERM && \
		$(out)/tests/bench/history_bench "$$folder" $(out)

loads := $(addprefix $(out)/tests/bench/,empty_hooks udp_load connect_load dns_load)
bench-cost: all $(loads) $(bpf_out)/empty.bpf.o
	tests/bench/cost cost $(BENCH_OPTIONS)

bench-loss: all $(loads)
	tests/bench/cost loss $(BENCH_OPTIONS)

# Beside others of its kind, some of them under Debian's kernel in an emulated machine: see tests/bench/peers.
bench-peers: all $(out)/tests/bench/connect_load
	packaging/setup peers
	tests/bench/peers $(BENCH_OPTIONS)

# As root, in namespaces of their own. Short forms of both are among the tests. SOAK_OPTIONS="--doc docs/soak.md" and
# FAULTS_OPTIONS="--doc docs/faults.md" keep the tables.
SOAK_SECONDS ?= 600
soak:
	packaging/setup check
	+$(MAKE) --no-print-directory $(jobs) all unit
	SOAK_SECONDS=$(SOAK_SECONDS) tests/live/soak $(SOAK_OPTIONS)

faults:
	packaging/setup check
	+$(MAKE) --no-print-directory $(jobs) all unit
	tests/live/faults --all $(FAULTS_OPTIONS)

# How the cost of an event grows with what there is of it: a table and a plot.
bench-scale: all $(out)/tests/bench/scale_bench $(out)/tests/bench/connect_load
	tests/bench/scale $(BENCH_OPTIONS)

# Static analysis by itself; `make check` runs it, too.
analyse:
	packaging/setup check
	+$(MAKE) --no-print-directory $(jobs) all
	tests/check/analysis

# How often a flow gets the right name, on real captures with their truth (see tests/accuracy/accuracy.py).
accuracy: all
	tests/accuracy/accuracy.py

# Other kernels than the one at hand, emulated; without root (see tests/kernels/kernels).
check-kernels: all
	packaging/setup kernels
	tests/kernels/kernels $(KERNELS)

sources := $(shell find src include tests bpf -name '*.[ch]' 2>/dev/null)
format:
	$(quiet)$(CLANG_FORMAT) -i $(sources)

include packaging/install.mk

clean:
	rm -rf .output

-include $(patsubst %.o,%.d,$(call object,$(library_sources) $(daemon_sources) $(cli_sources) $(test_sources) $(test_helpers) \
	$(wildcard tests/fuzz/*.c)))
