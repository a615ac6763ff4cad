"""The HTTP API: every request and response as a model, one module per topic.

In: nothing. Out: what the routes of the gateway answer and read, and what the client sends and returns. What a
request or an answer looks like is described here alone; nothing here knows the master or the network.
"""
