"""What pykka lacks: a death watch, supervision, and effects that answer by message. Knows nothing of DingTalk."""
