"""The gallery on a node's disk: fetched as changes, compacted in a process of low priority, mapped by workers."""
