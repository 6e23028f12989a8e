"""The record an audit reads: moments, spans, the timeline, anchors, and whether all of it is as decided."""
