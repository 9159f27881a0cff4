"""How long to wait before the next try. The curve is tenacity's; the randomness is handed in.

One policy serves all three scopes (stream, openapi, agent), so that the operator learns one set of settings.
"""
