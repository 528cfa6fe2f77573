package example.old

import data.a.b
import future.keywords.in

default allow=false

allow { input.x in [1]; not deny }
allow = true { input.y }

deny[msg] { msg := "no" } # set
deny[msg] {
  msg = sprintf("%s", [input.z])
} { # another body
  msg = "never"
}

table[key] = value { value := input.table[key] }

area(w, h) = w * h
area(w, h) = 0 { w < 0 } else = 1 { h == 1 }
