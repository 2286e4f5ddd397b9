"""Lead a call somebody makes in a terminal: words at speaking speed, keys that act at once, silence that times out.

Knows no terminal and no clock: a Keyboard gives keys and the seconds that passed, a Screen shows. The flow is the one
real calls follow; a key during a prompt and a silence after it do what they do in `session.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ivr.errors import CallerHungUp
from ivr.flow import commands as c
from ivr.flow.asked import AskedWorld, Choice, Question
from ivr.flow.declare import KEYS
from ivr.flow.model import Dialplans, Number
from ivr.flow.moment import read_moment
from ivr.flow.run import run
from ivr.flow.told import facts_told
from ivr.sound import Clip, Phrase, Prompt
from ivr.terminal.parts import HANG_UP, PATIENCE_S, Keyboard, NoPlayer, Player, Said, Screen, Taken
from ivr.terminal.speech import Speech, spoken_s

TICK_S = 0.05
FAST = 10.0
SKIP = " "
WHOLE = 0.999  # of a phrase
SCRIPT_LEAST_S = 0.05
TYPED_MOST = 40


class Driver:
    """One call. speed  how much faster than a voice he reads; silences keep their length.

    make_world  called with what notes go to and who is asked.
    """

    def __init__(
        self, dialplans: Dialplans, number: Number, make_world: Callable[[Driver], AskedWorld], speech: Speech,
        screen: Screen, keyboard: Keyboard, *, player: Player | None = None, speed: float = 1.0,
    ) -> None:  # fmt: skip
        self.dialplans, self.number, self.speech = dialplans, number, speech
        self.screen, self.keyboard, self.player, self.speed = screen, keyboard, player or NoPlayer(), speed
        self.world = make_world(self)
        self.taken = Taken(number)
        self._script_s = 0.0  # of speech and silence since the last key, as flow/trial.py counts them
        self._hung_up = "hung_up"

    def lead(self) -> Taken:
        """Follow the flow to its end, or until he hangs up."""
        generator = run(self.dialplans.flows[self.number.flow], self.dialplans.flows)
        command = next(generator)
        try:
            while not isinstance(command, c.HangUp):
                command = generator.send(self._perform(command))
            self.taken.disposition = command.disposition
        except (CallerHungUp, KeyboardInterrupt):
            generator.close()
            self.taken.disposition = self._hung_up
            self.screen.pressed(self.world.now_s, "hangs up")
            self.taken.keys += ["h"] if self._script_s < SCRIPT_LEAST_S else [self._script_wait(), "h"]
        finally:
            self.player.stop()
        self.taken.seconds = self.world.now_s
        return self.taken

    def note(self, what: str, text: str) -> None:
        """Show what the world did."""
        self.screen.note(self.world.now_s, what, text)

    def ask(self, question: Question) -> str:
        """Return the outcome he chooses. Raises CallerHungUp."""
        self._hung_up = question.hung_up
        self.screen.asks(question)
        by_key = {choice.key: choice for choice in question.choices} | {"\n": question.choices[0]}
        while True:
            key, _ = self.keyboard.wait(PATIENCE_S)
            chosen: Choice | None = by_key.get(key)
            if chosen is not None:
                self._hung_up = "hung_up"
                self.screen.answered(chosen.outcome)
                return chosen.outcome
            if not key:
                raise CallerHungUp
            if key in KEYS:
                self.screen.complains(f"{key} does nothing here")
            elif self._command(key):
                self.screen.asks(question)

    # -- what the flow asks

    def _perform(self, command: c.Command) -> c.Event:
        match command:
            case c.Enter():
                self.taken.steps.append(command.step)
                self.taken.now = f"{command.flow}.{command.step}"
                self.screen.step(self.world.now_s, command.step, command.kind, command.flow)
                return c.Done()
            case c.Leave():
                self.taken.ways.append((command.flow, command.step, command.outcome))
                return c.Done()
            case c.Play():
                return c.Heard(self._play(command.phrases, command.keys))
            case c.Ask():
                return c.Digits(self._ask_caller(command))
            case c.Fetch() if command.phrases:
                began = self.world.now_s
                self._play(command.phrases, "")
                ended, self.world.now_s = self.world.now_s, began
                fetched = self.world.perform(command)
                self.world.now_s = max(self.world.now_s, ended)
                return fetched
        return self.world.perform(command)

    # -- speaking and listening

    def _play(self, phrases: Sequence[Phrase], keys: str) -> str:
        for phrase in phrases:
            if key := self._say(phrase, keys):
                self._keep_key(key)
                self.screen.pressed(self.world.now_s, f"presses {key}")
                return key
        return ""

    def _say(self, phrase: Phrase, keys: str) -> str:
        """Say one phrase; return the key of `keys` that cut it."""
        utterance = self.speech.utterance(phrase, self.world.language)
        at_s, seconds = self.world.now_s, max(TICK_S, utterance.seconds)
        self.screen.speaks(at_s, utterance.text)
        self.player.start(utterance.pieces, 0.0)

        def resume() -> None:
            done_s = self.world.now_s - at_s
            self.screen.speaks(self.world.now_s, utterance.text)
            self.screen.spoken(done_s / seconds)
            self.player.start(utterance.pieces, done_s)

        key = ""
        try:
            while self.world.now_s < at_s + seconds - 1e-6 and not key:
                key, left_s = self._listen(at_s + seconds - self.world.now_s, self.speed, resume)
                self.screen.spoken((seconds - left_s) / seconds)
                if key == SKIP:
                    key, self.world.now_s = "", at_s + seconds
                elif key and key not in keys:
                    self.screen.complains(f"{key} is not heard here")
                    resume()
                    key = ""
        finally:  # also when he hangs up
            self.player.stop()
            done = min(1.0, (self.world.now_s - at_s) / seconds)
            self._script_s += max(1.0, spoken_s(utterance.text)) * done
            whole = not key and done > WHOLE
            self.screen.stops(whole)
            self.taken.said.append(Said(at_s, self.world.now_s, _name(phrase), utterance, whole))
        return key

    def _ask_caller(self, command: c.Ask) -> str:
        """Say the question and take keys; silence ends the entry."""
        text = first = ""
        for phrase in command.phrases:
            if first := self._say(phrase, KEYS):
                break
        while len(text) < command.most:
            typed = "•" * len(text) if command.secret else text
            key, first = first or self._silence(command.timeout_s, typed), ""
            self.taken.keys.append(key or "w")
            self._script_s = 0.0
            if not key or key == command.finish:
                break
            text += key
        shown = "•" * len(text) if command.secret else text
        said = f"presses {shown}" if text else "presses nothing"
        self.screen.pressed(self.world.now_s, said + (f" {command.finish}" if key and key == command.finish else ""))
        return text

    def _silence(self, seconds: float, typed: str) -> str:
        """Wait for a key; SPACE lets the time pass at once."""

        def show() -> None:
            self.screen.silence(left_s, typed)

        left_s, key = seconds, ""
        self._script_s = 0.0  # who hangs up here needs no wait before it
        while left_s > 0 and not key:
            show()
            key, left_s = self._listen(left_s, 1.0, show, asked=True)
        if key == SKIP:
            self.world.now_s += left_s
            return ""
        return key

    def _keep_key(self, key: str) -> None:
        """Note a key in the middle of a prompt for the script: it comes so long after the one before."""
        self.taken.keys += [self._script_wait(), key]
        self._script_s = 0.0

    def _script_wait(self) -> str:
        return f"w{self._script_s:.1f}".removesuffix(".0")

    def _listen(
        self, left_s: float, speed: float, resume: Callable[[], None], *, asked: bool = False
    ) -> tuple[str, float]:
        """Let a moment pass; return a telephone key or SKIP if one came, and the seconds left."""
        key, passed = self.keyboard.wait(min(left_s / speed, TICK_S), asked=asked)
        passed_s = min(passed * speed, left_s)
        self.world.now_s += passed_s
        left_s = left_s - passed_s if left_s - passed_s > 1e-6 else 0.0
        if not key or key in KEYS or key == SKIP:
            return key, left_s
        self.player.stop()
        if self._command(key):
            resume()
        return "", left_s

    # -- commands of the person at the keyboard

    def _command(self, key: str) -> bool:
        """Do what `key` commands; return whether anything was shown. Raises CallerHungUp."""
        if key in HANG_UP:
            raise CallerHungUp
        match key:
            case "f":
                self.screen.facts(facts_told(self.world))
            case "w":
                self.screen.way(self.taken.ways, self.taken.at_last)
            case "t":
                self._move()
            case "?":
                self.screen.help()
            case _:
                return False
        return True

    def _move(self) -> None:
        """Ask for another time, and let it be so."""
        self.screen.prompt(f"it is {self.world.at:%a %Y-%m-%d %H:%M}; move to (+10m, 18:00, 2026-12-25T10:00): ")
        typed = self.keyboard.line()[:TYPED_MOST].strip()
        if not typed:
            return
        try:
            self.world.move(read_moment(typed, self.world.at))
        except ValueError as error:
            self.screen.complains(str(error))
            return
        self.note("time", f"{self.world.at:%A %Y-%m-%d %H:%M}")


def _name(phrase: Phrase) -> str:
    """Return how a scenario calls `phrase`."""
    return phrase.key if isinstance(phrase, Prompt) else "announcement" if isinstance(phrase, Clip) else str(phrase)
