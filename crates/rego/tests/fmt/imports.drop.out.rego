package example.imports

# For old engines.

# not needed
import data.a
import data.b

p if 1 in data.b
