# Two commands do everything on a machine with Rust, make and a C compiler:
#
#   make demo    a whole system on loopback, to try
#   make test    everything that must hold before a change lands
#
# Both install what is missing (as root; otherwise they print the line to run).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
PORTCULLIS := $(TARGET)/debug/portcullis
# nextest where it is installed: each test a process of its own, and a report that is easier to read.
RUN_TESTS := $(shell cargo nextest --version >/dev/null 2>&1 && echo cargo nextest run --profile gate || echo cargo test)

.PHONY: help demo test fmt bench loadtest fleet clean-venv build-tools test-tools lint doc units sdk openapi helm

help:
	@echo "make demo       build, and start a whole system on loopback"
	@echo "make test       format, lints, docs, and all tests"
	@echo "make fmt        format the code"
	@echo "make bench      time the decision"
	@echo "make loadtest   requests per second and CPU per request, beside others"
	@echo "make fleet      revocations and cold look-ups of replicas on one Redis"
	@echo "make clean-venv remove the Python environment of the tests"

demo: build-tools
	cargo run --locked --quiet --package portcullis -- demo

# In the order of cost, so that what is wrong is said early.
test: test-tools lint doc units sdk openapi helm

build-tools:
	@scripts/need cmake cc

test-tools:
	@scripts/need cmake cc rustfmt clippy python3 python3-venv redis-server faketime

lint: test-tools
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

doc: lint
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet

units: doc
	$(RUN_TESTS) --locked --package decision
	$(RUN_TESTS) --locked --workspace --exclude decision
	cargo test --locked --workspace --doc --quiet
	$(PORTCULLIS) check config/*.yaml config/fleet

sdk openapi helm: units .venv/installed
	PYTHONDONTWRITEBYTECODE=1 PORTCULLIS_BIN=$(abspath $(PORTCULLIS)) .venv/bin/python -m pytest tests/$@

.venv/installed: tests/sdk/requirements.txt tests/openapi/requirements.txt tests/helm/requirements.txt
	python3 -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check $(^:%=--requirement %)
	touch $@

fmt:
	cargo fmt --all

bench: build-tools
	cargo bench --locked --package benches

loadtest: build-tools
	cargo build --locked --release --package portcullis
	cargo run --locked --release --package loadtest

fleet: build-tools
	@scripts/need redis-server
	cargo build --locked --release --package portcullis --package loadtest
	for figures in revocation epoch sizing; do $(TARGET)/release/loadtest fleet $$figures; done

clean-venv:
	rm -rf .venv
