"""The holder's page (持证人服务): codes, certificates with their chain, copies, links, requests.

It knows nothing of the registry but the exchange (`signing.exchange`).
"""
