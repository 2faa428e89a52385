"""The desks (办理平台) of office and companies: parse a request, call one use case, render."""
