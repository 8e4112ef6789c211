"""Chains: shots whose takes take up what takes of other shots have brought, and shots whose takes wait to be picked.

`links` reads what is written, `pairing` says which take goes with which, `graph` what hangs together in a manifest and
what of it doesn't, `promoting` makes a shot out of another one, `parents` tells the parents of a take by its index, and
`picking` which takes wait until a person has picked.
"""
