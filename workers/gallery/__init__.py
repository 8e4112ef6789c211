"""The gallery: one static page beside the results of a batch, on which its takes are looked at, compared and picked.

`looking` reads what the store has of a batch, `data` puts it into the page's form, `page` writes the page, and `keeper`
keeps it up to date while a batch runs. What the page does in a browser is in `page/`.
"""
