"""The default path of face_recognition 1.3.0 as calls to dlib's wheel, for bench/recogniser.py.

Runs in an environment of its own: `dlib_path.py SHAPE_PREDICTOR RESNET wall|cpu`, then the same lines as dlib_path.cpp.
"""

import sys
import time

import dlib
import numpy as np

clock = time.thread_time if sys.argv[3] == "cpu" else time.perf_counter
detector = dlib.get_frontal_face_detector()
predictor = dlib.shape_predictor(sys.argv[1])
network = dlib.face_recognition_model_v1(sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    width, height, path = line.rstrip("\n").split(" ", 2)
    image = np.fromfile(path, np.uint8).reshape(int(height), int(width), 3)
    start = clock()
    boxes = detector(image, 1)
    found = clock()
    shapes = [predictor(image, box) for box in boxes]
    aligned = clock()
    for shape in shapes:
        network.compute_face_descriptor(image, shape, 1)
    end = clock()
    parts = (found - start, aligned - found, end - aligned)
    print(len(boxes), *(part * 1000 for part in parts), flush=True)
