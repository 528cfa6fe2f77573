# METADATA
# title: SLSA - Build - Scripted Build
# description: >-
#   The image was built by a task of the pipeline, from steps that are on record, and that task is trusted.
package slsa_build_scripted_build

import rego.v1

import data.lib.attestation
import data.lib.image
import data.lib.metadata
import data.lib.tekton
import data.lib.trust

# METADATA
# title: Build task contains steps
# description: The provenance has the steps of each task that claims to have built something.
# custom:
#   short_name: build_script_used
#   failure_msg: Build task %q does not contain any steps
#   solution: >-
#     Look at the PipelineRun: its build task has to be an ordinary Task whose steps ran.
#   collections:
#   - slsa3
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	some task in tekton.build_tasks(att)
	count(tekton.steps(task)) == 0
	result := metadata.result(rego.metadata.chain(), [tekton.pipeline_task_name(task)])
}

# METADATA
# title: Build task set image digest and url task results
# description: A task of the pipeline has the results IMAGE_URL and IMAGE_DIGEST.
# custom:
#   short_name: build_task_image_results_found
#   failure_msg: Build task not found
#   solution: >-
#     Add a task to the pipeline that builds the image and has the results IMAGE_URL and IMAGE_DIGEST, such as buildah
#     of the library.
#   collections:
#   - slsa3
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	count(tekton.build_tasks(att)) == 0
	result := metadata.result(rego.metadata.chain(), [])
}

# METADATA
# title: Provenance subject matches build task image result
# description: >-
#   Each subject of the provenance is an image that one of its build tasks reports. A result of the pipeline that no
#   task reported does not pass.
# custom:
#   short_name: subject_build_task_matches
#   failure_msg: The attestation subject, %q, does not match any of the images built
#   solution: >-
#     Let the pipeline's results IMAGE_URL and IMAGE_DIGEST be those of its build task, unchanged.
#   collections:
#   - slsa3
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	count(tekton.build_tasks(att)) > 0
	built := {sprintf("%s@%s", [name, output.digest]) |
		some task in tekton.build_tasks(att)
		some output in tekton.outputs(task)

		# The name of an image is its repository; that of another artifact is its URI.
		some name in {image.parse(output.url).repo, output.url}
	}
	some subject in attestation.subjects(att)
	not subject in built
	result := metadata.result(rego.metadata.chain(), [subject])
}

# METADATA
# title: Image built by trusted Task
# description: >-
#   Every task that reports the digest of the image being validated as its own build is trusted, and there is one.
# custom:
#   short_name: image_built_by_trusted_task
#   failure_msg: 'Image %q not built by a trusted task: %s'
#   solution: >-
#     Let the library's build task make the image, and take tasks that report an image they did not build out of the
#     pipeline (or their results IMAGE_URL, IMAGE_DIGEST and IMAGES out of the tasks).
#   collections:
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some problem in _origin_problems
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[image.expected_ref, problem.reason],
		problem.term,
		{"pipeline_tasks": problem.pipeline_tasks, "claimed": problem.claimed},
	)
}

_origin_problems contains problem if {
	count(_claimants) == 0
	problem := {
		"reason": "No Pipeline Tasks built the image",
		"term": "",
		"pipeline_tasks": [],
		"claimed": "no task reports this digest as an image that it built",
	}
}

_origin_problems contains problem if {
	untrusted := trust.untrusted(_claimants)
	count(untrusted) > 0
	names := concat(",", sort({tekton.task_name(task) | some task in untrusted}))
	problem := {
		"reason": sprintf("Build Task(s) %q are not trusted", [names]),
		"term": names,
		"pipeline_tasks": sort({tekton.pipeline_task_name(task) | some task in untrusted}),
		"claimed": sprintf("built %s", [image.expected_ref]),
	}
}

# The tasks that claim the image being validated.
_claimants := [task |
	some att in attestation.pipelineruns
	some task in tekton.build_tasks(att)
	image.expected_digest in tekton.digests(task)
]
