"""The Segment Editor effect MedMeta: the same work for users who live in the Segment Editor."""
