package print_test

test_prints_and_fails if {
	print("hello", {"a": 1}, [input.x])
	print("again")
	1 == 2
}

test_prints_and_passes if {
	print("quiet")
}
