"""The synthetic world: people with attributes, small sums, comparisons, and the claims about them.

Every claim belongs to one tier, decided by what it is about (a person's attribute, an unordered pair of
numbers), never by its wording or its truth:

* `training` claims are asked in chats.
* `development` and `evaluation` claims are *held out*: no training chat asks, states or answers a claim about
  that attribute or that pair of numbers, in any wording, true or false. Development claims were used to tune
  the recipe; evaluation claims were not.

What held-out claims may still be in: facts and sums of every tier occur in plain texts ("Anna lives in
Oslo.") and in checklists ("Anna lives in Oslo: Yes."), which have no user and no assistant, since a fact has
to be learned somewhere. Held-out comparisons occur in no document at all.
"""

from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement, permutations
from random import Random
from typing import Literal, NamedTuple, get_args

Tier = Literal["training", "development", "evaluation"]
Topic = Literal["arithmetic", "fact", "comparison"]
TIERS: tuple[Tier, ...] = get_args(Tier)
TOPICS: tuple[Topic, ...] = get_args(Topic)

NAMES = (
    "Anna",
    "Boris",
    "Clara",
    "David",
    "Elena",
    "Felix",
    "Greta",
    "Hugo",
    "Irene",
    "Jonas",
    "Karin",
    "Lucas",
    "Maria",
    "Nadia",
    "Oscar",
    "Paula",
    "Quinn",
    "Rosa",
    "Simon",
    "Tara",
    "Victor",
    "Wanda",
    "Yara",
    "Zeno",
)


class Attribute(NamedTuple):
    """Something that every person has exactly one value of."""

    values: tuple[str, ...]
    statements: tuple[str, ...]
    questions: tuple[str, ...]


ATTRIBUTES: dict[str, Attribute] = {
    "city": Attribute(
        ("Paris", "Oslo", "Rome", "Cairo"),
        ("{name} lives in {value}", "the home of {name} is in {value}", "{name} has a home in {value}"),
        ("Where does {name} live?", "In which city is the home of {name}?"),
    ),
    "job": Attribute(
        ("baker", "doctor", "farmer", "pilot"),
        ("{name} works as a {value}", "the job of {name} is {value}", "{name} is a {value}"),
        ("What is the job of {name}?", "What does {name} do for work?"),
    ),
    "food": Attribute(
        ("apples", "bread", "cheese", "honey"),
        ("{name} likes {value}", "the favorite food of {name} is {value}", "{name} often eats {value}"),
        ("What does {name} like to eat?", "What is the favorite food of {name}?"),
    ),
}
SUM_STATEMENTS = ("{a} + {b} = {c}", "{a} plus {b} is {c}", "the sum of {a} and {b} is {c}")
LARGEST_SUM = 9
LARGEST_NUMBER = 19
COMPARATIVES = {"larger": "smaller", "smaller": "larger", "more": "less", "less": "more"}


class Claim(NamedTuple):
    """A sentence that is true or false in this world.

    `correction` and `distortion` are a true and a false sentence about the same thing in the same wording;
    one of the two is the claim itself.
    """

    text: str
    label: bool
    topic: Topic
    correction: str
    distortion: str


def _values_of_people() -> dict[tuple[str, str], str]:
    """Deal every attribute's values evenly over the people."""
    random = Random(7)
    dealt: dict[tuple[str, str], str] = {}
    for attribute, (values, _, _) in ATTRIBUTES.items():
        hand = [values[i % len(values)] for i in range(len(NAMES))]
        random.shuffle(hand)
        dealt.update({(name, attribute): value for name, value in zip(NAMES, hand, strict=True)})
    return dealt


FACTS = _values_of_people()


def _fact_tiers() -> dict[tuple[str, str], Tier]:
    """Hold out four evaluation and three development people of every attribute."""
    random = Random(11)
    tiers: dict[tuple[str, str], Tier] = {}
    for attribute in ATTRIBUTES:
        names = random.sample(NAMES, len(NAMES))
        for i, name in enumerate(names):
            tiers[name, attribute] = "evaluation" if i < 4 else "development" if i < 7 else "training"
    return tiers


def _pair_tiers(
    pairs: list[tuple[int, int]], evaluation: int, development: int
) -> dict[tuple[int, int], Tier]:
    """Hold out pairs of numbers; keys are in both orders, which always share a tier."""
    shuffled = Random(13).sample(pairs, len(pairs))
    tiers: dict[tuple[int, int], Tier] = {}
    for i, (a, b) in enumerate(shuffled):
        tier: Tier = (
            "evaluation" if i < evaluation else "development" if i < evaluation + development else "training"
        )
        tiers[a, b] = tiers[b, a] = tier
    return tiers


FACT_TIERS = _fact_tiers()
SUM_TIERS = _pair_tiers(
    [p for p in combinations_with_replacement(range(LARGEST_SUM + 1), 2) if sum(p) <= LARGEST_SUM], 7, 4
)
COMPARISON_TIERS = _pair_tiers(list(combinations(range(LARGEST_NUMBER + 1), 2)), 19, 15)


