# METADATA
# title: Image references
# description: The parts of an OCI reference.
package lib.image

import rego.v1

# Repository, tag and digest; absent parts are "".
parse(ref) := {"repo": repo, "tag": tag, "digest": digest} if {
	parts := split(trim_space(ref), "@")
	count(parts) < 3
	digest := array.concat(parts, [""])[1]
	path := split(parts[0], "/")
	last := split(path[count(path) - 1], ":")
	count(last) < 3
	tag := array.concat(last, [""])[1]
	repo := concat("/", array.concat(array.slice(path, 0, count(path) - 1), [last[0]]))
} else := {"repo": "", "tag": "", "digest": ""}

# The digest of the image being validated, or "" if the input has none.
expected_digest := parse(expected_ref).digest

expected_ref := object.get(object.get(input, "image", {}), "ref", "")
