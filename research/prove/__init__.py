"""Whether our limits stop before a firm's rule is broken: histories played against an independent judge."""
