"""Pages: access, input, act, render. One module a noun."""
