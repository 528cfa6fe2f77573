# METADATA
# title: Source artifact
# description: The build started from a trusted artifact, so that the chain of trust reaches back to the source.
package source_artifact

import rego.v1

import data.lib.attestation
import data.lib.image
import data.lib.metadata
import data.lib.tekton
import data.lib.trust

# METADATA
# title: Build task reads a trusted artifact
# description: >-
#   In a pipeline that passes files as trusted artifacts, each task that reports the image being validated reads one. A
#   build that reads none has its source from elsewhere, and no chain of trust to it.
# custom:
#   short_name: read_by_build
#   failure_msg: Build Task %q reads no trusted artifact, so the source of the image is not known
#   solution: >-
#     Give the build task the parameter SOURCE_ARTIFACT, with the result of the task that fetched the source.
#   collections:
#   - slsa3
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	trust.uses_artifacts(att)
	some task in tekton.build_tasks(att)
	image.expected_digest in tekton.digests(task)
	count(trust.artifact_inputs(task)) == 0
	name := tekton.pipeline_task_name(task)
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[name],
		name,
		{"pipeline_tasks": [name], "claimed": sprintf("built %s", [image.expected_ref])},
	)
}
