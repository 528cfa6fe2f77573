package a
import rego.v1
p  if {
x:=1
   x==1
}
