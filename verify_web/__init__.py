"""The public verification site: reads what the registry publishes and believes none of it.

Every answer is `signing.verify`'s, over proofs rebuilt for each request from the published
log. This package never imports `registry`; the two meet at `signing.mirror` only, so a fault
here can leak at most the published directory and can neither sign nor write.
"""
