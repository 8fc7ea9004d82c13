# Everything is built under $(BUILD); a sanitizer is the same build somewhere else.
#   make                  build/sluice
#   make check            the quick tests; "make help" lists the rest
#
# BUILD and SAN are not taken from the environment, so that "make test" always builds and
# tests in the same places; on the command line they can be given.

CC       ?= cc
CFLAGS   ?= -O2 -g
PREFIX   ?= /usr/local
PYTHON   ?= /usr/bin/python3
CLANG    ?= clang
CLANG_FORMAT ?= clang-format
CLANG_TIDY   ?= clang-tidy
WERROR   ?=
FUZZ_SECONDS ?= 30
TEST_TIMEOUT ?= 120
PYTEST_ARGS  ?=
BUILD    := build/default
SAN      :=
V        := 0
Q        := $(if $(filter 0,$(V)),@)

STD      := -std=c17 -D_POSIX_C_SOURCE=200809L
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wvla -Wundef \
            -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wswitch-enum
GCC_WARN := -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wnull-dereference
FATAL    := -Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
            -Werror=int-conversion -Werror=return-type -Werror=format-security
HARDEN   := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))

PQ_CFLAGS := $(shell pkg-config --cflags libpq 2>/dev/null || \
               printf '%s' "-I$$(pg_config --includedir 2>/dev/null)")
PQ_LIBS   := $(shell pkg-config --libs libpq 2>/dev/null || \
               printf '%s' "-L$$(pg_config --libdir 2>/dev/null) -lpq")
JANSSON_CFLAGS := $(shell pkg-config --cflags jansson 2>/dev/null)
JANSSON_LIBS   := $(shell pkg-config --libs jansson 2>/dev/null || printf '%s' -ljansson)

CURL_CFLAGS  := $(shell pkg-config --cflags libcurl 2>/dev/null)
CURL_LIBS    := $(shell pkg-config --libs libcurl 2>/dev/null || printf '%s' -lcurl)
EXPAT_CFLAGS := $(shell pkg-config --cflags expat 2>/dev/null)
EXPAT_LIBS   := $(shell pkg-config --libs expat 2>/dev/null || printf '%s' -lexpat)
CRYPTO_CFLAGS := $(shell pkg-config --cflags libssl libcrypto 2>/dev/null)
CRYPTO_LIBS   := $(shell pkg-config --libs libssl libcrypto 2>/dev/null || printf "%s" "-lssl -lcrypto")
ZSTD_CFLAGS   := $(shell pkg-config --cflags libzstd 2>/dev/null)
ZSTD_LIBS     := $(shell pkg-config --libs libzstd 2>/dev/null || printf '%s' -lzstd)
XXHASH_CFLAGS := $(shell pkg-config --cflags libxxhash 2>/dev/null)
XXHASH_LIBS   := $(shell pkg-config --libs libxxhash 2>/dev/null || printf '%s' -lxxhash)
YAML_CFLAGS   := $(shell pkg-config --cflags yaml-0.1 2>/dev/null)
YAML_LIBS     := $(shell pkg-config --libs yaml-0.1 2>/dev/null || printf '%s' -lyaml)
LIB_CFLAGS := $(JANSSON_CFLAGS) $(CURL_CFLAGS) $(EXPAT_CFLAGS) $(CRYPTO_CFLAGS) $(ZSTD_CFLAGS) \
              $(XXHASH_CFLAGS) $(YAML_CFLAGS)

# -Iloader is for "base/..." above all: the layer under both loader/ and aws/.
INCLUDES   := -I. -Iloader $(PQ_CFLAGS) $(LIB_CFLAGS)
SAN_CFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all,$(HARDEN))
ALL_CFLAGS  = $(STD) $(INCLUDES) $(CPPFLAGS) $(WARN) $(if $(IS_CLANG),,$(GCC_WARN)) $(FATAL) \
              $(SAN_CFLAGS) -fPIE -pthread $(if $(WERROR),-Werror) $(CFLAGS)
