package p

default allow := false

allow if input.user == "bob"

allow if {
	some role in data.roles
	role == input.role
}

greet(x) := sprintf("hi %s", [x])

names contains n if some n in ["a", "b"]

broken := 1 / input.zero

nested.deep.rule := {"k": {1, 2}, "<&>": null}
