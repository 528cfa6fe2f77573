package example.old

import rego.v1

import data.a.b

default allow := false

allow if {
	input.x in [1]
	not deny
}

allow if input.y

deny contains msg if msg := "no" # set
deny contains msg if {
	msg = sprintf("%s", [input.z])
}

# another body

deny contains msg if {
	msg = "never"
}

table[key] := value if value := input.table[key]

area(w, h) := w * h
area(w, h) := 0 if w < 0

else := 1 if h == 1
