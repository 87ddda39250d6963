"""The chapter's networks, live: what is set on the page, its data, its code, and its steps."""
