package strict

import data.unused
import input.x as y

p if {
	a := 1
	input.b
}

f(q, r) := q
