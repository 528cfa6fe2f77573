# top
package a

# METADATA
# title: t
p := 1 # end

q contains x if some x in [1]
