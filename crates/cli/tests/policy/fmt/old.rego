package a

p { true }
