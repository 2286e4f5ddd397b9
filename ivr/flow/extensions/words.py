"""What Asterisk's applications, functions and sounds are in a dialplan of Hotline. Pure data, and names made of theirs.

Used by `flow/extensions/`. What docs/import-asterisk.md calls not converted has its advice here: a test looks.
"""

from __future__ import annotations

import re
import unicodedata

SILENT = frozenset({
        "answer", "noop", "verbose", "log", "ringing", "progress", "proceeding", "resetcdr", "nocdr", "wait", "forkcdr",
        "setmusiconhold", "macroexit", "stopmixmonitor", "dumpchan", "setamaflags", "waitforsilence", "setcallerpres",
        "donothing", "stackpop",
})  # fmt: skip
"""Applications that change nothing a caller of Hotline would notice."""

ADVICE = {
    "agi": ("a program leads the call", "a `webhook` step asks your server and goes on by its answer"),
    "system": ("a program is run", "a `webhook` step tells your server what happened"),
    "disa": ("callers would dial out on your account", "nothing: a flow reaches only its [targets]"),
    "execif": ("its condition is known only in the call", "a `branch` step, with a step of its own for the rest"),
    "exec": ("the application is named only in the call", "the step itself"),
    "macro": ("Asterisk has no macros any more", "write the steps, or a flow of their own and an `invoke` step"),
    "gosub": ("the subroutine is not in the files given", "a flow of its own and an `invoke` step"),
    "while": ("a loop over a condition", "a `menu` step with `tries`"),
    "endwhile": ("a loop over a condition", "a `menu` step with `tries`"),
    "record": ("records the caller", "a `message` step"),
    "voicemailmain": ("an owner listens to his mailbox", "`ivr message list` and the web page show messages"),
    "authenticate": ("a password by keys", "a `collect` step with `secret = true` and a `webhook` that checks it"),
    "directory": ("a directory of names", "a `menu` step"),
    "dial": ("it is no fixed phone that PJSIP can dial", "a name in [targets] of numbers.toml and a `transfer` step"),
    "queue": ("the queue is named only in the call", "a `queue` step for each queue"),
    "mixmonitor": ("starts a recording", "calls are recorded as the settings say"),
    "monitor": ("starts a recording", "calls are recorded as the settings say"),
    "saydigits": ("speaks digits", "a `say` step with `digits`"),
    "saynumber": ("speaks a number", "a `say` step with `number`"),
    "sayalpha": ("spells a text", "a `say` step with a prompt of its own"),
    "sayphonetic": ("spells a text", "a `say` step with a prompt of its own"),
    "sayunixtime": ("speaks a time", "nothing says the time yet"),
    "festival": ("speaks a text", "a prompt with that text in prompts/<language>.toml"),
    "picotts": ("speaks a text", "a prompt with that text in prompts/<language>.toml"),
    "confbridge": ("a conference", "a `transfer` to a phone that offers one"),
    "meetme": ("a conference", "a `transfer` to a phone that offers one"),
    "page": ("pages phones", "nothing"),
    "park": ("parks the call", "a `queue` step"),
    "parkedcall": ("picks up a parked call", "nothing"),
    "pickup": ("picks up a ringing phone", "nothing"),
    "chanspy": ("listens in on calls", "nothing: that is no caller's affair"),
    "followme": ("rings one number after another", "a `queue` step with agents"),
    "transfer": ("asks the caller's network to redirect", "a `transfer` step"),
    "musiconhold": ("music for ever", "a `queue` step plays music while somebody is looked for"),
    "waitmusiconhold": ("music for some seconds", "nothing: a pause is silence"),
    "senddtmf": ("sends keys", "nothing"),
    "sipaddheader": ("adds a SIP header", "nothing: set it in pjsip.conf"),
    "userevent": ("an AMI event for other programs", "a `webhook` step"),
    "celgenuserevent": ("an event for other programs", "a `webhook` step"),
    "db": ("reads Asterisk's database", "a `webhook` step, or a variable with a `set` step"),
    "dbdel": ("changes Asterisk's database", "a `webhook` step"),
    "curl": ("asks a web server", "a `webhook` step"),
    "odbc": ("asks a database", "a `webhook` step"),
    "shell": ("runs a program", "a `webhook` step"),
    "callerid": ("changes the caller's number or name", "nothing: agents see who really calls"),
    "addqueuemember": ("signs an agent in", "agents sign in by phone or page; `ivr agent` adds them"),
    "removequeuemember": ("signs an agent out", "agents sign out by phone or page"),
    "pausequeuemember": ("pauses an agent", "agents pause by phone or page"),
    "unpausequeuemember": ("ends an agent's pause", "agents end it by phone or page"),
    "privacymanager": ("asks for a number", "a `collect` step"),
    "lookupblacklist": ("a list of unwanted callers", "`caller` and `class` in a `branch` step"),
    "originate": ("makes another call", "nothing"),
    "stasis": ("another program leads the call", "a `webhook` step asks it"),
    "amd": ("looks for an answering machine", "nothing: callers call us"),
    "trysystem": ("a program is run", "a `webhook` step tells your server what happened"),
    "read": ("it reads no digits a step could keep", "a `collect` step"),
}  # fmt: skip
"""Why an application (or function) is not converted, and what to do instead; by its name in small letters."""
UNKNOWN = ("no step does this", "leave it out, or ask for it in a `webhook` step")

