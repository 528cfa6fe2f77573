# METADATA
# title: Tekton
# description: >-
#   Tasks of a PipelineRun's provenance: their names, references, parameters, results and what they claim to have built.
#   Every helper answers for every task, so that a task never drops out of a check because a field of it is missing.
package lib.tekton

import rego.v1

import data.lib.image

# All tasks, those of kinds unknown here included.
tasks(att) := found if {
	found := att.statement.predicate.buildConfig.tasks
	is_array(found)
} else := []

pipeline_task_name(task) := name if {
	name := task.name
	is_string(name)
} else := "<NAMELESS>"

# The task's reference. key and pinned_ref are what trusted task data is looked up by.
ref(task) := found if {
	task.ref.resolver == "bundles"
	params := _ref_params(task)
	parsed := image.parse(params.bundle)
	found := {
		"key": _bundle_key(parsed),
		"kind": lower(object.get(params, "kind", "task")),
		"name": params.name,
		"pinned_ref": parsed.digest,
		"tagged": parsed.tag != "",
	}
} else := found if {
	task.ref.resolver == "git"
	params := _ref_params(task)
	found := {
		"key": sprintf("%s//%s", [_git_url(params.url), params.pathInRepo]),
		"kind": lower(object.get(task.ref, "kind", "task")),
		"name": _label_name(task),
		"pinned_ref": _commit(params.revision),
		"tagged": true,
	}
} else := found if {
	object.get(task, "ref", {}) in [{}, null]

	# The definition stands in the Pipeline itself: it cannot change, and nobody vouches for it.
	found := {
		"key": "<UNKNOWN>",
		"kind": "task",
		"name": "<NAMELESS>",
		"pinned_ref": "<INLINED>",
		"tagged": true,
	}
} else := {
	"key": "<UNKNOWN>",
	"kind": "task",
	"name": _label_name(task),
	"pinned_ref": "",
	"tagged": true,
}

# The name in the Task's definition.
task_name(task) := ref(task).name

# The name with, for each parameter, the form "name[PARAM=value]".
task_names(task) := {name} | {parameterized |
	some key, value in params(task)
	is_string(value)
	parameterized := sprintf("%s[%s=%s]", [name, key, value])
} if {
	name := split(task_name(task), "[")[0]
}

ref_info(task) := sprintf("%s@%s", [ref(task).key, ref(task).pinned_ref])

params(task) := found if {
	found := task.invocation.parameters
	is_object(found)
} else := {}

param(task, name) := object.get(params(task), name, "")

label(task, name) := value if {
	value := task.invocation.environment.labels[name]
	is_string(value)
} else := ""

steps(task) := found if {
	found := task.steps
	is_array(found)
} else := []

results(task) := found if {
	found := task.results
	is_array(found)
} else := []

# The text of each result whose name ends so, by name.
texts(task, suffix) := {result.name: trim_space(result.value) |
	some result in results(task)
	endswith(result.name, suffix)
	is_string(result.value)
	trim_space(result.value) != ""
}

# What the task claims to have built, found by Chains' type hints: URL and digest.
outputs(task) := (_pairs(task, "IMAGE_URL", "IMAGE_DIGEST") | _pairs(task, "ARTIFACT_URI", "ARTIFACT_DIGEST")) | (_images(task) | _structured(task))

digests(task) := {output.digest | some output in outputs(task)}

# Every task that claims to have built something, the honest and the dishonest ones.
build_tasks(att) := [task |
	some task in tasks(att)
	count(outputs(task)) > 0
]

test_tasks(att) := [task |
	some task in tasks(att)
	count(test_outputs(task)) > 0
]

# Each TEST_OUTPUT of the task. One that is not a JSON object is {}, which no rule accepts.
test_outputs(task) := [_test_output(result) |
	some result in results(task)
	result.name in {"TEST_OUTPUT", "HACBS_TEST_OUTPUT"}
]

_test_output(result) := parsed if {
	is_string(result.value)
	json.is_valid(result.value)
	parsed := json.unmarshal(result.value)
	is_object(parsed)
} else := {}

_pairs(task, url_suffix, digest_suffix) := {{"url": url, "digest": digest} |
	some name, url in texts(task, url_suffix)
	digest := texts(task, digest_suffix)[concat("", [trim_suffix(name, url_suffix), digest_suffix])]
}

_images(task) := {{"url": parts[0], "digest": parts[1]} |
	some name, text in texts(task, "IMAGES")
	name == "IMAGES"
	some item in split(replace(text, "\n", ","), ",")
	parts := split(trim_space(item), "@")
	count(parts) == 2
}

_structured(task) := {{"url": uri, "digest": digest} |
	some result in results(task)
	endswith(result.name, "ARTIFACT_OUTPUTS")
	is_object(result.value)
	uri := object.get(result.value, "uri", "")
	digest := object.get(result.value, "digest", "")
	digest != ""
}

_ref_params(task) := {given.name: given.value | some given in task.ref.params}

_label_name(task) := name if {
	name := label(task, "tekton.dev/task")
	name != ""
} else := name if {
	name := task.ref.name
	is_string(name)
} else := "<NAMELESS>"

_bundle_key(parsed) := sprintf("oci://%s:%s", [parsed.repo, parsed.tag]) if {
	parsed.tag != ""
} else := sprintf("oci://%s", [parsed.repo])

_git_url(url) := with_suffix if {
	with_prefix := concat("", ["git+", trim_prefix(url, "git+")])
	with_suffix := concat("", [trim_suffix(with_prefix, ".git"), ".git"])
}

_commit(revision) := revision if {
	regex.match(`^[0-9a-f]{40}$`, revision)
} else := ""
