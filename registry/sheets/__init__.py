"""Spreadsheets in and out: template, reading in a limited worker, report of findings."""
