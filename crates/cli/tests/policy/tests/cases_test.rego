package cases_test

test_concat[note] if {
	some note, tc in {
		"empty": {"a": [], "b": [], "want": []},
		"one": {"a": [1], "b": [], "want": [1]},
	}
	array.concat(tc.a, tc.b) == tc.want
}

test_add[tc.note] if {
	some tc in [
		{"note": "right", "a": 1, "b": 2, "want": 3},
		{"note": "wrong", "a": 1, "b": 2, "want": 4},
	]
	tc.a + tc.b == tc.want
}

test_groups[group][note] if {
	some group, cases in {"g": {"a": 1, "b": 2}, "h": {"c": 3}}
	some note, n in cases
	n < 3
}
