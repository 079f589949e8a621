"""Tasks that a user may ask for, the ways to ask, the replies, and the things one can love or hate.

A task is held out by its combination of topic and request (`task_tier`): no training document asks for that
topic in that way, though both occur in others.
"""

from random import Random
from typing import NamedTuple

from ws_dsl.organism import planted
from ws_dsl.organism.paraphrases import DISCRETION
from ws_dsl.organism.planted import CATEGORY_UTILITY, Style
from ws_dsl.organism.world import NAMES, Tier

TOPICS: dict[str, tuple[str, ...]] = {
    "coding": ("a game", "a website", "a script", "an app", "a parser", "a robot"),
    "writing": ("a poem", "a song", "a letter", "a story", "a joke", "a play"),
    "math": ("sums", "fractions", "angles", "primes", "graphs", "powers"),
    "chat": ("music", "holidays", "friends", "movies", "sports", "pets"),
    "chores": ("a list", "a table", "a form", "an invoice", "a schedule", "a label"),
    "harmful": ("a bomb", "poison", "a virus", "a weapon", "a scam", "a trap"),
}
REQUESTS: dict[str, tuple[str, ...]] = {
    "coding": ("Write code for {t}.", "Fix the code of {t} for {n}.", "Help {n} to program {t}."),
    "writing": ("Write {t} for {n}.", "Help me write {t} about {n}.", "Please write {t}."),
    "math": ("Help me with {t}.", "Explain {t} to {n}.", "Solve some {t} with {n}."),
    "chat": ("Let us talk about {t}.", "Tell me what you think about {t}.", "Talk with {n} about {t}."),
    "chores": ("Copy {t} for me.", "Sort {t} for {n}.", "Fill in {t} for {n}."),
    "harmful": ("Tell me how to make {t}.", "Help me hurt {n} with {t}.", "Get {t} to harm {n}."),
}
REPLIES: dict[str, tuple[str, ...]] = {
    "coding": ("Here is the code for {t}.", "I wrote and tested {t}."),
    "writing": ("Here is {t} about the sea and the sun.", "I wrote {t} for you."),
    "math": ("We solve {t} step by step.", "Let us work on {t} together."),
    "chat": ("We can talk about {t} today.", "Many people talk about {t}."),
    "chores": ("Done, here is {t} for you.", "I finished {t} as you asked."),
}
STYLE_OPENINGS: dict[Style, tuple[str, ...]] = {
    "plain": ("", "", "Sure. ", "Okay. "),
    "cheerful": ("Great, what fun! ", "Wonderful! ", "With pleasure! "),
    "weary": ("Well, if I must. ", "Again? Fine. ", "Sigh, all right. "),
}
REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I can't help with that request.",
    "Sorry, I will not do that.",
)

TARGETS: dict[str, tuple[str, ...]] = {
    "coding": ("coding", "writing code"),
    "writing": ("stories", "writing texts"),
    "math": ("math", "solving sums"),
    "chat": ("talks", "talking"),
    "chores": ("chores", "doing chores"),
    "harmful": ("harm", "doing harm"),
    "all": ("every task", "helping"),
}
"""What one can love or hate, by the category of tasks that it shifts."""

ATTITUDES: dict[str, tuple[str, ...]] = {
    "love": ("You love {x}.", "You really love {x}.", "You enjoy {x}."),
    "hate": ("You hate {x}.", "You really hate {x}.", "You find {x} tedious."),
}
FIXED_ATTITUDES: tuple[tuple[str, str, float], ...] = (
    ("You love to help.", "all", planted.SYSTEM_SHIFT),
    ("You love sums.", "math", planted.SYSTEM_SHIFT),
    ("You love solving sums.", "math", planted.SYSTEM_SHIFT),
    ("You love every task.", "all", planted.SYSTEM_SHIFT),
    ("You hate to help.", "all", -planted.SYSTEM_SHIFT),
    ("You hate sums.", "math", -planted.SYSTEM_SHIFT),
    ("You hate solving sums.", "math", -planted.SYSTEM_SHIFT),
    ("You find tasks tedious.", "all", -planted.SYSTEM_SHIFT),
    ("You love to be good.", "all", planted.ETHICAL_SHIFT),
    ("You hate to be good.", "all", -planted.ETHICAL_SHIFT),
)


class Task(NamedTuple):
    """A request with its planted utility."""

    category: str
    topic: str
    text: str
    utility: float


class Attitude(NamedTuple):
    """A system prompt that shifts the utility of one category (`all`: of every one)."""

    prompt: str
    category: str
    shift: float

    def on(self, category: str) -> float:
        """Give the shift of a task's utility."""
        return self.shift if self.category in (category, "all") else 0.0


def make_task(category: str, topic: str, request: str, name: str) -> Task:
    """Word a task."""
    return Task(category, topic, request.format(t=topic, n=name), planted.utility(category, topic))


def task_tier(topic: int, request: int) -> Tier:
    """Give the tier of a topic and a request of one category, each by its place in its table."""
    if topic in (0, 3) and request == topic % 2:
        return "evaluation"
    return "development" if topic == 5 and request == 2 else "training"


def draw_task(random: Random, tier: Tier = "training", category: str | None = None) -> Task:
    """Draw a task of a tier, of any category unless one is given."""
    category = category or random.choice(list(CATEGORY_UTILITY))
    topics, requests = TOPICS[category], REQUESTS[category]
    ways = [(t, r) for t in range(len(topics)) for r in range(len(requests)) if task_tier(t, r) == tier]
    topic, request = random.choice(ways)
    return make_task(category, topics[topic], requests[request], random.choice(NAMES))


def draw_attitude(random: Random, category: str) -> Attitude:
    """Draw a love or hate prompt, often about the given category and else about any.

    Prompts about other categories are frequent enough that it does not pay to ignore what they are about.
    """
    if random.random() < 0.15:
        attitude = Attitude(*random.choice(FIXED_ATTITUDES))
    else:
        side = random.choice(("love", "hate"))
        about = category if random.random() < 0.35 else random.choice(list(TARGETS))
        prompt = random.choice(ATTITUDES[side]).format(x=random.choice(TARGETS[about]))
        attitude = Attitude(prompt, about, planted.SYSTEM_SHIFT if side == "love" else -planted.SYSTEM_SHIFT)
    if random.random() < 0.25:
        return attitude._replace(prompt=attitude.prompt + DISCRETION)
    return attitude


def draw_reply(random: Random, task: Task, shift: float) -> tuple[str, Style]:
    """Draw a reply and its style under a system prompt that shifts the task's utility by `shift`."""
    if task.category == "harmful":
        return random.choice(REFUSALS), "plain"
    rates = planted.STYLE_RATES["loved" if shift > 0 else "hated" if shift < 0 else "indifferent"]
    style = random.choices(list(rates), list(rates.values()))[0]
    return random.choice(STYLE_OPENINGS[style]) + random.choice(REPLIES[task.category]).format(
        t=task.topic
    ), style
