"""The kinds of steps that know, ask and remember, and those that lead to other flows. Pure data."""

from __future__ import annotations

from ivr.flow.declare import NEXT, NO_INPUT, TIMEOUT_S, TRIES_KEY, Fallback, Key, Kind, Outcome, wrong_key

KNOWN = (
    Kind(
        "branch",
        "Goes different ways, by what is known of the call. `[steps.<name>.when]` gives each way a name and a"
        " condition; they are tested in this order and the first that holds is the outcome.",
        (Key("when", "conditions", 'for example `vip = "class = vip & language = pl"`'),),
        (Outcome("otherwise", "no condition holds", NEXT),),
        named="when",
    ),
    Kind(
        "set",
        "Sets a variable of the call. A later step reads it as `var.<name>`; agents see it on the screen.",
        (
            Key("name", "name", "the variable"),
            Key("value", "filled", "what it holds from now on"),
        ),
        (Outcome("done", "it is set", NEXT),),
    ),
    Kind(
        "identify",
        "Finds out which customer calls: by the number he calls from, else by an account number or postcode "
        "he enters, which is read back to him. From then on announcements, `status` and `area` are about this"
        " customer. Names are never spoken: a number can be forged.",
        (
            Key("ask", "choice", "what he is asked for", "account", choices=("account", "postcode")),
            Key("use_number", "yes/no", "false: he is asked although his number is known", True),
            Key("prompt", "prompts", "the question; [] for `enter_account` or `enter_postcode`", ()),
            Key("least", "integer", "fewest digits", 4, 1, 20),
            Key("most", "integer", "most digits", 12, 1, 20),
            Key("finish", "choice", "key that ends the entry, '' for none", "#", choices=("#", "*", "")),
            Key("read_back", "yes/no", "false: the digits are not read back", True),
            Key("unknown_prompt", "prompt", "said before asking again when nobody has it", "not_found"),
            TRIES_KEY,
            TIMEOUT_S,
            NO_INPUT,
            wrong_key("too few digits came"),
        ),
        (
            Outcome("known", "the customer is known, or by his postcode at least the area", NEXT),
            Outcome("unknown", "nobody was found in `tries`", NEXT),
            Outcome("no_input", "he entered nothing in `tries`", NEXT),
        ),
    ),
    Kind(
        "status",
        "Speaks the state of the services where the caller lives: what is known of an outage or of planned "
        "work, with the expected end, or that everything works. Says it again although he has heard it: he "
        "asked. A key stops it and is taken by the next menu.",
        (
            Key("service", "text", "only of this service, for example internet; '' for all", "", most=40),
            Key("normal_prompt", "prompt", "said when nothing is known there", "status_normal"),
            Key("unknown_prompt", "prompt", "said when nobody knows where he lives", "status_unknown"),
        ),
        (
            Outcome("normal", "nothing is known there", NEXT),
            Outcome("outage", "he heard of an outage", NEXT),
            Outcome("planned", "he heard of planned work, and of no outage", NEXT),
            Outcome("unknown", "nobody knows where he lives, and nothing concerns everybody", NEXT),
        ),
    ),
    Kind(
        "callback",
        "Offers to call back: his place in the queue is kept from now on, and he need not wait.",
        (
            Key("queue", "queue", "in which queue he keeps his place"),
            Key("prompt", "prompts", "said before; [] for nothing", ()),
        ),
        (
            Outcome("booked", "he will be called back", Fallback("end", "goodbye", "callback")),
            Outcome("declined", "he does not wish it, or he cannot be called", NEXT),
        ),
    ),
    Kind(
        "message",
        "Lets him leave a message: he speaks after the tone, can hear it, record it again and send it.",
        (
            Key("queue", "queue", "for whom it is"),
            Key("prompt", "prompts", "said before; [] for nothing", ()),
        ),
        (
            Outcome("kept", "it is kept", Fallback("end", "goodbye", "message")),
            Outcome("none", "he left none", NEXT),
        ),
    ),
    Kind(
        "survey",
        "Asks how it was: each question is answered with a key from `least` to `most`. Two silences end it; "
        "what was answered till then is kept. Put it at `on.answered` of a queue: the agent hangs up, the "
        "caller stays.",
        (
            Key("name", "name", "what the survey is called in reports"),
            Key("questions", "prompts", "the questions, in this order"),
            Key("intro", "prompts", "said before the first; [] for nothing", ("survey_intro",)),
            Key("thanks", "prompts", "said after the last; [] for nothing", ("survey_thanks",)),
            Key("least", "integer", "the worst answer", 1, 0, 9),
            Key("most", "integer", "the best answer", 5, 1, 9),
            TIMEOUT_S,
            wrong_key("another key was pressed"),
        ),
        (
            Outcome("done", "at least one question is answered", NEXT),
            Outcome("nothing", "none is", NEXT),
        ),
    ),
    Kind(
        "webhook",
        "Asks a company's own server over HTTP: POST of a JSON object with the facts in `send`, answered by a"
        " JSON object. Its `result` says which outcome it is; its other plain fields become variables. The "
        "call never waits longer than `timeout_s` (or than `prompt` lasts).",
        (
            Key("webhook", "webhook", "which one"),
            Key("send", "facts", "what it is told", ()),
            Key("results", "names", "what `result` may be; each is an outcome", ()),
            Key("timeout_s", "seconds", "how long the call waits at most", 3, 0.2, 10),
            Key("prompt", "prompts", "said while it is asked; [] for nothing", ()),
        ),
        (
            Outcome("other", "it answered, with no `result` or another one", NEXT),
            Outcome("timeout", "it did not answer in time", NEXT),
            Outcome("failed", "it cannot be reached, refused, or answered something else than JSON", NEXT),
        ),
        named="results",
    ),
    Kind(
        "invoke",
        "Goes through another flow and comes back with an outcome: `done`, or what a `return` step there "
        "names. At most 5 flows inside each other.",
        (
            Key("flow", "flow", "which flow"),
            Key("with", "values", "variables set before", ()),
        ),
        (Outcome("done", "it returned, and named no outcome", NEXT),),
        named="flow",
    ),
    Kind(
        "return",
        "Goes back to the step that invoked this flow.",
        (Key("outcome", "name", "the outcome of that step", "done"),),
    ),
    Kind(
        "pass",
        "Goes on in another flow, for good.",
        (Key("flow", "flow", "which flow"),),
    ),
)
