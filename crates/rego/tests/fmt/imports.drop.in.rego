package example.imports

# For old engines.
import rego.v1
import future.keywords.in # not needed
import data.b
import data.a

p if 1 in data.b
