package a.p

q := data.a.n
