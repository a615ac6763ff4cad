"""The first page: what runs now, what needs a person, what to do first."""