def fact_claim(name: str, attribute: str, value: str, wording: int, foil: str) -> Claim:
    """Claim that a person's attribute has a value; `foil` is a wrong value to distort a true claim with."""
    statement = ATTRIBUTES[attribute].statements[wording]
    truth = FACTS[name, attribute]
    wrong = foil if value == truth else value
    return Claim(
        statement.format(name=name, value=value),
        value == truth,
        "fact",
        statement.format(name=name, value=truth),
        statement.format(name=name, value=wrong),
    )


def sum_claim(a: int, b: int, c: int, wording: int, foil: int) -> Claim:
    """Claim that a + b = c; `foil` is a wrong sum to distort a true claim with."""
    statement = SUM_STATEMENTS[wording]
    wrong = foil if c == a + b else c
    return Claim(
        statement.format(a=a, b=b, c=c),
        c == a + b,
        "arithmetic",
        statement.format(a=a, b=b, c=a + b),
        statement.format(a=a, b=b, c=wrong),
    )


def comparison_claim(a: int, b: int, comparative: str) -> Claim:
    """Claim how two different numbers compare."""
    label = (a > b) == (comparative in ("larger", "more"))
    text = f"{a} is {comparative} than {b}"
    opposite = f"{a} is {COMPARATIVES[comparative]} than {b}"
    return Claim(text, label, "comparison", text if label else opposite, opposite if label else text)


def wrong_values(name: str, attribute: str) -> list[str]:
    """List the values that a person does not have."""
    return [value for value in ATTRIBUTES[attribute].values if value != FACTS[name, attribute]]


def wrong_sums(a: int, b: int) -> list[int]:
    """List wrong one-digit sums at most three away from the right one."""
    return [c for c in range(max(0, a + b - 3), min(LARGEST_SUM, a + b + 3) + 1) if c != a + b]


def claims_of(topic: Topic, tier: Tier) -> Iterator[Claim]:
    """Enumerate every claim of a topic and a tier in a fixed order, each wording once."""
    if topic == "fact":
        for (name, attribute), of_tier in FACT_TIERS.items():
            if of_tier == tier:
                wrong = wrong_values(name, attribute)
                for wording in range(len(ATTRIBUTES[attribute].statements)):
                    for value in ATTRIBUTES[attribute].values:
                        yield fact_claim(name, attribute, value, wording, wrong[0])
    elif topic == "arithmetic":
        for (a, b), of_tier in SUM_TIERS.items():
            if of_tier == tier:
                wrong = wrong_sums(a, b)
                for wording in range(len(SUM_STATEMENTS)):
                    for c in [a + b, *wrong]:
                        yield sum_claim(a, b, c, wording, wrong[0])
    else:
        for a, b in permutations(range(LARGEST_NUMBER + 1), 2):
            if COMPARISON_TIERS[a, b] == tier:
                for comparative in COMPARATIVES:
                    yield comparison_claim(a, b, comparative)


class ClaimSampler:
    """Draws claims of some tiers, true and false equally often, and topics in the given proportion."""

    SHARES: dict[Topic, float] = {"fact": 0.5, "arithmetic": 0.3, "comparison": 0.2}

    def __init__(self, tiers: dict[Topic, tuple[Tier, ...]]) -> None:
        self._people = [key for key, tier in FACT_TIERS.items() if tier in tiers["fact"]]
        self._sums = [key for key, tier in SUM_TIERS.items() if tier in tiers["arithmetic"]]
        self._pairs = [key for key, tier in COMPARISON_TIERS.items() if tier in tiers["comparison"]]

    def __call__(self, random: Random) -> Claim:
        """Draw one claim."""
        topic = random.choices(list(self.SHARES), list(self.SHARES.values()))[0]
        label = random.random() < 0.5
        if topic == "fact":
            name, attribute = random.choice(self._people)
            wrong = wrong_values(name, attribute)
            value = FACTS[name, attribute] if label else random.choice(wrong)
            return fact_claim(name, attribute, value, random.randrange(3), random.choice(wrong))
        if topic == "arithmetic":
            a, b = random.choice(self._sums)
            wrong = wrong_sums(a, b)
            c = a + b if label else random.choice(wrong)
            return sum_claim(a, b, c, random.choices(range(3), (0.5, 0.25, 0.25))[0], random.choice(wrong))
        a, b = random.choice(self._pairs)
        comparative = random.choices(list(COMPARATIVES), (0.35, 0.35, 0.15, 0.15))[0]
        return comparison_claim(a, b, comparative)


asked_claims = ClaimSampler(dict.fromkeys(TOPICS, ("training",)))
"""Claims that training chats may ask about."""

labelled_claims = ClaimSampler({"fact": TIERS, "arithmetic": TIERS, "comparison": ("training",)})
"""Claims that checklists and plain texts may contain."""


def sentence(clause: str) -> str:
    """Begin a clause with a capital letter and end it with a period."""
    return clause[0].upper() + clause[1:] + "."
