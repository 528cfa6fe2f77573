# METADATA
# title: Witness
# description: >-
#   Witness statements: what the sandbox, the registry and the engine saw of a run, outside the reach of its steps. A
#   statement counts for a provenance only if both are about the same PipelineRun.
package lib.witness

import rego.v1

import data.lib.tekton

# The witness statements of the run that a provenance is about.
of(att) := [predicate |
	some witness in input.attestations
	witness.statement.predicateType == "https://sluice.dev/witness/v1"
	predicate := witness.statement.predicate
	predicate.run.kind == "PipelineRun"
	_run_names(att) == {predicate.run.name}
	count(_run_uids(att) - {"", predicate.run.uid}) == 0
]

# What was witnessed of the TaskRuns of a pipeline task.
task_runs(att, pipeline_task) := [run |
	some predicate in of(att)
	some run in object.get(predicate, "tasks", [])
	run.pipelineTask == pipeline_task
]

# The steps of such a TaskRun with the network each had. A step whose network is not recorded had some.
networks(run) := [{"step": object.get(step, "name", ""), "network": object.get(step, "network", "unknown")} |
	some step in object.get(run, "steps", [])
]

# The name of the run, for messages.
run_name(att) := concat(", ", sort(_run_names(att)))

_run_names(att) := {name |
	some task in tekton.tasks(att)
	name := tekton.label(task, "tekton.dev/pipelineRun")
}

_run_uids(att) := {uid |
	some task in tekton.tasks(att)
	uid := tekton.label(task, "tekton.dev/pipelineRunUID")
}
