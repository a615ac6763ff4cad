"""A pack's ONNX files: what its manifest says about them, how they are opened and fed."""
