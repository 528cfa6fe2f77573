package p

default allow := false

allow if {
	input.user == "bob"
	count(input.roles) > 0
}

deny contains role if {
	some role in data.roles
	role == input.role
}
