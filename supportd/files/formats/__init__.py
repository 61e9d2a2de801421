"""The formats: for each, what makes a file whole by its own specification. Nothing is decoded."""
