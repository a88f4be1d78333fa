# Darkstore. `make` lists what there is; everything else is in local/ and server/.

SHELL := /bin/sh
PORT ?= 8000
RATE ?= 5
MINUTES ?= 2
SEED ?= 1
ORDERS ?= 200
DOCUMENTS ?= 5000
FOLLOWERS ?= 200
SOCKETS ?= 1000
EVENTS ?= 10000
EVENTS_PER_SECOND ?= 80
CHAOS_SECONDS ?= 900
WORKERS ?= auto
SCENE ?= order
COMMIT ?= HEAD~1
ARGS ?=
# Runs a module of the project in its own environment.
IN := .venv/bin/python -m
# pytest compiles each test anew where no bytecode may be kept: half of the time of the collection.
TESTS := PYTHONDONTWRITEBYTECODE= $(IN) pytest
FINDS := python3.13 python3.12 python3.11 python3.14 python3
NEW := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for one in $(FINDS); do $$one -c '$(NEW)' 2>/dev/null && echo $$one && break; done)
export PORT
# A process that finds no bytecode compiles a thousand modules before it starts.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests run stop reset test test-fast check format lint types contracts schema schema-diff states rules \
	demo city crash chaos audit-stock fuzz walk bench bench-live bench-drain bench-riders \
	bench-scale bench-stock bench-inventory bench-jobs bench-days bench-prices bench-plot bench-against \
	clients clients-if-npm lock \
	demo-short bench-short peers-if-npm attack attack-short

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

setup: ## install what this machine lacks: system packages, .venv
	@test -n "$(PYTHON)" || { echo "darkstore: Python 3.11 or newer is needed: install python3.11\
	 or name one by PYTHON=." >&2; exit 1; }
	@$(PYTHON) -m local setup

run: setup ## run the store on PORT (8000) until Ctrl-C
	@$(IN) local run

stop: ## stop what runs here
	@if test -x .venv/bin/python; then $(IN) local stop; fi

reset: ## stop, and delete the data
	@if test -x .venv/bin/python; then $(IN) local reset; fi

setup-tests: setup
	@$(PYTHON) -m local setup --tests

# The files keep their order: tests/conftest.py puts the long ones first.
DIVIDED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
test: setup-tests clients-if-npm ## run all tests on all cores (ARGS="tests/local -k port")
	@$(TESTS) $(DIVIDED) $(ARGS)

test-fast: setup ## run the tests that need no server process
	@$(TESTS) $(DIVIDED) -m "not processes" \
	 $(addprefix --ignore=tests/,clients faults local) $(ARGS)

SIDE_BY_SIDE := $(MAKE) --no-print-directory -j2 -Otarget
check: setup ## everything that CI runs
	@$(SIDE_BY_SIDE) types lint contracts schema-diff
	@$(MAKE) --no-print-directory test
	@$(SIDE_BY_SIDE) attack-short demo-short bench-short # the first two wait more than they compute

lint: setup ## compare the format and the rules of the code
	$(IN) ruff format --check .
	$(IN) ruff check .

types: setup ## check the types
	$(IN) mypy .

contracts: setup ## check that imports go down the layers
	.venv/bin/lint-imports --no-cache

schema-diff: setup ## compare schema.graphql with the code
	@$(IN) server schema | diff -u schema.graphql - || \
	 { echo "darkstore: schema.graphql is not what the code says: run make schema." >&2; exit 1; }

format: setup ## format the code
	$(IN) ruff format .
	$(IN) ruff check --fix .

schema: setup ## write schema.graphql
	@$(IN) server schema > schema.graphql.new && mv schema.graphql.new schema.graphql

states: setup ## write docs/states.md
	@$(IN) server states > docs/states.md.new && mv docs/states.md.new docs/states.md

rules: setup ## write docs/rules.md
	@$(IN) server rules > docs/rules.md.new && mv docs/rules.md.new docs/rules.md

demo: setup ## play one order end to end against the running store (SCENE=troubles, SCENE=all)
	@$(IN) local inside -m simulators.demo $(SCENE) $(ARGS)

demo-short: setup ## start a store of its own, play all scenes and a short city, stop it
	@$(IN) local trial

city: setup ## simulate a city: RATE orders a second for MINUTES
	@$(IN) local inside -m simulators.city --rate $(RATE) --minutes $(MINUTES) --seed $(SEED) $(ARGS)

audit-stock: setup ## compare every stock row of the running store with its ledger
	@$(IN) local inside -m server audit-stock

crash: setup ## kill processes and the provider during ORDERS (200) checkouts, compare the books
	@ORDERS=$(ORDERS) SEED=$(SEED) $(IN) pytest -q -s tests/faults/test_crashes.py \
	 tests/faults/test_silent_rider.py tests/faults/test_dead_letters.py $(ARGS)

