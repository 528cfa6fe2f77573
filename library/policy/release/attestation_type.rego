# METADATA
# title: Attestation type
# description: The image has an attestation of the run that built it, in a form that the other rules understand.
package attestation_type

import rego.v1

import data.lib.attestation
import data.lib.metadata
import data.lib.rule_data

# METADATA
# title: PipelineRun attestation found
# description: >-
#   At least one verified attestation of the image is the provenance of a Tekton PipelineRun.
# custom:
#   short_name: pipelinerun_attestation_found
#   failure_msg: Missing pipelinerun attestation
#   solution: >-
#     Build the image by a PipelineRun and wait until the observer has signed it: the run then has the annotation
#     chains.tekton.dev/signed with the value "true".
#   collections:
#   - minimal
#   - slsa3
#   - redhat
deny contains result if {
	count(attestation.pipelineruns) == 0
	result := metadata.result(rego.metadata.chain(), [])
}

# METADATA
# title: Known attestation type found
# description: >-
#   The type of each PipelineRun attestation is a version of an in-toto statement that the policy accepts.
# custom:
#   short_name: known_attestation_type
#   failure_msg: Unknown attestation type '%s'
#   solution: >-
#     Use an observer that writes one of the statement types listed under "known_attestation_types" in the rule data.
#   collections:
#   - minimal
#   - slsa3
#   - redhat
#   depends_on:
#   - attestation_type.pipelinerun_attestation_found
deny contains result if {
	some att in attestation.pipelineruns
	type := attestation.type(att)
	not type in rule_data.get("known_attestation_types")
	result := metadata.result(rego.metadata.chain(), [type])
}
