"""The monitor: reads a published log as an outsider and trusts nobody's word (监测).

It shares no code with the sequencer but the pure functions of `signing`, so that one fault cannot
both write a false log and find it right.
"""
