package bad

p if {
	q == @
}
