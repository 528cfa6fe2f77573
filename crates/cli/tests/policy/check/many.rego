package many

p if foo(1)

q if bar(1)

r if baz(1)
