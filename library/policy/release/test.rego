# METADATA
# title: Test
# description: The pipeline ran tests, and none of them failed.
package test

import rego.v1

import data.lib.attestation
import data.lib.metadata
import data.lib.rule_data
import data.lib.tekton

# METADATA
# title: No informative tests failed
# description: A test whose failure does not stop a release has failed.
# custom:
#   short_name: no_failed_informative_tests
#   failure_msg: The Task %q from the build Pipeline reports a failed informative test
#   solution: Read the task's log.
#   collections:
#   - redhat
#   depends_on:
#   - test.test_data_found
warn contains result if {
	some name in _resulted_in("failed_tests_results", "failures")
	name in rule_data.get("informative_tests")
	result := metadata.result_with_term(rego.metadata.chain(), [name], name)
}

# METADATA
# title: No tests produced warnings
# description: No test has the result WARNING.
# custom:
#   short_name: no_test_warnings
#   failure_msg: The Task %q from the build Pipeline reports a test contains warnings
#   solution: Read the task's log.
#   collections:
#   - redhat
#   depends_on:
#   - test.test_data_found
warn contains result if {
	some name in _resulted_in("warned_tests_results", "warnings")
	result := metadata.result_with_term(rego.metadata.chain(), [name], name)
}

# METADATA
# title: Test data found in task results
# description: At least one task of the pipeline has the result TEST_OUTPUT.
# custom:
#   short_name: test_data_found
#   failure_msg: No test data found
#   solution: >-
#     Add a task that tests or scans and writes the result TEST_OUTPUT, such as sast-unicode-check of the library.
#   collections:
#   - redhat
#   depends_on:
#   - attestation_type.known_attestation_type
deny contains result if {
	some att in attestation.pipelineruns
	count(_tests_of(att)) == 0
	result := metadata.result(rego.metadata.chain(), [])
}

# METADATA
# title: Test data includes results key
# description: Each TEST_OUTPUT is a JSON object with the key result.
# custom:
#   short_name: test_results_found
#   failure_msg: Found tests without results
#   solution: 'Write TEST_OUTPUT as {"result": "SUCCESS", "timestamp": ..., "successes": 1, "failures": 0, "warnings": 0}.'
#   collections:
#   - redhat
#   depends_on:
#   - test.test_data_found
deny contains result if {
	some test in _tests
	not "result" in object.keys(test.value)
	result := metadata.result_with_term(rego.metadata.chain(), [], test.name)
}

# METADATA
# title: No unsupported test result values found
# description: Each test has one of the results that the policy knows.
# custom:
#   short_name: test_results_known
#   failure_msg: The Task %q from the build Pipeline has an unsupported test result %q
#   solution: Let the task write one of the results listed under "supported_tests_results" in the rule data.
#   collections:
#   - redhat
#   depends_on:
#   - test.test_data_found
deny contains result if {
	some test in _tests
	found := test.value.result
	not found in rule_data.get("supported_tests_results")
	result := metadata.result_with_term(rego.metadata.chain(), [test.name, found], test.name)
}

# METADATA
# title: No tests failed
# description: No test that can stop a release has failed.
# custom:
#   short_name: no_failed_tests
#   failure_msg: The Task %q from the build Pipeline reports a failed test
#   solution: >-
#     Read the task's log, correct what it found, and build again.
#   collections:
#   - redhat
#   depends_on:
#   - test.test_data_found
deny contains result if {
	some name in _resulted_in("failed_tests_results", "failures")
	not name in rule_data.get("informative_tests")
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[name],
		name,
		{"pipeline_tasks": [name], "claimed": _outputs_of(name)},
	)
}

# METADATA
# title: No tests erred
# description: No test ended with an error of its own.
# custom:
#   short_name: no_erred_tests
#   failure_msg: The Task %q from the build Pipeline reports a test erred
#   solution: Read the task's log, correct the cause, and build again.
#   collections:
#   - redhat
#   depends_on:
#   - test.test_data_found
deny contains result if {
	some name in _resulted_in("erred_tests_results", "")
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[name],
		name,
		{"pipeline_tasks": [name], "claimed": _outputs_of(name)},
	)
}

# METADATA
# title: No tests were skipped
# description: No test was left out because something it needs is missing.
# custom:
#   short_name: no_skipped_tests
#   failure_msg: The Task %q from the build Pipeline reports a test was skipped
#   solution: Give the task what it needs; its log says what that is.
#   collections:
#   - redhat
#   depends_on:
#   - test.test_data_found
deny contains result if {
	some name in _resulted_in("skipped_tests_results", "")
	result := metadata.result_with_evidence(
		rego.metadata.chain(),
		[name],
		name,
		{"pipeline_tasks": [name], "claimed": _outputs_of(name)},
	)
}

# Each TEST_OUTPUT with the name of its pipeline task.
_tests_of(att) := [test |
	some task in tekton.tasks(att)
	some value in tekton.test_outputs(task)
	test := {"name": tekton.pipeline_task_name(task), "value": value}
]

_tests := [test |
	some att in attestation.pipelineruns
	some test in _tests_of(att)
]

_outputs_of(name) := concat("; ", [sprintf("TEST_OUTPUT %s", [json.marshal(test.value)]) |
	some test in _tests
	test.name == name
])

# The tasks whose result is one of those listed, or which count one under the key.
_resulted_in(list, key) := {test.name |
	some test in _tests
	_did(test.value, rule_data.get(list), key)
}

_did(value, results, _) if value.result in results

_did(value, _, key) if value[key] > 0
