"""Photos to enrol and photos enrolled: how good they are, which people look alike, what is kept of the face."""
