package a.b

k := 1
