"""Bytes at rest: objects by digest, manifests by key, and a catalogue that can be rebuilt from them."""
