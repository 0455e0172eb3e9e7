# SPDX-License-Identifier: GPL-3.0-or-later
"""The process behind espeak.py: libespeak-ng by its C interface (speak_lib.h), which alone tells when each word is spoken. It
lives apart because the library has one voice for a whole process, and so that a hang or a crash costs one clause. It is started
without site packages and must import nothing of ours.

    argv:   voice, words a minute
    stdin:  u32 length, then text in UTF-8, for each clause
    stdout: u8 kind, i32 a, i32 b: RATE(a = Hz), then WORD(a = character it begins at, from 1; b = sample) and AUDIO(a bytes of
            s16le mono follow) in the order of time, then END, for each clause
"""

import ctypes
import struct
import sys

FRAME = struct.Struct("<Bii")
RATE, WORD, AUDIO, END = range(4)
LIBRARY = "libespeak-ng.so.1"

_SYNCHRONOUS, _BUFFER_MS, _DONT_EXIT = 2, 60, 0x8000
_CHARS_UTF8, _POS_CHARACTER = 1, 1
_PARAMETER_RATE = 1
_EVENT_END_OF_LIST, _EVENT_WORD = 0, 1


class _Event(ctypes.Structure):
    """espeak_EVENT."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class _Voice(ctypes.Structure):
    """espeak_VOICE."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


def main(voice: str, words_per_minute: str) -> int:
    """Serves clauses until its input ends; what can't be done goes to stderr."""
    try:
        lib = ctypes.CDLL(LIBRARY)
    except OSError as e:
        return _fail(str(e))
    rate = lib.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, None, _DONT_EXIT)
    if rate <= 0:
        return _fail("its data files can't be read")
    of_language = _Voice(languages=voice.encode())
    if lib.espeak_SetVoiceByName(voice.encode()) != 0 and lib.espeak_SetVoiceByProperties(ctypes.byref(of_language)) != 0:
        return _fail(f"no voice {voice!r}; espeak-ng --voices lists them")
    lib.espeak_SetParameter(_PARAMETER_RATE, int(words_per_minute), 0)
    said = _Callback(_take)
    lib.espeak_SetSynthCallback(said)
    lib.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint]
    lib.espeak_Synth.argtypes += [ctypes.c_void_p, ctypes.c_void_p]
    requests = sys.stdin.buffer
    while len(head := requests.read(4)) == 4:
        text = requests.read(int.from_bytes(head, "little"))
        _send(RATE, rate)
        if lib.espeak_Synth(text, len(text) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None) != 0:
            return _fail("a clause can't be spoken")
        _send(END)
    return 0


def _take(wav, samples, events):  # type: ignore[no-untyped-def]
    """t_espeak_callback: a piece of sound, and what happens in it. 0 = go on."""
    i = 0
    while events[i].type != _EVENT_END_OF_LIST:
        if events[i].type == _EVENT_WORD:
            _send(WORD, events[i].text_position, events[i].sample)
        i += 1
    if wav and samples > 0:
        _send(AUDIO, 2 * samples, 0, ctypes.string_at(wav, 2 * samples))
    return 0


def _send(kind: int, a: int = 0, b: int = 0, body: bytes = b"") -> None:
    sys.stdout.buffer.write(FRAME.pack(kind, a, b) + body)
    sys.stdout.buffer.flush()


def _fail(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (BrokenPipeError, KeyboardInterrupt):  # nobody listens any more
        sys.exit(1)
