//go:build tools

// Package tools pins the programs that `make peers` checks sluice's output with.
package tools

import _ "github.com/sigstore/cosign/v3/cmd/cosign"
