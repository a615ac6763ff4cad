"""The people: enrolment, faces without a name, references, the threshold, and the gallery that nodes ask for.

In: outcomes of the face pack, and what operators do with people. Out: persons, groups of unknown faces, the gallery's
changes. How faces are grouped and compared on the master may be changed here alone; nothing here knows nodes.
"""
