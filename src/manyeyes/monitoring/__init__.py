"""What people see of the service: metrics, the last hour, alerts, recent pictures, logs of all machines.

In: events of pictures and nodes, log lines. Out: Prometheus metrics, health, alerts, change events for open pages. Nothing here
changes what the service does.
"""
