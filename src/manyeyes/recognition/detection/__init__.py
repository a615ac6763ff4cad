"""Faces and their landmarks in a picture: MTCNN, YuNet and SCRFD."""
