"""The first page: what runs now, alerts, first steps."""
