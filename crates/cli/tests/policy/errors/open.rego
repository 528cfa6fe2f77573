package bad

p if {