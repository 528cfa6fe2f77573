package a
p {