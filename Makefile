# The commands people type. What they do is in tools/.

PYTHON ?= python3
PREFIX ?= /usr/local
STEPS ?=
TOOLS := PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m tools
export PREFIX DESTDIR

.PHONY: help run test test-programs lint format bench install clean
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z-]*\): ## /make \1\t/p' Makefile | expand -t 22

run: ## set up .venv, build, and show what Polymux does
	@$(TOOLS) run

test: ## every test and lint on every Python found; STEPS="c python-3.12 lint" for some
	@$(TOOLS) test $(STEPS)

test-programs: ## tornado, gevent, asyncio and others, on polymux and beside it
	@$(TOOLS) test-programs

lint: ## all lints
	@$(TOOLS) test lint

format: ## bring C and Python sources into the one format
	@$(TOOLS) format

bench: ## the benchmarks, beside their peers
	@$(TOOLS) bench

install: ## the C library, into PREFIX (/usr/local) under DESTDIR
	@$(TOOLS) install

clean: ## remove what was built, and the virtual environments
	@$(TOOLS) clean
