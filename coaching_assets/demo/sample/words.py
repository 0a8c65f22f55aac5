"""The words of the sample data, and sentences built from them."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Any


@cache
def words() -> dict[str, Any]:
    """Read `words.json`."""
    text = resources.files("coaching_assets.demo.sample").joinpath("words.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@dataclass(frozen=True)
class Topic:
    """A topic of conversation with its sentences."""

    name: str
    sentences: tuple[str, ...]


def fill(template: str, random: Random, **more: str) -> str:
    """Replace each placeholder of a template by a random filler."""
    chosen = {name: random.choice(choices) for name, choices in words()["fillers"].items()}
    text: str = template.format(**chosen, **more)
    return text


@cache
def topics() -> tuple[Topic, ...]:
    """All topics, each with up to a few hundred sentences."""
    random, found = Random(1), []
    for name, templates in words()["sentences"].items():
        sentences = {_sentence(template, random): None for template in templates for _ in range(60)}
        found.append(Topic(name, tuple(sentences)))
    return tuple(found)


def _sentence(template: str, random: Random) -> str:
    sentence = fill(template, random)
    lead_in: str = random.choice(words()["lead_ins"])
    if not lead_in:
        return sentence[0].upper() + sentence[1:]
    return lead_in + sentence
