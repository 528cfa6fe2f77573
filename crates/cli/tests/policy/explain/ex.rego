package ex

p if {
	x := q[_]
	x > 1
	trace(sprintf("x is %d", [x]))
	not r(x)
}

q := [1, 2, 3]

r(y) if y == 2
