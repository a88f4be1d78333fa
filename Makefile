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
WORKERS ?= auto
ARGS ?=
IN := .venv/bin/python -m
FINDS := python3.13 python3.12 python3.11 python3.14 python3
NEW := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for one in $(FINDS); do $$one -c '$(NEW)' 2>/dev/null && echo $$one && break; done)
export PORT

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests run stop reset test test-fast check format lint types contracts schema schema-diff states \
	demo city crash chaos audit-stock fuzz bench bench-live bench-drain bench-riders \
	bench-scale bench-stock bench-inventory bench-jobs bench-days bench-plot \
	clients clients-if-npm lock \
	demo-short bench-short peers-if-npm

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

reset: ## stop, and forget the data
	@if test -x .venv/bin/python; then $(IN) local reset; fi

setup-tests: setup
	@$(PYTHON) -m local setup --tests

test: setup-tests clients-if-npm ## run all tests on all cores (ARGS="tests/local -k port")
	@$(IN) pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-fast: setup ## run the tests that need no server process
	@$(IN) pytest -n $(WORKERS) --dist loadfile -m "not processes" $(ARGS)

check: setup lint types contracts schema-diff test ## everything that CI runs

lint:
	$(IN) ruff format --check .
	$(IN) ruff check .

types:
	$(IN) mypy .

contracts:
	.venv/bin/lint-imports --no-cache

schema-diff:
	@$(IN) server schema | diff -u schema.graphql - || \
	 { echo "darkstore: schema.graphql is not what the code says: run make schema." >&2; exit 1; }

format: setup ## format the code
	$(IN) ruff format .
	$(IN) ruff check --fix .

schema: setup ## write schema.graphql
	@$(IN) server schema > schema.graphql.new && mv schema.graphql.new schema.graphql

states: setup ## write docs/states.md
	@$(IN) server states > docs/states.md.new && mv docs/states.md.new docs/states.md

demo: setup ## play one order end to end against the running store
	@$(IN) local inside -m simulators.demo $(ARGS)

demo-short: setup ## start a store of its own, play the demo and a short city, stop it
	@$(IN) local trial

city: setup ## keep orders flowing: RATE orders a second for MINUTES
	@$(IN) local inside -m simulators.city --rate $(RATE) --minutes $(MINUTES) --seed $(SEED) $(ARGS)

audit-stock: setup ## compare every shelf of the running store with its books
	@$(IN) local inside -m server audit-stock

crash: setup ## kill each part during ORDERS (200) checkouts, and audit both books
	@ORDERS=$(ORDERS) SEED=$(SEED) $(IN) pytest -q -s tests/faults/test_crashes.py $(ARGS)

chaos: setup ## kill everything under FOLLOWERS (200) who hear EVENTS (10000)
	@FOLLOWERS=$(FOLLOWERS) EVENTS=$(EVENTS) EVENTS_PER_SECOND=$(EVENTS_PER_SECOND) SEED=$(SEED) \
	 $(IN) pytest -q -s tests/faults/test_chaos.py $(ARGS)

bench-drain: setup ## restart two servers under SOCKETS (1000) who listen behind a proxy
	@SOCKETS=$(SOCKETS) DRAIN_SECONDS=15 $(IN) pytest -q -s tests/faults/test_rolling.py $(ARGS)

fuzz: setup ## hold both executors equal on DOCUMENTS (5000) generated ones of SEED
	@DARKSTORE_FUZZ_COUNT=$(DOCUMENTS) DARKSTORE_FUZZ_SEED=$(SEED) $(IN) pytest -q -s \
	 tests/execution/test_generated.py tests/execution/test_graph.py $(ARGS)

CLIENTS := tests/clients/node_modules/.package-lock.json
clients: $(CLIENTS) ## install the JavaScript clients that the tests speak with

# npm writes this file last; as long as it is newer than our lock there is nothing to install.
$(CLIENTS): tests/clients/package-lock.json
	cd tests/clients && npm ci --no-audit --no-fund
	@touch $@

clients-if-npm:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory clients; \
	 else echo "darkstore: no npm here, so the tests of JavaScript clients will be skipped."; fi

PEERS := benchmarks/peers/node_modules/.package-lock.json
bench: setup $(PEERS) ## measure our server beside its peers (ARGS="--rounds 1 --save")
	@$(IN) benchmarks.peers $(ARGS)

bench-live: setup $(PEERS) ## hold 10,000 listeners beside the peers (ARGS=--save)
	@$(IN) benchmarks.live $(ARGS)

bench-scale: setup ## measure the storefront on a million listings (ARGS=--save)
	@$(IN) benchmarks.peers.scale $(ARGS)

bench-stock: setup ## measure how units are promised, beside plainer designs (ARGS="--races 5")
	@$(IN) benchmarks.stock $(ARGS)

bench-riders: setup ## measure riders' reports and the search for the nearest (ARGS=--save)
	@$(IN) benchmarks.riders $(ARGS)

bench-inventory: setup ## show a busy shelf to a thousand clients (ARGS=--no-save)
	@$(IN) benchmarks.inventory $(ARGS)

bench-jobs: setup ## measure the event log as a queue, and how fast webhooks leave (ARGS=--save)
	@$(IN) benchmarks.jobs $(ARGS)

bench-days: setup ## measure the event log in one table and by days (ARGS=--save)
	@$(IN) benchmarks.days $(ARGS)

bench-short: setup peers-if-npm ## run each benchmark in its short form
	@$(IN) benchmarks.short

bench-plot: setup ## draw what make bench has kept
	@$(IN) benchmarks.peers.plot

$(PEERS): benchmarks/peers/package-lock.json
	cd benchmarks/peers && npm ci --omit=optional --no-audit --no-fund
	@touch $@

peers-if-npm:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(PEERS); fi

PINS := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock: setup ## pin the libraries of requirements/*.in (ARGS=--upgrade for newer ones)
	$(PINS) $(ARGS) requirements/run.in -o requirements/run.txt
	$(PINS) $(ARGS) requirements/dev.in -c requirements/run.txt -o requirements/dev.txt
