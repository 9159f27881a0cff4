"""`faq:[DIR]`: answers from a folder of Markdown. The agent is in `agent.py`."""
