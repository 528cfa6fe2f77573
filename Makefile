# What people and CI type. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CARGO ?= cargo
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# The step images hold a sluice-artifact that needs no shared object.
STATIC := x86_64-unknown-linux-gnu
PACKAGES_DEMO := gcc busybox-static mmdebstrap git skopeo kubernetes-client
PACKAGES_TEST := $(PACKAGES_DEMO) jq kubernetes-client
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sluice
DENY := 0.20.2
# Where the programs and the tests find the step images.
export SLUICE_IMAGES := $(TARGET)/images

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' $(MAKEFILE_LIST) | while IFS=: read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

.PHONY: build
build: static ## the programs, in target/release
	$(CARGO) build --release --locked --workspace --bins

.PHONY: static
static:
	RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --release --locked --target $(STATIC) -p sluice-artifacts --bin sluice-artifact
	mkdir -p $(TARGET)/static
	install -m 0755 $(TARGET)/$(STATIC)/release/sluice-artifact $(TARGET)/static/sluice-artifact

.PHONY: images
images: build ## the step images, in target/images
	library/images/build --out $(SLUICE_IMAGES) --artifact $(TARGET)/static/sluice-artifact --sluice $(TARGET)/release/sluice

.PHONY: demo
demo: ## from nothing to a release and a blocked attack
	scripts/packages $(PACKAGES_DEMO)
	$(MAKE) --no-print-directory images
	$(TARGET)/release/sluice demo

.PHONY: test
test: ## the tests that need Rust and Debian packages
	scripts/packages $(PACKAGES_TEST)
	$(MAKE) --no-print-directory images
	library/tests/run
	library/images/test $(TARGET)/static/sluice-artifact
	$(CARGO) test --locked --workspace --no-fail-fast

.PHONY: peers
peers: ## the tests against cosign, kubectl and OPA, built from pinned Go modules
	cosign=$$(tools/build cosign) && kubectl=$$(tools/build kubectl) && opa=$$(tools/build opa) && \
	SLUICE_COSIGN=$$cosign KUBECTL=$$kubectl SLUICE_OPA=$$opa \
	$(CARGO) test --locked --workspace --test 'peers*' --test kubectl --test differential

.PHONY: soak
soak: ## the crash and concurrency tests many times over, and ten minutes of policies against OPA (DURATION=seconds)
	opa=$$(tools/build opa) && SLUICE_OPA=$$opa SLUICE_DIFFERENTIAL_SECONDS=$(or $(DURATION),600) SLUICE_FUZZ_SECONDS=$(or $(DURATION),60) \
	PROPTEST_CASES=$(or $(CASES),20000) $(CARGO) test --locked --workspace --release

.PHONY: bench
bench: images ## the figures of the README
	$(CARGO) bench --locked -p sluice-cli --bench overhead
	opa=$$(tools/build opa) && SLUICE_OPA=$$opa $(CARGO) bench --locked -p sluice-rego --bench release

.PHONY: fmt
fmt: ## format the sources
	$(CARGO) fmt --all

.PHONY: lint
lint: ## what review does not want to see
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	deny=$(CACHE)/tools/cargo-deny-$(DENY); \
	[ -x $$deny/bin/cargo-deny ] || $(CARGO) install --locked --version $(DENY) --root $$deny --target-dir $(TARGET)/deny cargo-deny; \
	$$deny/bin/cargo-deny --log-level error --locked check bans licenses sources

.PHONY: clean
clean: ## remove what was built here; the cache of images and tools stays
	$(CARGO) clean
