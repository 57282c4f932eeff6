"""The pages for people: one file a page, each with its address; whole, so that they are right without any script."""
