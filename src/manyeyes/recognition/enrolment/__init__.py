"""Enrolment: the quality of photos, people who look alike, and the face crops to store."""
