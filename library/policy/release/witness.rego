# METADATA
# title: Witness
# description: >-
#   What the build claims is what was seen. Claims come from steps; what was seen comes from the sandbox, the registry
#   and the engine.
package witness

import rego.v1

import data.lib.attestation
import data.lib.image
import data.lib.metadata
import data.lib.rule_data
import data.lib.tekton
import data.lib.trust
import data.lib.witness as seen

# METADATA
# title: Witness statement found
# description: There is a verified witness statement of each PipelineRun that the image's provenance is about.
# custom:
#   short_name: statement_found
#   failure_msg: No witness statement found for PipelineRun %q
#   solution: >-
#     Build the image where its run is witnessed, and wait until the observer has stored both statements.
#   collections:
#   - minimal
#   - slsa3
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	count(seen.of(att)) == 0
	result := metadata.result(rego.metadata.chain(), [seen.run_name(att)])
}

# METADATA
# title: Status signed by the engine
# description: The engine's signature over the status of each run was verified by the observer.
# custom:
#   short_name: status_signed
#   failure_msg: The status of PipelineRun %q is %s
#   solution: >-
#     Build the image by an engine whose key the observer was given. A broken signature means that the run was changed
#     after it had ended: look for who can write runs.
#   collections:
#   - redhat
#   depends_on:
#   - witness.statement_found
deny contains result if {
	some att in attestation.pipelineruns
	some predicate in seen.of(att)
	status := object.get(predicate, "statusSignature", "not signed")
	status != "verified"
	result := metadata.result(rego.metadata.chain(), [seen.run_name(att), status])
}

# METADATA
# title: Image was seen to be pushed by a trusted task
# description: >-
#   The registry saw the image being pushed, with the credential of a TaskRun of a trusted task. An image that a task
#   only names in its results, whoever made it, does not pass.
# custom:
#   short_name: subject_witnessed
#   failure_msg: 'Image %q was not witnessed: %s'
#   solution: >-
#     Release the image that the library's build task built and pushed in this run. If a task reports an image that was
#     made elsewhere, take that task, or those results of it, out of the pipeline.
#   collections:
#   - minimal
#   - slsa3
#   - redhat
#   depends_on:
#   - witness.statement_found
deny contains result if {
	count(_trusted_pushers) == 0
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[image.expected_ref, _why],
		"",
		{
			"pipeline_tasks": sort(_claimants | {pusher.pipeline_task | some pusher in _pushers}),
			"claimed": _claim,
			"witnessed": _sight,
		},
	)
}

# METADATA
# title: Hermetic task had no network
# description: >-
#   A task that claims to be hermetic, or has to be, ran in a network namespace without a way out: every step of it, by
#   what the kernel gave it and not by what was asked for.
# custom:
#   short_name: hermetic_network
#   failure_msg: Task %q has to be hermetic but %s
#   solution: >-
#     Use the library's task, whose parameter HERMETIC takes the network away. A task of one's own does so by the
#     annotation sluice.dev/hermetic-param.
#   collections:
#   - slsa3
#   - redhat
#   depends_on:
#   - witness.statement_found
deny contains result if {
	some att in attestation.pipelineruns
	some task in tekton.tasks(att)
	_hermetic(task)
	name := tekton.pipeline_task_name(task)
	some reason in _network_problems(att, name)
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[name, reason],
		name,
		{
			"pipeline_tasks": [name],
			"claimed": sprintf("parameter HERMETIC is %v", [json.marshal(tekton.param(task, "HERMETIC"))]),
			"witnessed": reason,
		},
	)
}

_hermetic(task) if tekton.param(task, "HERMETIC") == "true"

_hermetic(task) if tekton.task_name(task) in rule_data.get("required_hermetic_tasks")

_network_problems(att, pipeline_task) := {"its steps were not witnessed"} if {
	count(_networks(att, pipeline_task)) == 0
} else := {sprintf("step %q had the network %q", [found.step, found.network]) |
	some found in _networks(att, pipeline_task)
	not found.network in rule_data.get("hermetic_networks")
}

_networks(att, pipeline_task) := [found |
	some run in seen.task_runs(att, pipeline_task)
	some found in seen.networks(run)
]

# Who was seen pushing the image: pipeline task and TaskRun, with the provenance of their run.
_pushers := [{"att": att, "pipeline_task": subject.by.pipelineTask, "task_run": object.get(subject.by, "taskRun", "")} |
	some att in attestation.pipelineruns
	some predicate in seen.of(att)
	some subject in _subjects(predicate)
	subject.evidence == "witnessed"
]

_trusted_pushers := [pusher |
	some pusher in _pushers
	tasks := [task |
		some task in tekton.tasks(pusher.att)
		tekton.pipeline_task_name(task) == pusher.pipeline_task
	]
	count(tasks) > 0
	count(trust.untrusted(tasks)) == 0
]

_claimants := {tekton.pipeline_task_name(task) |
	some att in attestation.pipelineruns
	some task in tekton.build_tasks(att)
	image.expected_digest in tekton.digests(task)
}

# What the witness statements say of the image.
_subjects(predicate) := [subject |
	some subject in object.get(predicate, "subjects", [])
	sprintf("sha256:%s", [object.get(object.get(subject, "digest", {}), "sha256", "")]) == image.expected_digest
]

_why := sprintf("it was pushed by %s, which is not trusted", [_pusher_names]) if {
	count(_pushers) > 0
} else := "no TaskRun of the run was seen pushing it, so it is only claimed"

_claim := sprintf("built by %s", [concat(", ", sort(_claimants))]) if {
	count(_claimants) > 0
} else := "a result of the pipeline that no task reports"

_sight := sprintf("pushed by %s", [_pusher_names]) if {
	count(_pushers) > 0
} else := "no push of this digest by any TaskRun of the run"

_pusher_names := concat(", ", sort({sprintf("%s (TaskRun %s)", [pusher.pipeline_task, pusher.task_run]) |
	some pusher in _pushers
}))
