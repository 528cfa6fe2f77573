package types

p if count(1) > 0

q := 1 + "a"

r if {
	x := {"a": 1}
	x.b
}
