package a.b.rules

p := 1
