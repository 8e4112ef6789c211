"""What is to be rendered: manifest in, takes and a plan out.

Pure. Nothing in here touches the network, Redis or a clock, and nothing in here knows `workers`.
"""
