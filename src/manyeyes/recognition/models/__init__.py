"""A pack's ONNX files: their parts of the manifest, their sessions and their input tensors."""
