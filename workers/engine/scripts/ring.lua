-- Wake a pump: something has become possible.
ring()
return 1
