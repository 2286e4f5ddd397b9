"""What is said beside the text of ops: when it will be over, how old the news is, that it is over. Pure tables.

Read by `wording`. {time} and {begin} are times of day, {day} and {begin_day} days as DAYS says them. The words before a
time choose its case: "od 18:00" is spoken "od godziny osiemnastej" (ivr/speech/expand.py).
"""

from __future__ import annotations

UNKNOWN, TODAY, TOMORROW, LATER, PASSED = "unknown", "today", "tomorrow", "later", "passed"
RANGE, RANGE_TODAY, RANGE_DAYS, BEGINS = "range", "range_today", "range_days", "begins"
YESTERDAY, EARLIER = "yesterday", "earlier"
Sentences = dict[str, dict[str, str]]

OUTAGES: Sentences = {
    "pl": {
        UNKNOWN: "Nie wiemy jeszcze, kiedy usługa będzie znów działać.",
        TODAY: "Przewidywany czas usunięcia awarii: {time}.",
        TOMORROW: "Przewidywany czas usunięcia awarii: jutro, {time}.",
        LATER: "Przewidywany czas usunięcia awarii: {weekday}, {date}, {time}.",
        RANGE_TODAY: "Przewidywany czas usunięcia awarii: od {begin} do {time}.",
        RANGE: "Przewidywany czas usunięcia awarii: {day}, od {begin} do {time}.",
        RANGE_DAYS: "Przewidywany czas usunięcia awarii: od {begin} {begin_day} do {time} {day}.",
        PASSED: "Naprawa trwa dłużej, niż zakładaliśmy. Nadal pracujemy, nowego terminu jeszcze nie znamy.",
    },
    "ru": {
        UNKNOWN: "Время восстановления пока неизвестно.",
        TODAY: "Ожидаемое время восстановления: {time}.",
        TOMORROW: "Ожидаемое время восстановления: завтра, {time}.",
        LATER: "Ожидаемое время восстановления: {weekday}, {date}, {time}.",
        RANGE_TODAY: "Ожидаемое время восстановления: с {begin} до {time}.",
        RANGE: "Ожидаемое время восстановления: {day}, с {begin} до {time}.",
        RANGE_DAYS: "Ожидаемое время восстановления: с {begin} {begin_day} до {time} {day}.",
        PASSED: "Ремонт занимает больше времени, чем ожидалось. Мы продолжаем, новый срок пока неизвестен.",
    },
    "en": {
        UNKNOWN: "We do not know yet when the service will be back.",
        TODAY: "We expect the service to be back by {time}.",
        TOMORROW: "We expect the service to be back tomorrow by {time}.",
        LATER: "We expect the service to be back on {weekday}, {date}, by {time}.",
        RANGE_TODAY: "We expect the service to be back between {begin} and {time}.",
        RANGE: "We expect the service to be back {day} between {begin} and {time}.",
        RANGE_DAYS: "We expect the service to be back between {begin} {begin_day} and {time} {day}.",
        PASSED: "The repair is taking longer than expected. We are still working, and have no new time yet.",
    },
}
WORK: Sentences = {
    "pl": {
        UNKNOWN: "Nie wiemy jeszcze, kiedy prace się skończą.",
        TODAY: "Przewidywany koniec prac: {time}.",
        TOMORROW: "Przewidywany koniec prac: jutro, {time}.",
        LATER: "Przewidywany koniec prac: {weekday}, {date}, {time}.",
        RANGE_TODAY: "Prace odbędą się dzisiaj, od {begin} do {time}.",
        RANGE: "Prace odbędą się {day}, od {begin} do {time}.",
        RANGE_DAYS: "Prace odbędą się od {begin} {begin_day} do {time} {day}.",
        BEGINS: "Prace zaczną się {begin_day} o {begin}.",
        PASSED: "Prace trwają dłużej, niż planowaliśmy. Nowego terminu jeszcze nie znamy.",
    },
    "ru": {
        UNKNOWN: "Когда работы закончатся, пока неизвестно.",
        TODAY: "Ожидаемое окончание работ: {time}.",
        TOMORROW: "Ожидаемое окончание работ: завтра, {time}.",
        LATER: "Ожидаемое окончание работ: {weekday}, {date}, {time}.",
        RANGE_TODAY: "Работы пройдут сегодня, с {begin} до {time}.",
        RANGE: "Работы пройдут {day}, с {begin} до {time}.",
        RANGE_DAYS: "Работы пройдут с {begin} {begin_day} до {time} {day}.",
        BEGINS: "Работы начнутся {begin_day} в {begin}.",
        PASSED: "Работы занимают больше времени, чем планировалось. Новый срок пока неизвестен.",
    },
    "en": {
        UNKNOWN: "We do not know yet when the work will be finished.",
        TODAY: "We expect the work to be finished by {time}.",
        TOMORROW: "We expect the work to be finished tomorrow by {time}.",
        LATER: "We expect the work to be finished on {weekday}, {date}, by {time}.",
        RANGE_TODAY: "Work is planned today from {begin} until {time}.",
        RANGE: "Work is planned {day} from {begin} until {time}.",
        RANGE_DAYS: "Work is planned from {begin} {begin_day} until {time} {day}.",
        BEGINS: "The work begins {begin_day} at {begin}.",
        PASSED: "The work is taking longer than planned. We have no new time yet.",
    },
}
AGE: Sentences = {
    "pl": {
        TODAY: "Ostatnia aktualizacja o {time}.",
        YESTERDAY: "Ostatnia aktualizacja wczoraj o {time}.",
        EARLIER: "Ostatnia aktualizacja {day} o {time}.",
    },
    "ru": {
        TODAY: "Обновлено в {time}.",
        YESTERDAY: "Обновлено вчера в {time}.",
        EARLIER: "Обновлено {day} в {time}.",
    },
    "en": {
        TODAY: "This is as of {time}.",
        YESTERDAY: "This is as of yesterday, {time}.",
        EARLIER: "This was said {day} at {time}.",
    },
}
WORKS_AGAIN: Sentences = {
    "pl": {
        "": "Usługa już działa.",
        "internet": "Internet już działa.",
        "tv": "Telewizja już działa.",
        "phone": "Telefon już działa.",
        "mobile": "Sieć komórkowa już działa.",
        "thanks": "Dziękujemy za cierpliwość.",
    },
    "ru": {
        "": "Услуга снова работает.",
        "internet": "Интернет снова работает.",
        "tv": "Телевидение снова работает.",
        "phone": "Телефон снова работает.",
        "mobile": "Мобильная связь снова работает.",
        "thanks": "Спасибо за терпение.",
    },
    "en": {
        "": "The service works again.",
        "internet": "The internet works again.",
        "tv": "Television works again.",
        "phone": "The telephone works again.",
        "mobile": "The mobile network works again.",
        "thanks": "Thank you for your patience.",
    },
}
DAYS: Sentences = {
    "pl": {TODAY: "dzisiaj", TOMORROW: "jutro", LATER: "{on_weekday}, {date},"},
    "ru": {TODAY: "сегодня", TOMORROW: "завтра", LATER: "{on_weekday}, {date},"},
    "en": {TODAY: "today", TOMORROW: "tomorrow", LATER: "{on_weekday}, {date},"},
}
WEEKDAYS = {
    "pl": ("poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota", "niedziela"),
    "ru": ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
ON_WEEKDAYS = {
    "pl": ("w poniedziałek", "we wtorek", "w środę", "w czwartek", "w piątek", "w sobotę", "w niedzielę"),
    "ru": ("в понедельник", "во вторник", "в среду", "в четверг", "в пятницу", "в субботу", "в воскресенье"),
    "en": tuple(f"on {day}" for day in WEEKDAYS["en"]),
}
MONTHS = {
    "pl": ("stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września",
           "października", "listopada", "grudnia"),
    "ru": ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября",
           "ноября", "декабря"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
}  # fmt: skip
