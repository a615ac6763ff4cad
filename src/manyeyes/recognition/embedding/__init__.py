"""Faces to embeddings: cut upright, then run through dlib's ResNet or an embedder of the ArcFace kind."""
