# METADATA
# title: SBOM
# description: >-
#   The image has a software bill of materials. The validator fetches it by the digest that the build task reports in
#   SBOM_BLOB_URL, so that the signed provenance vouches for its content.
package sbom

import rego.v1

import data.lib.attestation
import data.lib.image
import data.lib.metadata
import data.lib.tekton

# METADATA
# title: Found
# description: There is an SBOM, in a known format, that the task which built the image reports for it.
# custom:
#   short_name: found
#   failure_msg: No SBOM attestations found
#   solution: >-
#     Let the build task write an SPDX or CycloneDX SBOM, attach it to the image and report it as SBOM_BLOB_URL, as
#     buildah of the library does.
#   collections:
#   - minimal
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	count(_sboms) == 0
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[],
		"",
		{"pipeline_tasks": _builders, "claimed": concat("; ", sort({text |
			some text in _reported
		}))},
	)
}

_sboms := [sbom |
	some sbom in object.get(object.get(input, "image", {}), "sboms", [])
	sbom.format in {"spdx", "cyclonedx"}
	sbom.ref in _reported
]

_build_tasks := [task |
	some att in attestation.pipelineruns
	some task in tekton.build_tasks(att)
	image.expected_digest in tekton.digests(task)
]

_builders := sort({tekton.pipeline_task_name(task) | some task in _build_tasks})

_reported := {text |
	some task in _build_tasks
	some name, text in tekton.texts(task, "SBOM_BLOB_URL")
	name == "SBOM_BLOB_URL"
}
