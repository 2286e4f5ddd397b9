# Hotline: `make run` sets everything up and runs the hotline; `make test` sets everything up and passes the tests.
SHELL := /bin/sh
PYTHON ?= python3
IVR := .venv/bin/ivr
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup run test test-routing test-routing-long check demo call doctor bench bench-faults bench-announce bench-web-faults shots bench-reload bench-storm bench-restoration bench-routing simulate-routing clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ": make run PYTHON=python3.12")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || { echo "cannot make .venv: install the package python3-venv"; exit 1; }
	@echo "installing Python packages into .venv"
	@.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $(STAMP)

setup: $(STAMP) ## set everything up without starting anything
	@$(IVR) setup

run: $(STAMP) ## set everything up and run the hotline in the foreground
	@exec $(IVR) run

test: setup ## set everything up and run all tests (beside a running hotline or not)
	@.venv/bin/python -m tests.interop.environment
	@.venv/bin/python -m tests.support.chromium
	@.venv/bin/python -m tests.whole $(ARGS)

test-routing: setup ## routing: random lives beside the model, interleavings, seeded bugs; counts
	@.venv/bin/python -m tests.routing.proof

test-routing-long: setup ## the same with a million model steps (half an hour), without the seeded bugs
	@.venv/bin/python -m tests.routing.proof long

check: setup ## ruff, mypy, import layers, Lua headers, dialplans and their scenarios, prompts
	@.venv/bin/ruff check ivr routing tests bench
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/python -m routing.scripts
	@$(IVR) dialplan check
	@$(IVR) dialplan test --coverage-least 100 | tail -3
	@for sample in dialplans/samples/*; do $(IVR) dialplan check $$sample || exit 1; done
	@$(IVR) prompts audit

demo: $(STAMP) ## an outage, four callers with real phones, two agents
	@exec $(IVR) demo

call: $(STAMP) ## one call: make call TO=100 FROM=+48221234567 KEYS=1,w2,3
	@exec $(IVR) phone call --to $(or $(TO),100) --from $(or $(FROM),+48221234567) --keys "$(KEYS)"

doctor: $(STAMP) ## check every part
	@$(IVR) doctor

bench: setup ## announcement calls by SIPp beside a plain dialplan Playback
	@.venv/bin/python -m bench.announce_load

bench-faults: setup ## kill and stop the controller under callers; speed of an announcement
	@.venv/bin/python -m bench.faults

bench-restoration: setup ## 50 customers are told that it works again, 10 of one street say no (about 3 minutes)
	@.venv/bin/python -m bench.restoration

bench-announce: setup ## click publish and end in a browser 100 times: how long until calls hear it (ARGS=--quick)
	@.venv/bin/python -m bench.announce_click $(ARGS)

bench-web-faults: setup ## the page killed, stopped and kept busy during 200 calls: how many of them noticed
	@.venv/bin/python -m bench.web_faults $(ARGS)

shots: setup ## pictures of every page of a hotline with two days of calls: make shots ARGS=folder
	@.venv/bin/python -m tests.web.shots $(or $(ARGS),shots)

bench-reload: setup ## change call flows under 20 calls a second, broken files, a canary that fails
	@.venv/bin/python -m bench.reload $(ARGS)

bench-storm: setup ## 10,000 customers of one district call; the announcement after a minute; agents' queue (ARGS=--quick)
	@.venv/bin/python -m bench.storm $(ARGS)

simulate-routing: setup ## expected waits in a storm and on a day; 300 agents and 3,000 calls on a virtual clock
	@.venv/bin/python -m bench.routing_sim $(ARGS)

bench-routing: setup ## cost of routing decisions at every size beside a naive router (ARGS=--quick)
	@.venv/bin/python -m bench.routing_bench $(ARGS)

clean: ## remove what was set up here (.venv, .runtime, var); downloads stay in the cache
	rm -rf .venv .runtime var
