package p

default allow := false

allow if input.user == "bob"

allow if {
	input.role in data.roles
}
