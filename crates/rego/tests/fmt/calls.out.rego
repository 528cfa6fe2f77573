package example.calls

p if {
	concat(", ", ["a", "b"]) == "a, b"
	f(
		1,
		2, 3,
	)
	x := count([
		1, 2, # inner
		3,
	])
	(x + (1 * 2)) - (3 % 2) > 0
	y := x
	not g(y) with input as {"a": 1} with data.b as [2]
	g(y) with input as {"a": 1}
		with data.b as [2]
	1 in [1]
	"k", 1 in {"k": 1}
	z := ("k", 1 in {"k": 1})
	z == true
	input.a.b["c d"][y].if
}

f(
	a, b,
	c,
) := (a + b) + c

f(_, `raw\d`, c) if c == 1

g(_) := true
