package bad

p if foo(1)
