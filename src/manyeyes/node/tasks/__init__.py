"""Tasks on a node: credits to gateways, dispatches in, outcomes out."""
