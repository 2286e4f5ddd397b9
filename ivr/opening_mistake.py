"""What is wrong with opening hours that cannot be read, in plain words, and what was probably meant. Pure.

Called by `ivr/opening.py`. The library tells a place and names of its grammar; people who write hours know neither,
but they write the same few things: `Mon-Fri`, `8-16`, `08.00`, a dash from a word processor, `,` for `;`.
"""

from __future__ import annotations

import re

HOURS = '"Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off"'


class Misread(ValueError):
    """Opening hours cannot be used.

    near  a text that would be right, '' when none is near.  part  the piece of the text that is wrong, '' for all.
    """

    def __init__(self, wrong: str, expected: str = "", near: str = "", part: str = "") -> None:
        self.wrong, self.expected, self.near, self.part = wrong, expected, near, part
        super().__init__(wrong)


_PLACE = re.compile(r"--> 1:([0-9]+)")
_EXPECTED = re.compile(r"= expected (.*)")
_WORDS = {
    "timespan_plus": "`-` and a closing time such as 20:00",
    "extended_time": "a closing time such as 20:00",
    "timespan": "hours such as 08:00-20:00",
    "small_range_selectors": "days such as Mo-Fr",
    "weekday_range": "a day such as Mo",
    "month": "a month such as Dec",
    "weeknum": "the number of a week",
    "any_rule_separator": "`;` before the next part",
}


def not_understood(text: str, message: str) -> Misread:
    """Return the mistake the library tells as `message`, with its place."""
    place, expected = _PLACE.search(message), _EXPECTED.search(message)
    at = int(place[1]) - 1 if place else 0
    names = re.findall(r"\w+", expected[1]) if expected else []
    while 0 < at < len(text) and text[at - 1].isalpha() and text[at].isalpha():  # within a word: the word is wrong
        at, names = at - 1, ["small_range_selectors"]
    rest = text[at:]
    where = f"is not understood from character {at + 1} on, {_short(rest)!r}" if rest.strip() else "ends too early"
    words = [word for name, word in _WORDS.items() if name in names]
    wanted = f"{words[0]}: opening hours are written as {HOURS}" if words else f"opening hours such as {HOURS}"
    return Misread(f"{_short(text)!r} {where}" if text.strip() else "is empty", wanted, part=rest.strip())


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


# -- what was meant

_DAYS = {
    "Mo": "monday mon mo montag poniedziałek poniedzialek pon pn понедельник пн",
    "Tu": "tuesday tues tue tu dienstag di wtorek wto wt вторник вт",
    "We": "wednesday wed we mittwoch mi środa sroda śro śr sr среда ср",
    "Th": "thursday thurs thur thu th donnerstag do czwartek czw cz четверг чт",
    "Fr": "friday fri fr freitag piątek piatek pią pt пятница пт",
    "Sa": "saturday sat sa samstag sobota sob sb суббота сб",
    "Su": "sunday sun su sonntag so niedziela niedz nie ndz nd воскресенье вс",
    "PH": "ph holidays holiday święta swieta feiertag feiertage праздники",
    "Mo-Fr": "weekdays weekday workdays",
    "Sa-Su": "weekends weekend",
    "Mo-Su": "daily everyday codziennie täglich ежедневно",
    "off": "closed zamknięte zamkniete geschlossen закрыто",
}
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WORD_OF = {word: day for day, words in _DAYS.items() for word in words.split()}
_DAY = r"(?:Mo|Tu|We|Th|Fr|Sa|Su|PH)\b"
_AM_PM = re.compile(r"\b([0-9]{1,2})(?:[:.]([0-9]{2}))? ?([ap])\.?m\b\.?", re.IGNORECASE)
_CLOCK = r"([0-9]{1,2})(?:[:.h]?([0-9]{2}))?"
_RANGE = re.compile(rf"(?<![\w:.-]){_CLOCK} ?(?:-|to|until|till|do|bis|до) ?{_CLOCK}(?![\w:.])")


def repaired(text: str) -> str:
    """Return `text` as it was probably meant; whether that can be read, the caller tries."""
    found = re.sub(r"[‐‑‒–—−]", "-", re.sub(r"\s+", " ", re.sub(r"\s*\n\s*", "; ", text[:500].strip())))
    if re.fullmatch(r"(?:24 ?h(?:ours?)?|always|24-7|0-24)", found, re.IGNORECASE):
        return "24/7"
    found = re.sub(r"\b([0-9]{4})-([01][0-9])-([0-3]?[0-9])\b", _of_date, found)
    found = _AM_PM.sub(_of_half_day, found)
    found = _RANGE.sub(lambda m: f"{_clock(m[1], m[2])}-{_clock(m[3], m[4])}", found)
    found = re.sub(r"[^\W\d_]{2,}", lambda m: _WORD_OF.get(m[0].lower(), m[0]), found)
    found = re.sub(rf"({_DAY}) ?(?:-|to|bis|до) ?({_DAY})", r"\1-\2", found)
    found = re.sub(rf"({_DAY}),? (?:and |und |i |и )?(?={_DAY})", r"\1,", found)
    found = re.sub(rf"({_DAY}) ?: ?(?=[0-9o])", r"\1 ", found)
    found = re.sub(rf"(:[0-9]{{2}}|\boff\b|\bclosed\b) ?[,.;/]? ?(?:and )?(?={_DAY})", r"\1; ", found)
    found = re.sub(r"(:[0-9]{2})(?: and | i |; )(?=[0-9])", r"\1,", found)
    return found.strip(" ;,.")


def _of_date(found: re.Match[str]) -> str:
    return f"{found[1]} {_MONTHS[int(found[2]) % 13]} {int(found[3])}"


def _of_half_day(found: re.Match[str]) -> str:
    hour = int(found[1]) % 12 + (12 if found[3].lower() == "p" else 0)
    return f"{hour:02d}:{found[2] or '00'}"


def _clock(hour: str, minute: str | None) -> str:
    return f"{int(hour):02d}:{minute or '00'}"
