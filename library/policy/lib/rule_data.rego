# METADATA
# title: Rule data
# description: Values that a policy author can set, and what holds when nobody did.
package lib.rule_data

import rego.v1

_defaults := {
	"allowed_predicate_types": ["https://slsa.dev/provenance/v0.2"],
	"allowed_provenance_build_types": ["tekton.dev/v1/PipelineRun", "tekton.dev/v1beta1/PipelineRun"],
	"erred_tests_results": ["ERROR"],
	"failed_tests_results": ["FAILURE"],
	"hermetic_networks": ["none", "registry"],
	"informative_tests": [],
	"known_attestation_types": ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"],
	"required_hermetic_tasks": ["buildah", "run-script-oci-ta"],
	"skipped_tests_results": ["SKIPPED"],
	"supported_tests_results": ["SUCCESS", "FAILURE", "ERROR", "SKIPPED", "WARNING"],
	"trusted_task_rules_enabled": false,
	"trusted_tasks": {},
	"warned_tests_results": ["WARNING"],
}

# The first that is found: the policy's own ruleData, a custom data source, a default data source, the default here, [].
get(key) := value if {
	value := data.rule_data__configuration__[key]
} else := value if {
	value := data.rule_data_custom[key]
} else := value if {
	value := data.rule_data[key]
} else := value if {
	value := _defaults[key]
} else := []
