"""Proxies, certificates and a DingTalk behind them: what stands between this service and the platform."""
