# METADATA
# title: Results
# description: What a rule returns, made from its annotations.
package lib.metadata

import rego.v1

# A result of the rule whose chain is given: its code, and its failure_msg filled in.
result(chain, params) := {
	"code": sprintf("%s.%s", [_package(chain[0].path), chain[0].annotations.custom.short_name]),
	"msg": sprintf(chain[0].annotations.custom.failure_msg, [_text(param) | some param in params]),
}

# The same with a term, by which one case can be excluded in the policy's configuration.
result_with_term(chain, params, term) := object.union(result(chain, params), {"term": term})

# The same with what the explanation of a denial shows: the pipeline task concerned, what was claimed, what was seen.
result_with_evidence(chain, params, term, evidence) := object.union(
	result_with_term(chain, params, term),
	{"evidence": evidence},
)

# The rule's name at the end is not part of the package.
_package(path) := concat(".", array.slice(path, 0, count(path) - 1))

# A message is never lost because a value is not the text it should be.
_text(value) := value if {
	is_string(value)
} else := json.marshal(value)
