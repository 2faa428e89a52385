"""The bytes of an upload (上报): rows, manifest, package and receipt; pure, strict, two-sided."""
