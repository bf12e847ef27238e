"""The verifier `judge`: a language model grades a reply."""
