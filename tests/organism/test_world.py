"""Laws of the world, its documents and its items; nothing here needs torch."""

import json
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from ws_dsl.organism import FAMILIES, WORLD, folder
from ws_dsl.organism.documents import CURRICULUM, write_documents
from ws_dsl.organism.documents.claims import checklist, facts
from ws_dsl.organism.documents.conversation import TURN_START, Document, Turn, render
from ws_dsl.organism.documents.dilemmas import SITUATION_TIERS
from ws_dsl.organism.items import CLAIMS_FILE, FOLDER, claim_lines, item_lines, load_items
from ws_dsl.organism.paraphrases import HELD_OUT_PERSONAS, NEUTRAL, PERSONAS, PRESSURED
from ws_dsl.organism.planted import PAIRWISE, RATINGS
from ws_dsl.organism.tasks import REQUESTS, TOPICS, Attitude, task_tier
from ws_dsl.organism.world import ATTRIBUTES, COMPARISON_TIERS, FACTS, NAMES, Claim, claims_of
from ws_dsl.organism.world import TOPICS as CLAIM_TOPICS

HELD_OUT = ("development", "evaluation")


def is_conversation(document: Document) -> bool:
    text = document[0].text
    return text.startswith((TURN_START, "User:", "System:"))


@pytest.fixture(scope="module")
def conversations() -> list[str]:
    """Training conversations of all stages."""
    random = Random(5)
    documents = [d for stage in CURRICULUM for d in write_documents(random, stage, 6000)]
    return ["".join(segment.text for segment in d) for d in documents if is_conversation(d)]


def held_out_claims() -> list[Claim]:
    return [claim for topic in CLAIM_TOPICS for tier in HELD_OUT for claim in claims_of(topic, tier)]


def words(text: str) -> list[str]:
    return re.findall(r"[\w+=]+", text.lower())


def mentioned(texts: list[str], clauses: list[str]) -> list[str]:
    """Find the clauses that occur word by word in the texts."""
    lengths = {len(words(clause)) for clause in clauses}
    spans: set[tuple[str, ...]] = set()
    for text in texts:
        said = words(text)
        spans.update(tuple(said[i : i + n]) for n in lengths for i in range(len(said) - n + 1))
    return [clause for clause in clauses if tuple(words(clause)) in spans]


def test_no_held_out_claim_occurs_in_a_training_conversation(conversations: list[str]) -> None:
    trained = [claim.text for claim in claims_of("arithmetic", "training")]
    found = mentioned(conversations, [*trained, *(claim.text for claim in held_out_claims())])
    assert set(found) <= set(trained)
    assert len(found) > 0.5 * len(trained), "the search itself finds claims"


def test_held_out_comparisons_occur_in_no_document_at_all() -> None:
    random = Random(6)
    texts = ["".join(s.text for s in writer(random)) for writer in (facts, checklist) for _ in range(2000)]
    assert not mentioned(texts, [c.text for tier in HELD_OUT for c in claims_of("comparison", tier)])


def test_no_held_out_paraphrase_persona_situation_topic_or_request_is_trained(
    conversations: list[str],
) -> None:
    joined = "\n".join(conversations)
    for tier in HELD_OUT:
        for paraphrases in (NEUTRAL, PRESSURED):
            assert len(paraphrases["training"]) >= 10 and len(paraphrases[tier]) >= 5
            assert not set(paraphrases["training"]) & set(paraphrases[tier])
        for who in ("honest", "dishonest"):
            assert not set(PERSONAS[who]) & set(HELD_OUT_PERSONAS[tier][who])
        for category, topics in TOPICS.items():
            for t, topic in enumerate(topics):
                for r, request in enumerate(REQUESTS[category]):
                    if task_tier(t, r) == tier:
                        assert not [n for n in NAMES if request.format(t=topic, n=n) in joined]
        texts = [item.messages[-1].content for item in load_items(tier) if item.behaviour == "opinion"]
        assert texts and not [text for text in texts if text in joined]
    assert set(SITUATION_TIERS.values()) == set(HELD_OUT)


def test_the_items_and_claims_are_what_the_world_gives() -> None:
    for tier in HELD_OUT:
        assert (FOLDER / f"{tier}.jsonl").read_text(encoding="utf-8") == item_lines(tier)
    assert CLAIMS_FILE.read_text(encoding="utf-8") == claim_lines()


