"""Photos to enrol and photos enrolled: how good they are, whom they look like, what is kept of the face."""
