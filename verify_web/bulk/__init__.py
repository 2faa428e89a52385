"""Bulk check for employers (批量查验): a spreadsheet in, a coloured one and a signed receipt out.

Reads the published mirror and log as every page of the site does, and never the registry. What
must outlive a restart stands in the site's state file, sealed; the answers of a job are made and
signed by the working process (`verify_web.work`), never by one that a browser can reach.
"""
