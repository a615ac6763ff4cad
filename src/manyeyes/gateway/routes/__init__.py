"""The routes under /v1, one module for each topic. They read the request, call the master, and shape the answer."""
