# METADATA
# title: Hermetic task
# description: Tasks that have to be hermetic were asked to be. What network they had is for the package witness.
package hermetic_task

import rego.v1

import data.lib.attestation
import data.lib.metadata
import data.lib.rule_data
import data.lib.tekton

# METADATA
# title: Task called with hermetic param set
# description: Each task that the policy requires to be hermetic ran with the parameter HERMETIC set to "true".
# custom:
#   short_name: hermetic
#   failure_msg: Task '%s' was not invoked with the hermetic parameter set
#   solution: >-
#     Set the parameter hermetic of the pipeline, and so HERMETIC of the task, to "true", and prefetch what the build
#     needs from the network.
#   collections:
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	some task in tekton.tasks(att)
	tekton.task_name(task) in rule_data.get("required_hermetic_tasks")
	value := tekton.param(task, "HERMETIC")
	value != "true"
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[tekton.task_name(task)],
		tekton.task_name(task),
		{
			"pipeline_tasks": [tekton.pipeline_task_name(task)],
			"claimed": sprintf("parameter HERMETIC is %v", [json.marshal(value)]),
		},
	)
}
