# METADATA
# title: A package
package example.shapes # the package

import data.lib.arrays # lists
import data.lib.time
import input.request as req

import data.zoo["if"].cages

# Above an import.
import data.config

default allow := false

# METADATA
# title: Who may
# custom:
#  severity: high
allow if req.user == "root" # at the end

allow if {
	some role in req.roles
	role.name == "admin"

	# between

	# far below
	not denied[role] # behind
	# last in the body
}

one := 1
two := 2

three := 3

# At the end of the file.
