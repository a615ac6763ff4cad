"""The HTTP interface of a master: the fast path of pictures, routes, sign-in, problem details, the console's pages."""
