"""What a manifest can say, value by value: how each is written, and what is read from it.

`readers` has the fields of a take, `terms` what is set for a batch beside its takes, `amounts` money, `references`
images and videos, `templates` prompts, and `spellings` what the same is called elsewhere.
"""