ADVICE |= {"eagi": ADVICE["agi"], "deadagi": ADVICE["agi"], "fastagi": ADVICE["agi"]}

SOUNDS = {
    "vm-goodbye": "goodbye",
    "goodbye": "goodbye",
    "demo-thanks": "goodbye",
    "pbx-invalid": "invalid_key",
    "invalid": "invalid_key",
    "option-is-invalid": "invalid_key",
    "privacy-incorrect": "invalid_key",
    "please-try-again": "no_input",
    "no-valid-responce-pls-try-again": "no_input",
    "no-valid-response-pls-try-again": "no_input",
    "no-valid-responce-transfering": "too_many_tries",
    "no-valid-response-transfering": "too_many_tries",
    "pls-wait-connect-call": "connecting",
    "one-moment-please": "connecting",
    "pls-hold-while-try": "connecting",
    "connecting": "connecting",
    "transfer": "transferring",
    "pbx-transfer": "transferring",
    "please-stay-on-line": "please_wait",
    "queue-thankyou": "thanks_for_waiting",
    "thank-you-for-calling": "welcome",
    "all-reps-busy": "queue_full",
    "all-circuits-busy-now": "queue_full",
    "vm-isonphone": "busy",
    "im-sorry": "transfer_failed",
    "cannot-complete-as-dialed": "transfer_failed",
    "ss-noservice": "transfer_failed",
    "vm-nobodyavail": "no_agents",
    "nobody-but-chickens": "no_agents",
    "ha/phone-out-of-order": "fallback_trouble",
    "privacy-thankyou": "thank_you",
    "auth-thankyou": "thank_you",
    "vm-msgsaved": "message_saved",
    "vm-intro": "message_intro",
    "this-call-may-be-monitored-or-recorded": "recording_notice",
}
"""Sounds that come with Asterisk, and the prompt that means the same."""

SILENCE = re.compile(r"silence/[0-9]+|beep|beeperr|tone")
RECORDING = "[recording {}]"
CHOICES = "[say the choices here]"
"""What a prompt says until somebody writes the words, or brings the recording."""
OWN = frozenset({"welcome", "main_menu"})
"""Prompts of the shared wording that only a flow says: a recording may take their name."""


def name_of(text: str, beginning: str = "step") -> str:
    """Return a name for `text` as dialplans want it: small letters, digits and _, a letter first, 36 at most."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("ł", "l"))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not name or not name[0].isalpha():
        name = f"{beginning}_{name}".strip("_")
    return name[:36].strip("_")


def free_name(wanted: str, taken: object) -> str:
    """Return `wanted`, or it with a number, so that it is not in `taken` (anything with `in`)."""
    name, number = wanted, 2
    while name in taken:  # type: ignore[operator]
        name, number = f"{wanted[:34]}_{number}", number + 1
    return name


def prompt_name(sound: str) -> str:
    """Return the prompt key of a recording such as custom/main-menu."""
    return name_of(re.sub(r"\.(wav|gsm|ulaw|alaw|sln[0-9]*|g722|mp3)$", "", sound.rpartition("/")[2]), "prompt")


def is_placeholder(text: str) -> bool:
    """Is `text` what an import wrote in place of words?"""
    begin, end = RECORDING.split("{}")
    return text == CHOICES or (text.startswith(begin) and text.endswith(end))
