"""How a question is put to a back end that takes one text: what was quoted and what could not be sent along are told
apart from what the person asks. Pure."""

from collections.abc import Sequence

from actors.core.question import Attachment, Question

QUOTED = "引用的消息 / Quoted message:"
ONLY_ATTACHED = "（只发来了附件 / Only attachments were sent）"
NOT_SENT = "无法转交的附件 / Attachments that could not be passed on:"


def as_text(question: Question, not_sent: Sequence[Attachment] = ()) -> str:
    """The question in one text. Each line of a quote is marked as one, so that no quote passes for what is asked."""
    parts = [question.text or ONLY_ATTACHED]
    if question.quote:
        quoted = "\n".join(f"> {line}".rstrip() for line in question.quote.splitlines())
        parts.insert(0, f"{QUOTED}\n{quoted}")
    if not_sent:
        names = ", ".join(attachment.name or attachment.kind for attachment in not_sent)
        parts.append(f"{NOT_SENT} {names}")
    return "\n\n".join(parts)