ALL_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN)) -pie -Wl,-z,relro,-z,now -pthread $(CFLAGS) $(LDFLAGS)
LIBS       := -Wl,--as-needed $(PQ_LIBS) $(JANSSON_LIBS) $(CURL_LIBS) $(EXPAT_LIBS) $(CRYPTO_LIBS) \
              $(ZSTD_LIBS) $(XXHASH_LIBS) $(YAML_LIBS) -ldl

# The default build's program is where people look for it; a variant keeps its own.
PROGRAM  := $(if $(filter build/default,$(BUILD)),build/sluice,$(BUILD)/sluice)
LIBRARY  := $(BUILD)/libsluice.a
SUPPORT  := $(BUILD)/libsupport.a

LIB_SRC       := $(sort $(wildcard loader/*/*.c) $(wildcard aws/*.c))
SUPPORT_SRC   := $(sort $(wildcard tests/support/*.c))
UNIT_SRC      := $(sort $(wildcard tests/unit/test_*.c))
COMPONENT_SRC := $(sort $(wildcard tests/component/test_*.c))
TOOL_SRC      := $(sort $(wildcard tests/tools/*.c))
PROXY_SRC     := $(sort $(wildcard tests/router_proxy/*.c))
FUZZ_SRC      := $(sort $(wildcard tests/fuzz/fuzz_*.c))
MICRO_SRC     := $(sort $(wildcard bench/micro/bench_*.c))
HEADERS       := $(sort $(wildcard loader/*/*.h aws/*.h tests/*/*.h bench/*/*.h))
C_FILES       := $(LIB_SRC) $(wildcard loader/main.c) $(SUPPORT_SRC) $(UNIT_SRC) $(COMPONENT_SRC) \
                 $(FUZZ_SRC) $(TOOL_SRC) $(PROXY_SRC) $(MICRO_SRC) tests/fuzz/replay.c bench/micro/micro.c

OBJECTS   := $(C_FILES:%.c=$(BUILD)/obj/%.o)
UNIT      := $(UNIT_SRC:tests/%.c=$(BUILD)/%)
COMPONENT := $(COMPONENT_SRC:tests/%.c=$(BUILD)/%)
REPLAY    := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/replay/%)
FUZZERS   := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)
TESTS     := $(UNIT) $(COMPONENT)
TOOLS     := $(TOOL_SRC:tests/tools/%.c=$(BUILD)/tools/%)
MICRO     := $(MICRO_SRC:bench/micro/%.c=$(BUILD)/micro/%)

# ThreadSanitizer wants the addresses where it knows them; not every kernel puts them there.
RUN := $(if $(findstring thread,$(SAN)),$(shell setarch -R true 2>/dev/null && printf '%s' 'setarch -R'))
export ASAN_OPTIONS  ?= abort_on_error=0:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS  ?= halt_on_error=1
export PYTHONDONTWRITEBYTECODE := 1

PYTEST = $(PYTHON) -m pytest -p no:cacheprovider -q -rsfE $(PYTEST_ARGS)
PG_ENV = SLUICE=$(abspath build/sluice)

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
FORCE:

## all: build build/sluice
.PHONY: all
all: $(PROGRAM)

# Written anew only when it changes, so that other flags or a removed file mean a new build.
define stamp
	@mkdir -p $(@D)
	@printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@
endef
$(BUILD)/flags: FORCE
	$(call stamp,$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS))
$(BUILD)/sources: FORCE
	$(call stamp,$(LIB_SRC) $(SUPPORT_SRC))

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define archive
	@echo "  AR    $@"
	$(Q)rm -f $@ $@.new && $(AR) rcs $@.new $(filter %.o,$^) && mv $@.new $@
endef
$(LIBRARY): $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(BUILD)/sources
	$(archive)
$(SUPPORT): $(SUPPORT_SRC:%.c=$(BUILD)/obj/%.o) $(BUILD)/sources
	$(archive)

define link
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_LDFLAGS) $(filter %.o %.a,$^) $(1) $(LIBS) -o $@.new && mv $@.new $@
endef
$(PROGRAM): $(BUILD)/obj/loader/main.o $(LIBRARY)
	$(call link)
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(SUPPORT) $(LIBRARY)
	$(call link,-lcmocka)
$(BUILD)/component/%: $(BUILD)/obj/tests/component/%.o $(SUPPORT) $(LIBRARY)
	$(call link,-lcmocka)
$(BUILD)/tools/%: $(BUILD)/obj/tests/tools/%.o $(LIBRARY)
	$(call link)
$(BUILD)/micro/%: $(BUILD)/obj/bench/micro/%.o $(BUILD)/obj/bench/micro/micro.o $(LIBRARY)
	$(call link)
$(BUILD)/replay/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $(LIBRARY)
	$(call link)
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(LIBRARY)
	$(call link,-fsanitize=fuzzer)

.PHONY: tests objects fuzzers tools sluice-asan sluice-tsan
tests: $(TESTS) $(REPLAY)
objects: $(OBJECTS)
fuzzers: $(FUZZERS)
tools: $(TOOLS)

ASAN := BUILD=build/asan SAN=address,undefined CFLAGS="-O1 -g"
TSAN := BUILD=build/tsan SAN=thread CFLAGS="-O1 -g"

## sluice-asan: build build/asan/sluice, under AddressSanitizer and UBSan
sluice-asan:
	$(Q)$(MAKE) --no-print-directory all $(ASAN)

## sluice-tsan: build build/tsan/sluice, under ThreadSanitizer
sluice-tsan:
	$(Q)$(MAKE) --no-print-directory all $(TSAN)

## check: unit and component tests and the fuzz corpus, in seconds, without a server
.PHONY: check check-asan check-tsan
check: tests
	$(Q)rc=0; \
	for t in $(TESTS); do \
	    $(RUN) timeout -k 5 $(TEST_TIMEOUT) $$t || { echo "FAILED: $$t, status $$?"; rc=1; }; \
	done; \
	for t in $(REPLAY); do \
	    name=$${t##*/fuzz_}; echo "replay $$name"; \
	    $(RUN) timeout -k 5 $(TEST_TIMEOUT) $$t $$(find "tests/fuzz/corpus/$$name" -type f 2>/dev/null | sort) \
	        || { echo "FAILED: $$t, status $$?"; rc=1; }; \
	done; exit $$rc

## check-asan: the same under AddressSanitizer and UBSan
check-asan:
	$(Q)$(MAKE) --no-print-directory check $(ASAN)

## check-tsan: the same under ThreadSanitizer
check-tsan:
	$(Q)$(MAKE) --no-print-directory check $(TSAN)

## check-pg: loads between real PostgreSQL servers, which the tests start and stop
.PHONY: check-pg check-aws check-limitless check-fault check-data check-sanitizers-load soak
check-pg: all
	$(Q)$(PG_ENV) $(PYTEST) -n 2 tests/pg --ignore=tests/pg/test_sanitizers.py

## check-aws: credentials, secrets and IAM logins, against the lab's AWS stand-in
check-aws: all tools
	$(Q)$(PG_ENV) $(PYTEST) -n 2 tests/aws

## check-limitless: the simulated shard group, and loads into it
check-limitless: all
	$(Q)$(PG_ENV) $(PYTEST) -n 2 tests/limitless

## check-fault: the same with kills, cut connections and server restarts
check-fault: all
	$(Q)$(PG_ENV) $(PYTEST) tests/fault

## check-data: published sample databases, where they are present
check-data: all
	$(Q)$(PG_ENV) $(PYTEST) tests/data

## check-regression: assess, schema and load of PostgreSQL's own regression database and of 3,000 tables
.PHONY: check-regression
check-regression: all
	$(Q)$(PG_ENV) $(PYTEST) -n 2 --dist loadfile tests/regression

## check-sanitizers-load: one full load under each sanitizer
check-sanitizers-load: sluice-asan sluice-tsan
	$(Q)rc=0; for v in asan tsan; do \
	    echo "$$v:"; SLUICE=$(CURDIR)/build/$$v/sluice $(PYTEST) tests/pg/test_sanitizers.py || rc=1; \
	done; exit $$rc

## soak: the fault tests with many more rounds; takes an hour or so
soak: all tools
	$(Q)$(PG_ENV) SLUICE_SOAK=1 $(PYTEST) tests/fault tests/aws/test_renewal.py

## test: install what is missing, run every tier; the last line is the count
.PHONY: test demo bench
test:
	@scripts/run-tests

## demo: a generated shop database is loaded, killed, resumed and compared
demo:
	@scripts/demo

## bench: compare with psql, in turns, on this machine
bench: all
	@bench/compare

## bench-micro: the parts alone: checksum, hand-over, compression, spill file
.PHONY: bench-micro
bench-micro: $(MICRO)
	$(Q)for b in $(MICRO); do echo "$${b##*/bench_}:"; $$b $(BUILD) || exit 1; done

## fuzz: each fuzz target for FUZZ_SECONDS (30), with clang's libFuzzer
.PHONY: fuzz
fuzz:
	$(Q)$(MAKE) --no-print-directory run-fuzzers BUILD=build/fuzz CC=$(CLANG) \
	    SAN=fuzzer-no-link,address,undefined CFLAGS="-O1 -g"

.PHONY: run-fuzzers
run-fuzzers: fuzzers
	$(Q)rc=0; for t in $(FUZZERS); do \
	    name=$${t##*/fuzz_}; found=$(BUILD)/corpus/$$name; seeds=tests/fuzz/corpus/$$name; \
	    mkdir -p $$found $(BUILD)/crashes; echo "fuzz $$name for $(FUZZ_SECONDS) s"; \
	    $$t -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 \
	        -artifact_prefix=$(BUILD)/crashes/$$name- $$found $$([ -d $$seeds ] && echo $$seeds) || rc=1; \
	done; exit $$rc

## lint: gcc with warnings as errors, clang's lock checker, clang-tidy, shellcheck
.PHONY: lint lint-c lint-shell
lint:
	$(Q)$(MAKE) --no-print-directory -k -j2 BUILD=build/lint WERROR=1 lint-c lint-shell

# A file is looked at again when its object was made again: that knows about its headers.
$(BUILD)/tidy/%.ok: $(BUILD)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY  $*.c"
	$(Q)$(CLANG) $(STD) $(INCLUDES) -Wall -Wextra -Wthread-safety -Werror -fsyntax-only $*.c
	$(Q)$(CLANG_TIDY) --quiet $*.c -- $(STD) $(INCLUDES) 2>$@.log || { cat $@.log; exit 1; }
	$(Q)touch $@
lint-c: $(C_FILES:%.c=$(BUILD)/tidy/%.ok)
lint-shell:
	$(Q)shellcheck -x $$(grep -lE '^#!.*[/ ](ba)?sh$$' scripts/* bench/* .ci/* tests/*/* 2>/dev/null)

FORMATTED := $(C_FILES) $(HEADERS)
## format: put every C file into the house format
.PHONY: format format-check
format:
	$(Q)$(CLANG_FORMAT) -i $(FORMATTED)

## format-check: say which C files are not in it
format-check:
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)

## layers: who may include what, and which file is the door to what
.PHONY: layers banned sizes
layers:
	$(Q)scripts/check-layers

## banned: functions that are not used here
banned:
	$(Q)scripts/check-banned

## sizes: the longest files and functions; too long fails
sizes:
	$(Q)scripts/check-sizes

## coverage: line coverage of the quick tests
.PHONY: coverage
coverage:
	$(Q)find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	$(Q)$(MAKE) --no-print-directory check BUILD=build/coverage CFLAGS="-O0 -g --coverage -Wno-cpp"
	$(Q)scripts/coverage build/coverage

## docs: write docs/options.md from the option table
.PHONY: docs docs-check
docs: all
	@mkdir -p docs
	$(Q)build/sluice load --help-markdown >docs/options.md.new && mv docs/options.md.new docs/options.md

## docs-check: fail when docs/options.md is not what the program says
docs-check: all
	$(Q)build/sluice load --help-markdown | diff -u docs/options.md -

## install: put the program into PREFIX (/usr/local), below DESTDIR if given
.PHONY: install
install: all
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 $(PROGRAM) "$(DESTDIR)$(PREFIX)/bin/sluice"

## help: list the targets
.PHONY: help clean
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST)) | awk -F': ' '{printf "  %-22s %s\n", $$1, $$2}'

## clean: remove build/
clean:
	rm -rf build

-include $(OBJECTS:.o=.d)
