# The only commands a newcomer needs. Each prints what it does; none needs root.
.DEFAULT_GOAL := help
.PHONY: help page dependencies run test check bench soak dist

CARGO ?= cargo
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
ARCHIVE = weir-$(VERSION)-$(shell uname -m)-linux

help:
	@echo "make run     build and start the demo: a simulated provider, simulated callers, and Weir between them"
	@echo "make test    everything that must be true before a change lands (under 25 minutes, cold)"
	@echo "make check   the quick part of it: formatting, lints, unit tests (under 2 minutes, warm)"
	@echo "make bench   CPU, latency and memory beside nginx; writes docs/benchmarks.md; LogQL over a million entries; the store beside DuckDB"
	@echo "make soak    the long runs: 200 kills of each kind, minutes of heavy traffic, fuzzing"
	@echo "make dist    the release archive, in dist/"

# The page and what the binary depends on are built at the same time; the binary takes the page in. Without npm there is none.
run:
	@$(MAKE) --no-print-directory --jobs=2 page dependencies
	$(CARGO) run --locked --quiet --profile fast -- demo

page:
	@web/build

dependencies:
	@$(CARGO) build --locked --quiet --profile fast --package weir-meter --package weir-logql --package weir-store

test:
	tests/run

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked --workspace --lib

bench:
	bench/setup
	$(CARGO) build --locked --profile dist
	$(CARGO) build --locked --release --manifest-path bench/Cargo.toml
	bench/target/release/weir-bench run --weir target/dist/weir
	bench/target/release/logql
	tests/sql/run --setup
	rm -rf target/history && target/dist/weir simulate history --to target/history --records 10000000
	.tools/sql/bin/python bench/duckdb/run --weir target/dist/weir --history target/history

soak:
	$(CARGO) build --locked --release
	tests/soak
	fuzz/run 600

dist: page
	$(CARGO) build --locked --profile dist
	rm -rf dist/$(ARCHIVE) && mkdir -p dist/$(ARCHIVE)
	cp target/dist/weir LICENSE NOTICE README.md CHANGELOG.md weir.example.toml weir.schema.json dist/$(ARCHIVE)/
	tar -C dist --sort=name --owner=0 --group=0 --numeric-owner -czf dist/$(ARCHIVE).tar.gz $(ARCHIVE)
	cd dist && sha256sum $(ARCHIVE).tar.gz > $(ARCHIVE).tar.gz.sha256
	@ls -l dist/$(ARCHIVE).tar.gz
