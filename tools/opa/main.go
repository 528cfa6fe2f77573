// Command opa is OPA's own command line, built from the pinned module, with one command more: `peer`, which answers
// what tests and benchmarks ask of OPA as a library.
package main

import (
	"errors"
	"os"

	"github.com/open-policy-agent/opa/cmd"
	"github.com/spf13/cobra"
)

func main() {
	cmd.RootCommand.AddCommand(peer())
	err := cmd.RootCommand.Execute()
	var exit *cmd.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.Exit)
	case err != nil:
		os.Exit(1)
	}
}

func peer() *cobra.Command {
	group := &cobra.Command{Use: "peer", Short: "Answer tests and benchmarks", SilenceUsage: true}
	group.AddCommand(&cobra.Command{
		Use:   "serve",
		Short: "Answer one JSON request a line on stdin with one JSON answer a line on stdout, in order",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return serve(os.Stdin, os.Stdout) },
	})
	group.AddCommand(benchCommand())
	return group
}
