"""
Bridges to other libraries, each imported by its own name and never by the core.

`aiohttp_web` and `asgi` receive the gateway's callbacks.
"""