chaos: setup ## the same while FOLLOWERS (200) follow EVENTS (10000), for CHAOS_SECONDS (900) at most
	@FOLLOWERS=$(FOLLOWERS) EVENTS=$(EVENTS) EVENTS_PER_SECOND=$(EVENTS_PER_SECOND) SEED=$(SEED) \
	 CHAOS_SECONDS=$(CHAOS_SECONDS) $(IN) pytest -q -s tests/faults/test_chaos.py \
	 tests/faults/test_silent_rider.py tests/faults/test_dead_letters.py $(ARGS)

bench-drain: setup-tests ## restart two servers behind a proxy with SOCKETS (1000) connected
	@SOCKETS=$(SOCKETS) DRAIN_SECONDS=15 $(IN) pytest -q -s tests/faults/test_rolling.py $(ARGS)

fuzz: setup ## compare both executors on DOCUMENTS (5000) generated by SEED
	@DARKSTORE_FUZZ_COUNT=$(DOCUMENTS) DARKSTORE_FUZZ_SEED=$(SEED) $(IN) pytest -q -s \
	 tests/execution/test_generated.py tests/execution/test_graph.py $(ARGS)

walk: setup ## try every rule at every entry point, as everybody (the tests execute a fifth)
	@DARKSTORE_WALK=full $(IN) pytest -q tests/schema/walk tests/faults/test_bad_input.py $(ARGS)

CLIENTS := tests/clients/node_modules/.package-lock.json
clients: $(CLIENTS) ## install the JavaScript clients that the tests speak with

# npm writes this file last; as long as it is newer than our lock there is nothing to install.
$(CLIENTS): tests/clients/package-lock.json
	@command -v npm >/dev/null || { echo "darkstore: npm is needed for the JavaScript clients:\
	 install Node.js with npm." >&2; exit 1; }
	cd tests/clients && npm ci --no-audit --no-fund
	@touch $@

clients-if-npm:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory clients; \
	 else echo "darkstore: no npm here, so the tests of JavaScript clients will be skipped."; fi

PEERS := benchmarks/peers/node_modules/.package-lock.json
bench: setup $(PEERS) ## measure our server beside other servers (ARGS="--rounds 1 --save")
	@$(IN) benchmarks.peers $(ARGS)

bench-against: setup ## compare the CPU per request with that of COMMIT, round by round
	@$(IN) benchmarks.against $(COMMIT) $(ARGS)

bench-live: setup $(PEERS) ## measure 10,000 listeners beside other servers (ARGS=--save)
	@$(IN) benchmarks.live $(ARGS)

bench-scale: setup ## measure the storefront on a million listings (ARGS=--save)
	@$(IN) benchmarks.peers.scale $(ARGS)

bench-stock: setup ## measure reservations beside simpler designs (ARGS="--races 5")
	@$(IN) benchmarks.stock $(ARGS)

bench-riders: setup ## measure position reports and the search for the nearest rider (ARGS=--save)
	@$(IN) benchmarks.riders $(ARGS)

bench-inventory: setup ## measure stock changes sent to a thousand clients (ARGS=--no-save)
	@$(IN) benchmarks.inventory $(ARGS)

bench-jobs: setup ## measure the event log as a queue, and how fast webhooks leave (ARGS=--save)
	@$(IN) benchmarks.jobs $(ARGS)

bench-days: setup ## measure the event log in one table and in partitions (ARGS=--save)
	@$(IN) benchmarks.days $(ARGS)

bench-prices: setup ## measure the CPU of the server for each unit of the price list
	@$(IN) benchmarks.prices $(ARGS)

bench-short: setup peers-if-npm ## run each benchmark in its short form
	@$(IN) benchmarks.short

attack: setup ## attack a production server of its own, with a figure for each class (ARGS="--only heads")
	@$(IN) attack $(ARGS)

attack-short: setup ## the same with less of everything, in a minute
	@$(IN) attack --short

bench-plot: setup ## draw the saved results of make bench
	@$(IN) benchmarks.peers.plot

$(PEERS): benchmarks/peers/package-lock.json
	@command -v npm >/dev/null || { echo "darkstore: npm is needed for the servers to compare with:\
	 install Node.js with npm." >&2; exit 1; }
	cd benchmarks/peers && npm ci --omit=optional --no-audit --no-fund
	@touch $@

peers-if-npm:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(PEERS); fi

PINS := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock: setup ## pin the libraries of requirements/*.in (ARGS=--upgrade for newer ones)
	$(PINS) $(ARGS) requirements/run.in -o requirements/run.txt
	$(PINS) $(ARGS) requirements/dev.in -c requirements/run.txt -o requirements/dev.txt
