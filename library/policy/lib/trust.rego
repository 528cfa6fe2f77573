# METADATA
# title: Trusted tasks
# description: >-
#   Which tasks are trusted, by the trusted_tasks data, and which tasks had a part in what another one made, by the
#   trusted artifacts they read and wrote.
package lib.trust

import rego.v1

import data.lib.rule_data
import data.lib.tekton
import data.lib.time as policy_time

# The task's exact version is listed and not expired.
trusted(task) if {
	ref := tekton.ref(task)
	ref.kind == "task"
	ref.pinned_ref != ""
	some record in records(ref.key)
	record.ref == ref.pinned_ref
}

untrusted(tasks) := [task |
	some task in tasks
	not trusted(task)
]

# The records of a key that have not expired. A reference without a tag matches a listed one of any version.
records(key) := [record |
	some listed, all in _listed
	_key_matches(listed, key)
	some record in all
	policy_time.unexpired(record)
]

# What an untrusted task could be replaced by, or "".
latest(task) := found[0].ref if {
	found := records(tekton.ref(task).key)
	count(found) > 0
} else := ""

missing_data if count(_listed) == 0

# The tasks that had a part in the artifacts this task read, itself included. The name of a pipeline task may be given
# more than once (a matrix); all tasks of that name count.
chain(att, task) := [link |
	names := graph.reachable(_dependencies(att), {tekton.pipeline_task_name(task)})
	some link in tekton.tasks(att)
	tekton.pipeline_task_name(link) in names
]

chain_names(tasks) := concat(", ", sort({tekton.pipeline_task_name(task) | some task in tasks}))

uses_artifacts(att) if {
	some task in tekton.tasks(att)
	count(artifact_inputs(task)) + count(artifact_outputs(task)) > 0
}

# Every value of a parameter that takes a trusted artifact, well-formed or not. No value ("") is no input.
artifact_inputs(task) := {value |
	some name, given in tekton.params(task)
	endswith(name, "_ARTIFACT")
	some value in _values(given)
	value != ""
}

# Only a well-formed artifact is one that another task can have read.
artifact_outputs(task) := {value |
	some _, value in tekton.texts(task, "_ARTIFACT")
	regex.match(`^oci:[^@ ]+@sha256:[0-9a-f]{64}$`, value)
}

_values(given) := given if {
	is_array(given)
} else := {value | some value in given} if {
	is_object(given)
} else := [given]

_dependencies(att) := {name: needed |
	some task in tekton.tasks(att)
	name := tekton.pipeline_task_name(task)
	needed := {tekton.pipeline_task_name(other) |
		some reader in tekton.tasks(att)
		tekton.pipeline_task_name(reader) == name
		some other in tekton.tasks(att)
		count(artifact_inputs(reader) & artifact_outputs(other)) > 0
	}
}

_listed := object.union(_from_source, rule_data.get("trusted_tasks"))

default _from_source := {}

_from_source := data.trusted_tasks if is_object(data.trusted_tasks)

_key_matches(listed, key) if listed == key

_key_matches(listed, key) if {
	startswith(key, "oci://")
	regex.replace(listed, `:[0-9.]+$`, "") == key
}
