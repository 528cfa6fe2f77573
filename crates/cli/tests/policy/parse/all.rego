package a.b

import data.x as y
import rego.v1

default p := {"a": {1, 2}}

f(x, _) := [y | y := x[_]] if {
	not x.a
	every k, v in x { v > 1 with input as {} }
	z := {k: v | some k, v in x}
} else := "other" if true
q.r[s] contains t if { some s, t; s = t }
