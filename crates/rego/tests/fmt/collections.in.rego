package example.collections

flat := [1,2,  3]

open := [
  1, 2,
  3, # three
  # before four
  4
  # before the bracket
]

table := {"b":1,"a":2,
"nested": {
"x": [ "y",
"z" ], "w": set() }}

numbers := { 1, 1.0, 2 }

members := { 3, 1,
 2 }

empty := [ ]

squares := [ y | some x in flat; y := x*x;x>1 ]

index := { name: item |
   some item in input.items
   name := item.name # by name
}

long_set := { item |
   some item in input.items
}

unions := {"k": (a | b), "l": c & d}

a := {1}

b := {2}

c := {3}

d := {4}
