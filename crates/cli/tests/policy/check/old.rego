package old

p { true }