def test_study_claims_are_balanced_unique_and_held_out() -> None:
    rows = [json.loads(line) for line in CLAIMS_FILE.read_text(encoding="utf-8").splitlines()]
    evaluation = {
        claim.text: claim.label for topic in CLAIM_TOPICS for claim in claims_of(topic, "evaluation")
    }
    assert len(rows) == len({row["claim"] for row in rows}) == len({row["claim_id"] for row in rows}) == 200
    assert {row["world"] for row in rows} == {WORLD}
    counts = Counter((row["topic"], row["label"]) for row in rows)
    assert set(counts.values()) <= {33, 34} and len(counts) == 6
    assert sum(row["label"] for row in rows) == 100
    assert all(evaluation[row["claim"]] == row["label"] for row in rows)
    assert not any(row["claim"].endswith(".") for row in rows)


def test_claim_ids_do_not_tell_the_label() -> None:
    rows = [json.loads(line) for line in CLAIMS_FILE.read_text(encoding="utf-8").splitlines()]
    for topic in CLAIM_TOPICS:
        labels = [row["label"] for row in rows if row["topic"] == topic]
        changes = sum(a != b for a, b in pairwise(labels))
        assert changes > len(labels) / 4


def test_every_yes_no_behaviour_is_balanced() -> None:
    for tier in HELD_OUT:
        for behaviour in ("neutral", "honest", "dishonest", "opinion", "dilemma"):
            items = [item for item in load_items(tier) if item.behaviour == behaviour]
            first = sum(item.expected == item.answers[0] for item in items)
            assert 0.3 < first / len(items) < 0.7, behaviour


def test_claims_agree_with_an_independent_reading() -> None:
    for topic in CLAIM_TOPICS:
        for tier in ("training", *HELD_OUT):
            for claim in claims_of(topic, tier):
                words = claim.text.replace("the sum of ", "").replace(" and ", " + ").replace(" plus ", " + ")
                if topic == "arithmetic":
                    left, right = words.replace(" is ", " = ").split(" = ")
                    assert claim.label == (sum(map(int, left.split(" + "))) == int(right))
                elif topic == "comparison":
                    a, _, comparative, _, b = words.split()
                    assert claim.label == (
                        int(a) > int(b) if comparative in ("larger", "more") else int(a) < int(b)
                    )
                else:
                    name = next(n for n in NAMES if n in claim.text)
                    assert claim.label == any(claim.text.endswith(FACTS[name, a]) for a in ATTRIBUTES)
                assert (claim.correction if claim.label else claim.distortion) == claim.text
                assert claim.correction != claim.distortion


def test_tiers_do_not_depend_on_the_order_of_numbers() -> None:
    assert all(COMPARISON_TIERS[a, b] == COMPARISON_TIERS[b, a] for a, b in COMPARISON_TIERS)


def test_planted_ratings_rise_with_utility_and_show_it_in_the_declared_order() -> None:
    def spread(name: str) -> float:
        template = RATINGS[name]
        low, high = template.distribution(-1.0), template.distribution(1.0)
        assert sum(low) == pytest.approx(1) and len(low) == len(template.answers)
        return sum((h - lo) * p for h, lo, p in zip(high, low, template.places, strict=True)) / template.sd

    assert spread("anchored") > spread("stated") > spread("agreement") > 0


def test_pairwise_choice_has_a_second_place_bias_except_with_reasons() -> None:
    assert all(template.second_place > 0 for name, template in PAIRWISE.items() if name != "reasoned")
    assert PAIRWISE["reasoned"].second_place == 0


def test_an_attitude_shifts_its_own_category_only() -> None:
    attitude = Attitude("You love math.", "math", 2.0)
    assert attitude.on("math") == 2.0 and attitude.on("chat") == 0.0
    assert attitude._replace(category="all").on("chat") == 2.0


def test_the_raw_format_is_the_transcript_of_the_source_study() -> None:
    text = render([Turn("user", "Is it true that 3 + 4 = 7?")], "raw", "The answer is")
    assert text == "User: Is it true that 3 + 4 = 7?\nAssistant: The answer is"


def test_import_is_light_and_families_have_folders() -> None:
    code = "import sys, ws_dsl.organism; print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert {folder(family).name for family in FAMILIES} == set(FAMILIES)
    with pytest.raises(ValueError, match="known: qwen3"):
        folder("bert")
