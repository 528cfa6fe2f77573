# METADATA
# title: Trusted Task checks
# description: >-
#   The tasks that had a part in the build are listed in the trusted_tasks data, in exactly the version that ran.
package trusted_task

import rego.v1

import data.lib.attestation
import data.lib.metadata
import data.lib.rule_data
import data.lib.tekton
import data.lib.trust

# METADATA
# title: Task references are pinned
# description: Each task is referred to by a bundle with a digest or a git commit.
# custom:
#   short_name: pinned
#   failure_msg: Pipeline task %q uses an unpinned task reference, %s
#   solution: >-
#     Add the digest (@sha256:...) to the task's bundle in the Pipeline, or a full commit id for the git resolver.
#   collections:
#   - redhat
warn contains result if {
	some att in attestation.pipelineruns
	some task in tekton.tasks(att)
	tekton.ref(task).pinned_ref == ""
	result := metadata.result_with_term(
		rego.metadata.chain(),
		[tekton.pipeline_task_name(task), tekton.ref_info(task)],
		tekton.task_name(task),
	)
}

# METADATA
# title: Tasks are trusted
# description: >-
#   With trusted artifacts, every task in the chain of artifacts that leads to a build or a test result is trusted, and
#   other tasks may be anything. Without them, every task of the pipeline is trusted.
# custom:
#   short_name: trusted
#   failure_msg: '%s'
#   solution: >-
#     Use the library's tasks, in a version listed in the trusted task data, for everything that reads or writes the
#     source, builds, or reports a test. Other tasks are welcome where they hand nothing to the build.
#   collections:
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some problem in _problems
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[problem.msg],
		problem.term,
		{"pipeline_tasks": [problem.pipeline_task], "claimed": problem.claimed},
	)
}

# METADATA
# title: Trusted Artifact produced in pipeline
# description: Each trusted artifact that a task read was written by a task of the same pipeline.
# custom:
#   short_name: valid_trusted_artifact_inputs
#   failure_msg: >-
#     Code tampering detected, input %q for task %q was not produced by the pipeline as attested.
#   solution: >-
#     Give parameters that end in _ARTIFACT only results of tasks of this pipeline, never a fixed value.
#   collections:
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	written := {output |
		some task in tekton.tasks(att)
		some output in trust.artifact_outputs(task)
	}
	some task in tekton.tasks(att)
	some input_artifact in (trust.artifact_inputs(task) - written)
	name := tekton.pipeline_task_name(task)
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[input_artifact, name],
		input_artifact,
		{"pipeline_tasks": [name], "claimed": "the artifact comes from this pipeline"},
	)
}

# METADATA
# title: Task tracking data was provided
# description: The policy's data says which tasks are trusted.
# custom:
#   short_name: data
#   failure_msg: Missing required trusted_tasks data
#   solution: >-
#     Add a data source with trusted_tasks to the policy; `sluice task push` keeps it in the library's data artifact.
#   collections:
#   - redhat
deny contains result if {
	trust.missing_data
	result := metadata.result(rego.metadata.chain(), [])
}

# METADATA
# title: Data format
# description: The trusted task data has the expected form, and asks for nothing that is not done here.
# custom:
#   short_name: data_format
#   failure_msg: '%s'
#   solution: Correct the data source, or the ruleData of the policy.
#   collections:
#   - redhat
deny contains result if {
	some error in _data_errors
	result := metadata.result(rego.metadata.chain(), [error])
}

# A problem for each untrusted task in the chain of a build or test task.
_problems contains problem if {
	some att in attestation.pipelineruns
	trust.uses_artifacts(att)
	some result_task in array.concat(tekton.build_tasks(att), tekton.test_tasks(att))
	chain := trust.chain(att, result_task)
	some task in trust.untrusted(chain)
	problem := object.union(
		_origin(task),
		{"msg": _chain_message(task, trust.chain_names(chain), trust.latest(task))},
	)
}

# Nothing is known of what passed between tasks, so all of them have a part in the build.
_problems contains problem if {
	some att in attestation.pipelineruns
	not trust.uses_artifacts(att)
	some task in trust.untrusted(tekton.tasks(att))
	problem := object.union(_origin(task), {"msg": _task_message(task, trust.latest(task))})
}

_origin(task) := {
	"claimed": sprintf("reference %s", [tekton.ref_info(task)]),
	"pipeline_task": tekton.pipeline_task_name(task),
	"term": tekton.task_name(task),
}

_chain_message(task, names, latest) := sprintf(
	"Code tampering detected, untrusted PipelineTask %q (Task %q) was included in build chain comprised of: %s",
	[tekton.pipeline_task_name(task), tekton.task_name(task), names],
) if {
	latest == ""
} else := sprintf(
	concat(" ", [
		"Untrusted version of PipelineTask %q (Task %q) was included in build chain comprised of: %s.",
		"Please upgrade the task version to: %s",
	]),
	[tekton.pipeline_task_name(task), tekton.task_name(task), names, latest],
)

_task_message(task, latest) := sprintf(
	"PipelineTask %q uses an untrusted task reference: %s",
	[tekton.pipeline_task_name(task), tekton.ref_info(task)],
) if {
	latest == ""
} else := sprintf(
	"PipelineTask %q uses an untrusted task reference: %s. Please upgrade the task version to: %s",
	[tekton.pipeline_task_name(task), tekton.ref_info(task), latest],
)

_data_errors contains error if {
	rule_data.get("trusted_task_rules_enabled") != false
	error := "trusted_task_rules are not supported; list the tasks under trusted_tasks"
}

_data_errors contains error if {
	some source in [object.get(_sources, "data", {}), rule_data.get("trusted_tasks")]
	some key, records in source
	some i, record in records
	not is_string(object.get(record, "ref", false))
	error := sprintf("trusted_tasks data has unexpected format: %s[%d] has no ref", [key, i])
}

_data_errors contains error if {
	some source in [object.get(_sources, "data", {}), rule_data.get("trusted_tasks")]
	some key, records in source
	some i, record in records
	some field in ["effective_on", "expires_on"]
	value := record[field]
	not time.parse_rfc3339_ns(value)
	error := sprintf("trusted_tasks.%s[%d].%s is not valid RFC3339 format: %q", [key, i, field, value])
}

default _sources := {}

_sources := {"data": data.trusted_tasks} if is_object(data.trusted_tasks)
