# METADATA
# title: SLSA - Provenance - Available
# description: The provenance is in a format that this policy accepts.
package slsa_provenance_available

import rego.v1

import data.lib.attestation
import data.lib.metadata
import data.lib.rule_data

# METADATA
# title: Expected attestation predicate type found
# description: >-
#   The predicate type of each PipelineRun attestation is one that the policy accepts as SLSA provenance.
# custom:
#   short_name: attestation_predicate_type_accepted
#   failure_msg: Attestation predicate type %q is not an expected type (%s)
#   solution: >-
#     Use an observer whose format is listed under "allowed_predicate_types" in the rule data.
#   collections:
#   - minimal
#   - slsa3
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	type := object.get(att.statement, "predicateType", "")
	allowed := rule_data.get("allowed_predicate_types")
	not type in allowed
	result := metadata.result(rego.metadata.chain(), [type, concat(", ", allowed)])
}
