"""Names from chats: what they become, and where they can never lead."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dingtalk.filenames import MOST_BYTES, is_page, recognised, safe_name


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("合同 v2.pdf", "合同 v2.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\报价.xlsx", "报价.xlsx"),
        ("a\x00b\nc\x1b[31m.txt", "abc[31m.txt"),
        ("fdp.\u202eexe.pdf", "fdp.exe.pdf"),
        ("line\u2028break.txt", "linebreak.txt"),
        ('what? <is> "this"|*:.md', "what is this.md"),
        ("cafe\u0301.txt", "café.txt"),
        (".bashrc", "bashrc"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("trailing. ", "trailing"),
        ("no/", "file"),
        ("..", "file"),
        ("", "file"),
        ("\ud800", "file"),
    ],
)
def test_a_name_keeps_what_is_harmless(given_name: str, name: str) -> None:
    assert safe_name(given_name) == name


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_name("长" * 200 + ".pdf") == "长" * 38 + ".pdf"


def test_a_long_ending_is_none() -> None:
    assert len(safe_name("a." + "b" * 300)) == MOST_BYTES


@given(st.text(st.characters(codec=None)))
def test_no_name_leads_out_of_its_folder(given_name: str) -> None:
    name, folder = safe_name(given_name), Path("/folder")
    assert (folder / name).resolve().parent == folder


@given(st.text(st.characters(codec=None)) | st.text(alphabet="./\\ aü\x00\u202e"))
def test_every_name_fits_and_can_be_shown(given_name: str) -> None:
    name = safe_name(given_name)
    assert 0 < len(name.encode()) <= MOST_BYTES
    assert safe_name(name) == name
    assert not any(letter in "/\\\n\x00\u202e" for letter in name)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x89PNG\r\n\x1a\n....", "it.png"),
        (b"\xff\xd8\xff\xe0..JFIF", "it.jpg"),
        (b"GIF89a", "it.gif"),
        (b"RIFF....WEBPVP8 ", "it.webp"),
        (b"RIFF....WAVEfmt ", "it.wav"),
        (b"#!AMR\n", "it.amr"),
        (b"OggS", "it.ogg"),
        (b"....ftypisom", "it.mp4"),
        (b"....ftypheic", "it.heic"),
        (b"who knows", "it.file"),
        (b"", "it.file"),
    ],
)
def test_a_file_is_called_by_what_it_is(head: bytes, name: str) -> None:
    assert recognised("it.file", head) == name


@pytest.mark.parametrize(
    ("head", "page"),
    [
        (b"<!DOCTYPE html><html>", True),
        (b"\xef\xbb\xbf\r\n <HTML lang=en>", True),
        (b"<?xml version='1.0'?>", False),
        (b"%PDF-1.7 <html>", False),
    ],
)
def test_a_web_page_is_known_by_its_beginning(head: bytes, page: bool) -> None:
    assert is_page(head) is page
