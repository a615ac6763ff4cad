"""Faces and their landmarks in a picture: CenterFace, YuNet and SCRFD."""
