package example.rules

color := "red" if { input.hot } else := "blue" if {
  input.cold
  input.dry
} else := "grey"

size := 1 if {
  input.small
}
# neither small nor
else := 3 if input.large

else := 2

grants contains role if some role in input.roles

grants contains "guest"

owners.by.name[name] := owner if {
  some owner in input.owners
  name := owner.name
}

owners.all[_].seen if input.seen

every_one if {
  every k, v in input.map {
    k != ""   # a key
    v > 0
  }
  every x in [1,2] { x > 0 }
}

declared if {
  some i, j
  input.a[i] == input.b[j]
  some k, v in input.c
  k == v
}

check(x) := "number" if is_number(x)

check(x) := "string" if { is_string(x) }

message := $"hello {input.name}, {1 + 1} and \{no}"

page := $`line {input.a}
{ # why
 input.b }`

chained if { input.a } { input.b }
