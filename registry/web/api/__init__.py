"""The machine API (机器接口): what the desks do, as JSON under `/api/v1`, from one table.

A row of the table declares method, address, roles, what is taken and what is given. The routes,
the decisions of the gate and the OpenAPI document all come from it, so none can say otherwise.
"""
