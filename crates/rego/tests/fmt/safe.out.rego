package example.safe

# What OPA would write of these is another module, or has lost a comment.

order if 1 == (1 == 1)

nested if (1 in [1]) == true

same_text := {"key": "value" | true}

merged := [ # first
  # second
  1,
]

kept := [ # opening
  {"a": 1 }, # closing
]

f(x) := "a" if x == 1

else := "b" if x == "c"
