"""Embeddings to names: galleries, their files, the nearest photos, and what a distance means."""
