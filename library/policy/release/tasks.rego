# METADATA
# title: Tasks
# description: >-
#   The pipeline ran the tasks that the policy's data requires, and every task that ran succeeded.
package tasks

import rego.v1

import data.lib.attestation
import data.lib.metadata
import data.lib.tekton
import data.lib.time as policy_time
import data.lib.trust

# METADATA
# title: Pipeline run includes at least one task
# description: Each PipelineRun attestation has tasks.
# custom:
#   short_name: pipeline_has_tasks
#   failure_msg: No tasks found in PipelineRun attestation
#   solution: Look at the PipelineRun; a pipeline that ran no task has built nothing.
#   collections:
#   - minimal
#   - slsa3
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	count(tekton.tasks(att)) == 0
	result := metadata.result(rego.metadata.chain(), [])
}

# METADATA
# title: Successful pipeline tasks
# description: Every task of the pipeline that ran has succeeded. Skipped tasks are not in the attestation.
# custom:
#   short_name: successful_pipeline_tasks
#   failure_msg: Pipeline task %q did not complete successfully, %q
#   solution: Read the task's log, correct the cause, and build again.
#   collections:
#   - minimal
#   - slsa3
#   - redhat
#   depends_on:
#   - tasks.pipeline_has_tasks
deny contains result if {
	some att in attestation.pipelineruns
	some task in tekton.tasks(att)
	status := object.get(task, "status", "MISSING")
	status != "Succeeded"
	name := tekton.pipeline_task_name(task)
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[name, status],
		name,
		{"pipeline_tasks": [name], "claimed": sprintf("status %v", [status])},
	)
}

# METADATA
# title: All required tasks were included in the pipeline
# description: Each task in the list of required tasks that holds at the effective time is in the attestation.
# custom:
#   short_name: required_tasks_found
#   failure_msg: '%s is missing'
#   solution: >-
#     Add the task to the pipeline (the library's docker-build pipeline has them all). The list is the policy's data
#     under "required-tasks".
#   collections:
#   - redhat
#   depends_on:
#   - tasks.pipeline_has_tasks
deny contains result if {
	some att in attestation.pipelineruns
	some required in _required(att)
	count(_alternatives(required) & _present(att)) == 0

	# What will no longer be required is not asked for any more.
	required in _coming(att)
	result := metadata.result_with_term(rego.metadata.chain(), [_label(required)], required)
}

# METADATA
# title: All required tasks are from trusted tasks
# description: A task that is there under a required name is a trusted one.
# custom:
#   short_name: required_untrusted_task_found
#   failure_msg: '%s is required and present but not from a trusted task'
#   solution: Refer to the library's task by its bundle, in a version listed in the trusted task data.
#   collections:
#   - redhat
#   depends_on:
#   - tasks.pipeline_has_tasks
deny contains result if {
	some att in attestation.pipelineruns
	names := {name |
		some required in _required(att)
		some name in _alternatives(required)
	}
	some task in trust.untrusted(tekton.tasks(att))
	some name in (tekton.task_names(task) & names)
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[_label(name)],
		name,
		{
			"pipeline_tasks": [tekton.pipeline_task_name(task)],
			"claimed": sprintf("reference %s", [tekton.ref_info(task)]),
		},
	)
}

# METADATA
# title: Required tasks list was provided
# description: The policy's data has a list of required tasks that holds at the effective time.
# custom:
#   short_name: required_tasks_list_provided
#   failure_msg: Missing required required-tasks data
#   solution: >-
#     Add a data source with the key "required-tasks" to the policy, with at least one entry whose effective_on is past.
#   collections:
#   - redhat
#   depends_on:
#   - tasks.pipeline_has_tasks
deny contains result if {
	some att in attestation.pipelineruns
	count(_required(att)) == 0
	result := metadata.result(rego.metadata.chain(), [])
}

# The tasks required now.
_required(att) := _lists(att, "now")

# The tasks required when all entries hold.
_coming(att) := _lists(att, "latest")

# The lists of the pipeline's own kinds, joined, or else the general list.
_lists(att, when) := required if {
	required := {task |
		some kind in _kinds(att)
		some task in _newest(object.get(_by_pipeline, kind, []), when)
	}
	count(required) > 0
} else := {task | some task in _newest(_general, when)}

_newest(entries, "now") := found if {
	held := policy_time.effective(entries)
	count(held) > 0
	found := held[count(held) - 1].tasks
} else := []

_newest(entries, "latest") := found if {
	all := policy_time.ordered(entries)
	count(all) > 0
	found := all[count(all) - 1].tasks
} else := []

# What kind of pipeline it is, by the labels of its build tasks, or else of the run.
_kinds(att) := kinds if {
	kinds := {kind |
		some task in tekton.build_tasks(att)
		kind := tekton.label(task, "build.appstudio.redhat.com/build_type")
		kind != ""
	}
	count(kinds) > 0
} else := {kind | kind := att.statement.predicate.invocation.environment.labels["pipelines.openshift.io/runtime"]}

_present(att) := {name |
	some task in tekton.tasks(att)
	some name in tekton.task_names(task)
}

# A list among the required tasks means one of them.
_alternatives(required) := {name | some name in required} if {
	is_array(required)
} else := {required}

_label(required) := sprintf(`One of "%s" tasks`, [concat(`", "`, required)]) if {
	is_array(required)
} else := sprintf("Required task %q", [required])

default _general := []

_general := data["required-tasks"] if is_array(data["required-tasks"])

default _by_pipeline := {}

_by_pipeline := data["pipeline-required-tasks"] if is_object(data["pipeline-required-tasks"])
