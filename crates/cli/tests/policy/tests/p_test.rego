package p_test

import data.p

test_user if p.allow with input as {"user": "bob"}

test_role if p.allow with input as {"role": "dev"}

test_fails if {
	x := 1
	x == 2
}

todo_test_later if false

test_value := "not a boolean"

test_false := false

inner.test_ref if true

test_same if true

test_same if false
