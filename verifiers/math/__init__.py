"""Mathematical answers, read by our own parser and compared in layers from cheap to dear, with a reason each."""
