"""What the examples share: running both front ends, the closing table, parts of the figures."""
