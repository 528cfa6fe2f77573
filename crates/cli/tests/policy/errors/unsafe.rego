package bad

p contains x if true
