"""`people add FOLDER`: finds the photos of each person, sends them, and says what was noticed."""
