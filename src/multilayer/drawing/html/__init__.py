"""A report of training runs as one HTML file that needs nothing beside it.

`content` declares what a page shows, `page` writes it; the charts are SVG in the page.
"""
