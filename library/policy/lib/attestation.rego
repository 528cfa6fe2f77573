# METADATA
# title: Attestations
# description: The verified statements of the input, sorted by what they are about.
package lib.attestation

import rego.v1

import data.lib.rule_data

# SLSA v0.2 provenance of PipelineRuns, as Tekton Chains' slsa/v1 format writes it.
pipelineruns := [att |
	some att in input.attestations
	att.statement.predicateType == "https://slsa.dev/provenance/v0.2"
	att.statement.predicate.buildType in rule_data.get("allowed_provenance_build_types")
]

# Name and digest of each subject, joined by "@". A subject without a name or a SHA-256 still counts, as text that
# matches nothing.
subjects(att) := {ref |
	some subject in object.get(att.statement, "subject", [])
	hex := object.get(object.get(subject, "digest", {}), "sha256", "")
	ref := sprintf("%s@sha256:%s", [object.get(subject, "name", ""), hex])
}

type(att) := object.get(att.statement, "_type", "")
