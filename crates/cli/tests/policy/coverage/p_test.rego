package p_test

import data.p

test_user if p.allow with input as {"user": "bob", "roles": ["x"]}

test_many if {
	every x in [1, 2] {
		x > 0
	}
	ys := [y |
		some y in [1, 2]
		y > 1
	]
	ys == [2]
}

helper(x) := 1 if {
	x > 1
} else := 2 if {
	x < 0
} else := 3
