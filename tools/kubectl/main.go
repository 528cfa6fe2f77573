// Command kubectl is the upstream client, built from the pinned module so that tests do not depend on what a machine
// happens to have. It adds nothing of its own.
package main

import (
	_ "k8s.io/client-go/plugin/pkg/client/auth/exec"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
