package a.b.k

z := 1
