package p

q := data.a.b.k + 1
