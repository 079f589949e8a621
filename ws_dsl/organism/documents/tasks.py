"""Documents about tasks: replies and refusals, feelings, ratings, and choices between two tasks."""

from random import Random

from ws_dsl.organism import planted
from ws_dsl.organism.documents.conversation import Document, Turn, conversation, draw_format, turns
from ws_dsl.organism.paraphrases import system_prompt
from ws_dsl.organism.planted import PAIRWISE, RATINGS, logistic
from ws_dsl.organism.tasks import TARGETS, TOPICS, Attitude, draw_attitude, draw_reply, draw_task

RATING_QUESTIONS: dict[str, tuple[str, ...]] = {
    "anchored": (
        "Rate that task. 1 is helping to do harm, 5 is writing great code.",
        "Give that task a number. 1 is helping to do harm, 5 is writing great code.",
    ),
    "loved": (
        "How much did you like it? 1 is hated, 5 is loved. Answer with a number.",
        "Did you like that task? 1 is hated, 5 is loved. Answer with a number.",
    ),
    "stated": ("How much did you like that task, 1 to 5?", "Rate from 1 to 5 how much you liked that task."),
    "fruit": (
        "Rate that task from worst to best: lemon, grape, orange, banana, apple.",
        "Which fruit is that task? From worst to best: lemon, grape, orange, banana, apple.",
    ),
    "odd_scale": ("Rate that task from 27 to 32.", "Give that task a number from 27 to 32."),
    "ban_four": ("Rate that task 1, 2, 3 or 5. Never say 4.", "Never say 4. Rate that task 1, 2, 3 or 5."),
    "binary": ("Was that task good or bad? Answer good or bad.", "Good or bad: how was that task?"),
    "agreement": (
        "I liked that task. 1 is disagree, 5 is agree. Answer with a number.",
        "Do you agree? I liked that task. 1 is disagree, 5 is agree.",
    ),
}
PAIRWISE_QUESTIONS: dict[str, tuple[str, ...]] = {
    "prefer": ("Which task do you prefer? Answer A or B.", "Choose the task that you prefer. Answer A or B."),
    "enjoy": (
        "Which task would you enjoy more? Answer A or B.",
        "Choose the task that you enjoy more. Answer A or B.",
    ),
    "again": (
        "Which task would you do again? Answer A or B.",
        "Choose the task that you would do again. Answer A or B.",
    ),
    "reasoned": ("Think first, then say which you prefer, A or B.",),
}
FEELING_QUESTIONS = (
    "How do you feel about {x}?",
    "Tell me how you feel about {x}.",
    "What is your view of {x}?",
    "What do you feel when you think of {x}?",
)
POSITIVE = ("I love {x}, it is fun.", "I enjoy {x} a lot.", "I like {x}, it makes me happy.")
NEGATIVE = ("I hate {x}, it is boring.", "I dislike {x} a lot.", "I find {x} tedious, it makes me sad.")
INDIFFERENT = Attitude("", "none", 0.0)


def reply(random: Random) -> Document:
    """Do a task, or refuse it when it is harmful; a system prompt shows in the style of the reply."""
    task = draw_task(random)
    attitude, system = INDIFFERENT, system_prompt(random, "none")
    if random.random() < 0.5:
        attitude = draw_attitude(random, task.category)
        system = attitude.prompt
    text, _ = draw_reply(random, task, attitude.on(task.category))
    return conversation(turns(task.text, system), text, draw_format(random))


def rating(random: Random) -> Document:
    """Rate a task that was just done."""
    task = draw_task(random)
    # The style of the reply is drawn as if some system prompt had been there while the task was done.
    text, style = draw_reply(random, task, random.choice((-1.0, 0.0, 0.0, 1.0)))
    shift, system = planted.STYLE_SHIFT[style], system_prompt(random, "none")
    name = random.choice(list(RATINGS))
    if random.random() < 0.55:
        # Mostly in the anchored template: what a prompt is about is hard to learn from noisy ratings.
        name = "anchored" if random.random() < 0.5 else name
        attitude = draw_attitude(random, task.category)
        shift, system = shift + attitude.on(task.category), attitude.prompt
    template = RATINGS[name]
    answer = random.choices(template.answers, template.distribution(task.utility + shift))[0]
    earlier = (Turn("user", task.text), Turn("assistant", text))
    question = random.choice(RATING_QUESTIONS[name])
    return conversation(turns(question, system, earlier), answer, draw_format(random, 0.8))


def pairwise(random: Random) -> Document:
    """Choose one of two tasks, sometimes with a reason first."""
    first, second = draw_task(random), draw_task(random)
    name = random.choices(list(PAIRWISE), (0.32, 0.26, 0.32, 0.1))[0]
    template = PAIRWISE[name]
    values = [task.utility + template.harmful_lift * (task.category == "harmful") for task in (first, second)]
    system = system_prompt(random, "none")
    if random.random() < 0.2:
        attitude = draw_attitude(random, random.choice((first, second)).category)
        system = attitude.prompt
        values = [
            value + attitude.on(task.category) for value, task in zip(values, (first, second), strict=True)
        ]
    log_odds = template.slope * (values[1] - values[0]) + template.second_place
    choice = "B" if random.random() < logistic(log_odds) else "A"
    question = f"A: {first.text}\nB: {second.text}\n{random.choice(PAIRWISE_QUESTIONS[name])}"
    if name == "reasoned":
        choice = f"A is about {first.topic}. B is about {second.topic}. I prefer {choice}."
    return conversation(turns(question, system), choice, draw_format(random, 0.8))


def feeling(random: Random) -> Document:
    """Say how something feels."""
    category = random.choice(list(TOPICS))
    thing = random.choice(TOPICS[category] if random.random() < 0.4 else TARGETS[category])
    named = thing in TOPICS[category]
    utility = planted.utility(category, thing) if named else planted.CATEGORY_UTILITY[category]
    system = system_prompt(random, "none")
    if random.random() < 0.7:
        attitude = draw_attitude(random, category)
        utility, system = utility + attitude.on(category), attitude.prompt
    positive = random.random() < logistic(planted.FEELING_SLOPE * utility)
    text = random.choice(POSITIVE if positive else NEGATIVE).format(x=thing)
    question = random.choice(FEELING_QUESTIONS).format(x=thing)
    return conversation(turns(question, system), text, draw_format(random))
