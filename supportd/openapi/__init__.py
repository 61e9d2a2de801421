"""The public API as an OpenAPI 3.1 document, and as a page for people."""
